/**
 * Reads the file descriptors that a protobuf C++ program carries in its binary (Envoy's, for one)
 * into a model. They state exactly which messages, fields and rules that Envoy knows. Used by hand,
 * by compare-descriptors.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import {
  emptyModel,
  type FieldModel,
  type MessageModel,
  type Model,
  type RulesLiteral,
} from "./model.ts";

const MODULES = join(import.meta.dirname, "../../node_modules");
const WANTED =
  /^(envoy|xds|udpa|opencensus|opentelemetry|io|google\/(rpc|api\/expr)|cel|contrib)\//;

interface FieldProto {
  name: string;
  number: number;
  label?: string;
  type: string;
  type_name?: string;
  oneof_index?: number;
  proto3_optional?: boolean;
  options?: { deprecated?: boolean; ".validate.rules"?: RulesLiteral };
}

interface MessageProto {
  name: string;
  field?: FieldProto[];
  nested_type?: MessageProto[];
  enum_type?: EnumProto[];
  oneof_decl?: { name: string; options?: { ".validate.required"?: boolean } }[];
  options?: { map_entry?: boolean };
}

interface EnumProto {
  name: string;
  value: { name: string; number?: number }[];
}

interface FileProto {
  name: string;
  package?: string;
  message_type?: MessageProto[];
  enum_type?: EnumProto[];
}

export function readEnvoyBinary(path: string): Model {
  const binary = readFileSync(path);
  const type = fileDescriptorType();
  const model = emptyModel();
  for (const bytes of embeddedFiles(binary)) {
    const file = type.toObject(type.decode(bytes), { enums: String, longs: Number }) as FileProto;
    if (!WANTED.test(file.name)) continue;
    const packageName = file.package ?? "";
    for (const message of file.message_type ?? [])
      addMessage(model, message, packageName, packageName);
    for (const item of file.enum_type ?? []) addEnum(model, item, packageName, packageName);
  }
  return model;
}

/** FileDescriptorProto with the field rules as typed extensions of its options. */
function fileDescriptorType(): protobuf.Type {
  const root = new protobuf.Root();
  for (const file of [
    "protobufjs/google/protobuf/descriptor.proto",
    "@grpc/grpc-js-xds/deps/protoc-gen-validate/validate/validate.proto",
  ]) {
    protobuf.parse(readFileSync(join(MODULES, file), "utf8"), root, { keepCase: true });
  }
  const common = protobuf.common as unknown as { get(file: string): protobuf.INamespace };
  root.addJSON(common.get("google/protobuf/duration.proto").nested ?? {});
  root.addJSON(common.get("google/protobuf/timestamp.proto").nested ?? {});
  root.resolveAll();
  return root.lookupType("google.protobuf.FileDescriptorProto");
}

/**
 * Each embedded file starts with its name (field 1) and ends with its syntax, "proto3" (field 12).
 */
function* embeddedFiles(binary: Buffer): Iterable<Buffer> {
  const seen = new Set<string>();
  for (let at = binary.indexOf(".proto\x12"); at >= 0; at = binary.indexOf(".proto\x12", at + 1)) {
    const start = nameStart(binary, at + 6);
    if (start < 0) continue;
    const end = messageEnd(binary, start);
    const name = binary.toString("latin1", start + 2, at + 6);
    if (end < 0 || seen.has(name)) continue;
    seen.add(name);
    yield binary.subarray(start, end);
  }
}

function nameStart(binary: Buffer, nameEnd: number): number {
  for (let length = 8; length < 128; length++) {
    const start = nameEnd - length - 2;
    if (binary[start] === 0x0a && binary[start + 1] === length) {
      return /^[\w./-]+$/.test(binary.toString("latin1", start + 2, nameEnd)) ? start : -1;
    }
  }
  return -1;
}

function messageEnd(binary: Buffer, start: number): number {
  const reader = protobuf.Reader.create(binary);
  reader.pos = start;
  for (;;) {
    const tag = reader.uint32();
    if ((tag & 7) !== 2 || tag >>> 3 > 12) return -1;
    if (tag >>> 3 === 12) return reader.string() === "proto3" ? reader.pos : -1;
    reader.skipType(2);
  }
}

function addEnum(model: Model, item: EnumProto, scope: string, packageName: string): void {
  const name = `${scope}.${item.name}`;
  const values = item.value.map((value) => ({ name: value.name, number: value.number ?? 0 }));
  model.enums.set(name, { kind: "enum", name, package: packageName, values });
}

function addMessage(model: Model, proto: MessageProto, scope: string, packageName: string): void {
  const name = `${scope}.${proto.name}`;
  const entries = new Map<string, MessageProto>();
  for (const nested of proto.nested_type ?? []) {
    if (nested.options?.map_entry === true) entries.set(`.${name}.${nested.name}`, nested);
    else addMessage(model, nested, name, packageName);
  }
  for (const item of proto.enum_type ?? []) addEnum(model, item, name, packageName);
  const oneofs = proto.oneof_decl ?? [];
  const message: MessageModel = {
    kind: "message",
    name,
    package: packageName,
    fields: (proto.field ?? []).map((field) => readField(field, entries, oneofs)),
    requiredOneofs: oneofs
      .filter((oneof) => oneof.options?.[".validate.required"] === true)
      .map((oneof) => oneof.name),
  };
  model.messages.set(name, message);
}

function readField(
  proto: FieldProto,
  entries: ReadonlyMap<string, MessageProto>,
  oneofs: readonly { name: string }[],
): FieldModel {
  const entry = proto.type_name === undefined ? undefined : entries.get(proto.type_name);
  const [key, value] = entry?.field ?? [];
  const field: FieldModel = {
    name: proto.name,
    number: proto.number,
    type: typeOf(value ?? proto),
    label: "single",
  };
  if (key !== undefined) {
    field.label = "map";
    field.keyType = typeOf(key);
  } else if (proto.label === "LABEL_REPEATED") field.label = "repeated";
  else if (proto.proto3_optional === true) field.label = "optional";
  else if (proto.oneof_index !== undefined) {
    const oneof = oneofs[proto.oneof_index]?.name;
    if (oneof !== undefined) field.oneof = oneof;
  }
  const rules = proto.options?.[".validate.rules"];
  if (rules !== undefined) field.rules = rules;
  if (proto.options?.deprecated === true) field.deprecated = true;
  return field;
}

function typeOf(field: FieldProto): string {
  if (field.type_name !== undefined) return field.type_name.slice(1);
  return field.type.replace("TYPE_", "").toLowerCase();
}
