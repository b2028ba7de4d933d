/**
 * Merges plain messages as protobuf's MergeFrom does: set scalars replace, messages merge field by field, lists are
 * appended, map entries replace. `-c A -c B` and `--config-yaml` are merged this way.
 */
import type { FieldType, MessageType, PlainObject } from "./message-type.ts";
import type { Duration } from "./plain.ts";

/** A new message; neither argument is changed. */
export function mergeMessages(type: MessageType, base: unknown, over: unknown): unknown {
  if (type.form === "duration" || type.form === "timestamp") return mergeTimes(base, over);
  if (type.form === "struct") return { ...(base as object), ...(over as object) };
  if (type.form === "list") return [...(base as unknown[]), ...(over as unknown[])];
  if (type.form !== "object") return over;
  const merged: PlainObject = { ...(base as PlainObject) };
  for (const field of type.fields) {
    const value = (over as PlainObject)[field.jsonName];
    if (value === undefined) continue;
    const oneof = field.oneof === null ? [] : type.fieldsOfOneof(field.oneof);
    for (const other of oneof) if (other !== field) delete merged[other.jsonName];
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
function mergeTimes(base: unknown, over: unknown): Duration {
  const [a, b] = [base as Duration, over as Duration];
  return { seconds: b.seconds || a.seconds, nanos: b.nanos || a.nanos };
}
