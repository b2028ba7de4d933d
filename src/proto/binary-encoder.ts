/**
 * Plain message → bytes. Fields are written in number order, so equal messages give equal bytes.
 */
import { wireTypeOf } from "./binary-decoder.ts";
import type { MessageRegistry } from "./message-registry.ts";
import type { FieldType, MessageType, PlainObject, ScalarKind } from "./message-type.ts";
import type { AnyMessage, Duration, JsonObject, JsonValue } from "./plain.ts";
import { isZeroEnum, isZeroScalar, zeroOf } from "./plain-values.ts";
import { WireWriter } from "./wire-writer.ts";

export class BinaryEncoder {
  private readonly registry: MessageRegistry;

  constructor(registry: MessageRegistry) {
    this.registry = registry;
  }

  encode(type: MessageType, plain: unknown): Uint8Array {
    const writer = new WireWriter();
    this.message(type, plain, writer);
    return writer.finish();
  }

  private message(type: MessageType, plain: unknown, writer: WireWriter): void {
    switch (type.form) {
      case "object":
        this.fields(type, plain as PlainObject, writer);
        break;
      case "wrapper":
        if (!isZeroScalar(plain)) writeField(1, type.wrapped, plain, writer);
        break;
      case "duration":
      case "timestamp":
        writeTime(plain as Duration, writer);
        break;
      case "any":
        this.any(plain as AnyMessage, writer);
        break;
      case "struct":
        writeStruct(plain as JsonObject, writer);
        break;
      case "list":
        writeList(plain as JsonValue[], writer);
        break;
      case "value":
        writeValue(plain as JsonValue, writer);
        break;
      case "fieldMask":
        for (const path of (plain as string).split(",")) {
          if (path !== "") writeField(1, "string", path, writer);
        }
        break;
    }
  }

  private fields(type: MessageType, plain: PlainObject, writer: WireWriter): void {
    for (const field of type.fields) {
      const value = plain[field.jsonName];
      if (value === undefined) continue;
      if (field.isMap) this.map(field, value as Record<string, unknown>, writer);
      else if (field.repeated) this.list(field, value as unknown[], writer);
      else if (field.hasPresence || !this.isDefault(field, value)) {
        this.single(field, field.number, value, writer);
      }
    }
  }

  /** A scalar or enum without presence is not sent when it is zero; a set message always is. */
  private isDefault(field: FieldType, value: unknown): boolean {
    if (field.scalar !== null) return isZeroScalar(value);
    const type = field.enum;
    return type !== null && isZeroEnum(value, (name) => type.numberOf(name));
  }

  private single(field: FieldType, number: number, value: unknown, writer: WireWriter): void {
    if (field.scalar !== null) {
      writeField(number, field.scalar, value, writer);
      return;
    }
    const type = field.message;
    if (type === null) {
      writer.tag(number, 0);
      writer.int32(enumNumber(field, value));
      return;
    }
    writer.tag(number, 2);
    const start = writer.beginDelimited();
    this.message(type, value, writer);
    writer.endDelimited(start);
  }

  private list(field: FieldType, list: readonly unknown[], writer: WireWriter): void {
    const packed = field.message === null && field.scalar !== "string" && field.scalar !== "bytes";
    if (!packed) {
      for (const item of list) this.single(field, field.number, item, writer);
      return;
    }
    if (list.length === 0) return;
    writer.tag(field.number, 2);
    const start = writer.beginDelimited();
    for (const item of list) {
      if (field.scalar === null) writer.int32(enumNumber(field, item));
      else writeScalar(field.scalar, item, writer);
    }
    writer.endDelimited(start);
  }

  private map(field: FieldType, map: Record<string, unknown>, writer: WireWriter): void {
    const keyKind = field.keyKind as ScalarKind;
    for (const key of Object.keys(map)) {
      writer.tag(field.number, 2);
      const start = writer.beginDelimited();
      writeField(1, keyKind, mapKey(keyKind, key), writer);
      this.single(field, 2, map[key], writer);
      writer.endDelimited(start);
    }
  }

  private any(any: AnyMessage, writer: WireWriter): void {
    if (any.typedStruct !== undefined) {
      const { typeUrl, value } = any.typedStruct;
      this.any({ typeUrl, value: { typeUrl: any.typeUrl, value } }, writer);
      return;
    }
    if (any.typeUrl !== "") writeField(1, "string", any.typeUrl, writer);
    if (any.bytes !== undefined) {
      if (any.bytes.length > 0) writeField(2, "bytes", any.bytes, writer);
      return;
    }
    const type = this.registry.messageOfUrl(any.typeUrl);
    if (type === null || any.value === undefined) return;
    const bytes = this.encode(type, any.value);
    if (bytes.length > 0) writeField(2, "bytes", bytes, writer);
  }
}

function enumNumber(field: FieldType, value: unknown): number {
  if (typeof value === "number") return value;
  const number = field.enum?.numberOf(value as string);
  if (number === undefined) throw new Error(`${field.name} has no value ${String(value)}`);
  return number;
}

function mapKey(kind: ScalarKind, text: string): unknown {
  if (kind === "string") return text;
  if (kind === "bool") return text === "true";
  return kind.endsWith("64") ? BigInt(text) : Number(text);
}

function writeTime(time: Duration, writer: WireWriter): void {
  if (time.seconds !== 0) writeField(1, "int64", time.seconds, writer);
  if (time.nanos !== 0) writeField(2, "int32", time.nanos, writer);
}

function writeStruct(struct: JsonObject, writer: WireWriter): void {
  for (const key of Object.keys(struct)) {
    writer.tag(1, 2);
    const start = writer.beginDelimited();
    writeField(1, "string", key, writer);
    writeNested(2, writer, () => writeValue(struct[key] as JsonValue, writer));
    writer.endDelimited(start);
  }
}

function writeList(list: readonly JsonValue[], writer: WireWriter): void {
  for (const item of list) writeNested(1, writer, () => writeValue(item, writer));
}

function writeValue(value: JsonValue, writer: WireWriter): void {
  if (value === null) {
    writer.tag(1, 0);
    writer.uint32(0);
  } else if (typeof value === "number") writeField(2, "double", value, writer);
  else if (typeof value === "string") writeField(3, "string", value, writer);
  else if (typeof value === "boolean") writeField(4, "bool", value, writer);
  else if (Array.isArray(value)) writeNested(6, writer, () => writeList(value, writer));
  else writeNested(5, writer, () => writeStruct(value, writer));
}

function writeNested(number: number, writer: WireWriter, write: () => void): void {
  writer.tag(number, 2);
  const start = writer.beginDelimited();
  write();
  writer.endDelimited(start);
}

function writeField(number: number, kind: ScalarKind, value: unknown, writer: WireWriter): void {
  writer.tag(number, wireTypeOf(kind));
  writeScalar(kind, value ?? zeroOf(kind), writer);
}

function writeScalar(kind: ScalarKind, value: unknown, writer: WireWriter): void {
  switch (kind) {
    case "string":
      writer.string(value as string);
      break;
    case "bytes":
      writer.byteString(value as Uint8Array);
      break;
    case "bool":
      writer.bool(value as boolean);
      break;
    case "uint32":
      writer.uint32(value as number);
      break;
    case "int32":
      writer.int32(value as number);
      break;
    case "sint32":
      writer.sint32(value as number);
      break;
    case "uint64":
    case "int64":
      writer.varint64(value as number | bigint);
      break;
    case "sint64":
      writer.sint64(value as number | bigint);
      break;
    case "fixed32":
    case "sfixed32":
      writer.fixed32(value as number);
      break;
    case "fixed64":
    case "sfixed64":
      writer.fixed64(value as number | bigint);
      break;
    case "float":
      writer.float(value as number);
      break;
    case "double":
      writer.double(value as number);
      break;
  }
}
