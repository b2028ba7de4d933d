/**
 * TypedStruct (xds.type.v3 and udpa.type.v1): an Any that names a type and carries its fields as a
 * Struct. When the inner type is known it is read as that type, as Envoy does.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { DiagnosticSink } from "./diagnostic-sink.ts";
import type { MessageRegistry } from "./message-registry.ts";
import type { MessageType, PlainObject } from "./message-type.ts";
import { NodeDecoder } from "./node-decoder.ts";
import type { AnyMessage, JsonObject } from "./plain.ts";
import { nodeOfJson } from "./source-node.ts";

/** Where the decoder of the surrounding message keeps what it finds. */
export interface DecodingNotes {
  readonly unknownFields: string[];
  readonly diagnostics: Diagnostic[];
}

/**
 * Gives the Any of the inner type, or `any` itself when it holds no TypedStruct of a known type.
 */
export function unpackTypedStruct(
  any: AnyMessage,
  type: MessageType,
  registry: MessageRegistry,
  path: string,
  notes: DecodingNotes,
): AnyMessage {
  if (!type.isTypedStruct) return any;
  const struct = any.value as PlainObject;
  const typeUrl = (struct["typeUrl"] ?? "") as string;
  const inner = registry.messageOfUrl(typeUrl);
  if (inner === null) return any;
  const content = (struct["value"] ?? {}) as JsonObject;
  const sink = new DiagnosticSink(null);
  const decoder = new NodeDecoder(registry, sink, { unknownFields: "collect" });
  const value = decoder.anyContent(inner, nodeOfJson(content), path);
  notes.unknownFields.push(...decoder.unknownFields);
  notes.diagnostics.push(...sink.diagnostics);
  return { typeUrl, value: value ?? {}, typedStruct: { typeUrl: any.typeUrl, value: content } };
}
