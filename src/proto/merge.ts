/**
 * Merges plain messages as protobuf's MergeFrom does: set scalars replace, messages merge field by
 * field, lists are appended, map entries replace. `-c A -c B` and `--config-yaml` are merged this
 * way.
 */
import type { FieldType, MessageType, PlainObject } from "./message-type.ts";
import type { Duration } from "./plain.ts";
import { isZeroScalar } from "./plain-values.ts";

/** A new message; neither argument is changed. */
export function mergeMessages(type: MessageType, base: unknown, over: unknown): unknown {
  switch (type.form) {
    case "object":
      return mergeObjects(type, base as PlainObject, over as PlainObject);
    case "duration":
    case "timestamp":
      return mergeTimes(base as Duration, over as Duration);
    case "struct":
      return { ...(base as object), ...(over as object) };
    case "list":
      return [...(base as unknown[]), ...(over as unknown[])];
    case "fieldMask":
      return [base, over].filter((mask) => mask !== "").join(",");
    case "wrapper":
      // A zero value is not sent, so it does not replace.
      return isZeroScalar(over) ? base : over;
    default:
      return over;
  }
}

function mergeObjects(type: MessageType, base: PlainObject, over: PlainObject): PlainObject {
  const merged: PlainObject = { ...base };
  for (const field of type.fields) {
    const value = over[field.jsonName];
    if (value === undefined) continue;
    const rivals = field.oneof === null ? [] : type.fieldsOfOneof(field.oneof);
    for (const rival of rivals) if (rival !== field) delete merged[rival.jsonName];
    const existing = merged[field.jsonName];
    merged[field.jsonName] = existing === undefined ? value : mergeField(field, existing, value);
  }
  return merged;
}

function mergeField(field: FieldType, base: unknown, over: unknown): unknown {
  if (field.repeated) return [...(base as unknown[]), ...(over as unknown[])];
  if (field.isMap) return { ...(base as object), ...(over as object) };
  return field.message === null ? over : mergeMessages(field.message, base, over);
}

/** Seconds and nanos are fields too: a zero part does not replace. */
function mergeTimes(base: Duration, over: Duration): Duration {
  return { seconds: over.seconds || base.seconds, nanos: over.nanos || base.nanos };
}
