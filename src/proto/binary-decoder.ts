/**
 * Bytes of a protobuf message → plain message. Malformed input throws `WireError` (with the path
 * where it was met); `decodeBinary` in messages.ts turns it into a diagnostic. Unknown fields are
 * skipped and listed by path.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { mergeMessages } from "./merge.ts";
import type { MessageRegistry } from "./message-registry.ts";
import type { FieldType, MessageType, PlainObject, ScalarKind } from "./message-type.ts";
import type { JsonObject, JsonValue } from "./plain.ts";
import { isZeroEnum, isZeroScalar, setEntry, zeroOf } from "./plain-values.ts";
import { unpackTypedStruct } from "./typed-struct.ts";
import { WireError, WireReader } from "./wire-reader.ts";

const MAX_DEPTH = 100;
/** Unknown fields that are listed; the rest is skipped all the same. */
const MAX_UNKNOWN = 100;

/** Wire type of a scalar when it is not packed. */
export function wireTypeOf(kind: ScalarKind): number {
  if (kind === "string" || kind === "bytes") return 2;
  if (kind === "double" || kind === "fixed64" || kind === "sfixed64") return 1;
  if (kind === "float" || kind === "fixed32" || kind === "sfixed32") return 5;
  return 0;
}

export class BinaryDecoder {
  /** Paths of fields that the descriptor does not know, as `clusters[0].#99`. */
  readonly unknownFields: string[] = [];
  /** Problems inside a TypedStruct; everything else that is wrong throws. */
  readonly diagnostics: Diagnostic[] = [];
  private readonly registry: MessageRegistry;
  private readonly path: (string | number)[] = [];
  private depth = 0;

  constructor(registry: MessageRegistry) {
    this.registry = registry;
  }

  /** Where decoding stands: after a `WireError`, where the bytes were wrong. */
  get currentPath(): string {
    let text = "";
    for (const step of this.path) {
      if (typeof step === "number") text += `[${step}]`;
      else text += text === "" ? step : `.${step}`;
    }
    return text;
  }

  decode(type: MessageType, bytes: Uint8Array): unknown {
    return this.message(type, new WireReader(bytes), undefined);
  }

  /** `existing` is what an earlier occurrence of the same field gave: protobuf merges them. */
  private message(type: MessageType, reader: WireReader, existing: unknown): unknown {
    if (this.depth >= MAX_DEPTH) throw new WireError("Messages are nested too deeply");
    this.depth++;
    const value = this.messageOfForm(type, reader, existing);
    this.depth--;
    return value;
  }

  private messageOfForm(type: MessageType, reader: WireReader, existing: unknown): unknown {
    switch (type.form) {
      case "object": {
        const target = (existing ?? {}) as PlainObject;
        this.fields(type, reader, target);
        return target;
      }
      case "wrapper":
        return this.wrapper(type, reader, existing);
      case "any":
        return this.any(type, reader);
      case "value":
        return this.json(type, reader);
      default: {
        const isJson = type.form === "struct" || type.form === "list";
        const value = isJson ? this.json(type, reader) : this.timeOrMask(type, reader);
        return existing === undefined ? value : mergeMessages(type, existing, value);
      }
    }
  }

  private fields(type: MessageType, reader: WireReader, target: PlainObject): void {
    while (!reader.atEnd) {
      const tag = reader.uint32();
      const field = type.fieldByNumber(tag >>> 3);
      if (field === undefined) {
        this.skipUnknown(reader, tag);
        continue;
      }
      this.path.push(field.name);
      if (field.isMap) this.mapEntry(field, reader, tag & 7, listOrMap(target, field, {}));
      else if (field.repeated) this.element(field, reader, tag & 7, listOrMap(target, field, []));
      else this.singleOf(type, field, reader, tag & 7, target);
      this.path.pop();
    }
  }

  private skipUnknown(reader: WireReader, tag: number): void {
    if (tag >>> 3 === 0) throw new WireError("Field number is zero");
    this.path.push(`#${tag >>> 3}`);
    if (this.unknownFields.length < MAX_UNKNOWN) this.unknownFields.push(this.currentPath);
    reader.skip(tag);
    this.path.pop();
  }

  private singleOf(
    owner: MessageType,
    field: FieldType,
    reader: WireReader,
    wireType: number,
    target: PlainObject,
  ): void {
    const name = field.jsonName;
    const value = this.single(field, reader, wireType, target[name]);
    if (field.oneof !== null) clearOneof(owner, field, target);
    if (field.hasPresence || !isZero(value, field)) target[name] = value;
    else delete target[name];
  }

  private single(
    field: FieldType,
    reader: WireReader,
    wireType: number,
    existing: unknown,
  ): unknown {
    const { scalar } = field;
    if (scalar !== null) {
      expectWireType(wireType, wireTypeOf(scalar));
      return readScalar(scalar, reader);
    }
    const type = field.message;
    if (type === null) {
      expectWireType(wireType, 0);
      return enumValue(field, reader.int32());
    }
    expectWireType(wireType, 2);
    const outer = reader.enter();
    const value = this.message(type, reader, existing);
    reader.leave(outer);
    return value;
  }

  private element(field: FieldType, reader: WireReader, wireType: number, list: unknown[]): void {
    const elementWireType = field.scalar === null ? 0 : wireTypeOf(field.scalar);
    const packable = field.message === null && elementWireType !== 2;
    if (packable && wireType === 2) {
      const outer = reader.enter();
      while (!reader.atEnd) list.push(this.single(field, reader, elementWireType, undefined));
      reader.leave(outer);
      return;
    }
    this.path.push(list.length);
    list.push(this.single(field, reader, wireType, undefined));
    this.path.pop();
  }

  private mapEntry(
    field: FieldType,
    reader: WireReader,
    wireType: number,
    map: Record<string, unknown>,
  ): void {
    expectWireType(wireType, 2);
    const outer = reader.enter();
    const keyKind = field.keyKind as ScalarKind;
    let key: unknown = zeroOf(keyKind);
    let value: unknown;
    while (!reader.atEnd) {
      const tag = reader.uint32();
      if (tag >>> 3 === 1) {
        expectWireType(tag & 7, wireTypeOf(keyKind));
        key = readScalar(keyKind, reader);
      } else if (tag >>> 3 === 2) value = this.single(field, reader, tag & 7, value);
      else reader.skip(tag);
    }
    reader.leave(outer);
    setEntry(map, String(key), value === undefined ? this.absentMapValue(field) : value);
  }

  private absentMapValue(field: FieldType): unknown {
    if (field.scalar !== null) return zeroOf(field.scalar);
    const type = field.message;
    if (type === null) return enumValue(field, 0);
    return this.message(type, new WireReader(new Uint8Array(0)), undefined);
  }

  private wrapper(type: MessageType, reader: WireReader, existing: unknown): unknown {
    const kind = type.wrapped;
    let value = existing ?? zeroOf(kind);
    while (!reader.atEnd) {
      const tag = reader.uint32();
      if (tag >>> 3 !== 1) this.skipUnknown(reader, tag);
      else {
        expectWireType(tag & 7, wireTypeOf(kind));
        value = readScalar(kind, reader);
      }
    }
    return value;
  }

  /** Duration and Timestamp as `{ seconds, nanos }`, FieldMask as text. */
  private timeOrMask(type: MessageType, reader: WireReader): unknown {
    const fields: PlainObject = {};
    this.fields(type, reader, fields);
    if (type.form === "fieldMask") return ((fields["paths"] ?? []) as string[]).join(",");
    return { seconds: Number(fields["seconds"] ?? 0), nanos: fields["nanos"] ?? 0 };
  }

  private any(type: MessageType, reader: WireReader): unknown {
    const fields: PlainObject = {};
    this.fields(type, reader, fields);
    const typeUrl = (fields["typeUrl"] ?? "") as string;
    const bytes = (fields["value"] ?? new Uint8Array(0)) as Uint8Array;
    if (typeUrl === "" && bytes.length === 0) return { typeUrl: "", value: undefined };
    const inner = this.registry.messageOfUrl(typeUrl);
    if (inner === null) return { typeUrl, value: undefined, bytes };
    const any = { typeUrl, value: this.message(inner, new WireReader(bytes), undefined) };
    return unpackTypedStruct(any, inner, this.registry, this.currentPath, this);
  }

  private json(type: MessageType, reader: WireReader): JsonValue {
    const fields: PlainObject = {};
    this.fields(type, reader, fields);
    if (type.form === "struct") return (fields["fields"] ?? {}) as JsonObject;
    if (type.form === "list") return (fields["values"] ?? []) as JsonValue[];
    const [name] = Object.keys(fields);
    return name === undefined || name === "nullValue" ? null : (fields[name] as JsonValue);
  }
}

/** The list or map of a field, made when this is its first element. */
function listOrMap<T extends object>(target: PlainObject, field: FieldType, empty: T): T {
  const existing = target[field.jsonName];
  if (existing !== undefined) return existing as T;
  target[field.jsonName] = empty;
  return empty;
}

function clearOneof(owner: MessageType, field: FieldType, target: PlainObject): void {
  for (const other of owner.fieldsOfOneof(field.oneof as string)) {
    if (other !== field && target[other.jsonName] !== undefined) delete target[other.jsonName];
  }
}

function expectWireType(actual: number, expected: number): void {
  if (actual !== expected) throw new WireError(`Wire type is ${actual} instead of ${expected}`);
}

function enumValue(field: FieldType, number: number): string | number {
  return field.enum?.nameOf(number) ?? number;
}

/** proto3: a field with its zero value is the same as an absent one. */
function isZero(value: unknown, field: FieldType): boolean {
  if (field.scalar !== null) return isZeroScalar(value);
  const type = field.enum;
  return type !== null && isZeroEnum(value, (name) => type.numberOf(name));
}

function readScalar(kind: ScalarKind, reader: WireReader): unknown {
  switch (kind) {
    case "string":
      return reader.string();
    case "bytes":
      return reader.byteString();
    case "bool":
      return reader.bool();
    case "uint32":
      return reader.uint32();
    case "int32":
      return reader.int32();
    case "double":
      return reader.double();
    case "float":
      return reader.float();
    case "uint64":
      return reader.uint64();
    case "int64":
      return reader.int64();
    case "sint32":
      return reader.sint32();
    case "sint64":
      return reader.sint64();
    case "fixed32":
      return reader.fixed32();
    case "fixed64":
      return reader.fixed64();
    case "sfixed32":
      return reader.sfixed32();
    case "sfixed64":
      return reader.sfixed64();
  }
}
