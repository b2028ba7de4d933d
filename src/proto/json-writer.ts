/**
 * Plain message → JSON value by protobuf's JSON mapping, as Envoy's config_dump prints it: defaults
 * omitted, fields in number order, an Any with its "@type", 64-bit integers as text.
 */
import { base64Text } from "./base64.ts";
import type { MessageRegistry } from "./message-registry.ts";
import type { FieldType, MessageType, PlainObject, ScalarKind } from "./message-type.ts";
import type { AnyMessage, Duration, JsonObject, JsonValue } from "./plain.ts";
import { isZeroEnum, isZeroScalar, setEntry } from "./plain-values.ts";
import { durationText, timestampText } from "./time-text.ts";

export type NameStyle = "snake" | "camel";

export class JsonWriter {
  private readonly registry: MessageRegistry;
  private readonly names: NameStyle;

  constructor(registry: MessageRegistry, names: NameStyle) {
    this.registry = registry;
    this.names = names;
  }

  message(type: MessageType, plain: unknown): JsonValue {
    switch (type.form) {
      case "object":
        return this.fields(type, plain as PlainObject);
      case "wrapper":
        return scalarJson(type.wrapped, plain);
      case "duration":
        return durationText(plain as Duration);
      case "timestamp":
        return timestampText(plain as Duration);
      case "any":
        return this.any(plain as AnyMessage);
      default:
        return plain as JsonValue;
    }
  }

  private fields(type: MessageType, plain: PlainObject): JsonObject {
    const object: JsonObject = {};
    for (const field of type.fields) {
      const value = plain[field.jsonName];
      if (value === undefined || this.isDefault(field, value)) continue;
      object[this.names === "snake" ? field.name : field.jsonName] = this.value(field, value);
    }
    return object;
  }

  private isDefault(field: FieldType, value: unknown): boolean {
    if (field.repeated) return (value as unknown[]).length === 0;
    if (field.isMap) return Object.keys(value as object).length === 0;
    if (field.hasPresence || field.message !== null) return false;
    if (field.scalar !== null) return isZeroScalar(value);
    return isZeroEnum(value, (name) => field.enum?.numberOf(name));
  }

  private value(field: FieldType, value: unknown): JsonValue {
    if (field.repeated) return (value as unknown[]).map((item) => this.single(field, item));
    if (!field.isMap) return this.single(field, value);
    const object: JsonObject = {};
    for (const [key, item] of Object.entries(value as object)) {
      setEntry(object, key, this.single(field, item));
    }
    return object;
  }

  private single(field: FieldType, value: unknown): JsonValue {
    if (field.scalar !== null) return scalarJson(field.scalar, value);
    const type = field.message;
    return type === null ? (value as string | number) : this.message(type, value);
  }

  private any(any: AnyMessage): JsonValue {
    if (any.typeUrl === "") return {};
    if (any.typedStruct !== undefined) {
      const { typeUrl, value } = any.typedStruct;
      const urlName = this.names === "snake" ? "type_url" : "typeUrl";
      return { "@type": typeUrl, [urlName]: any.typeUrl, value };
    }
    const type = this.registry.messageOfUrl(any.typeUrl);
    if (type === null || any.value === undefined) {
      // protobuf cannot print this; the bytes tell more than an error would.
      return { "@type": any.typeUrl, value: base64Text(any.bytes ?? new Uint8Array(0)) };
    }
    const content = this.message(type, any.value);
    if (type.form !== "object") return { "@type": any.typeUrl, value: content };
    return { "@type": any.typeUrl, ...(content as JsonObject) };
  }
}

function scalarJson(kind: ScalarKind, value: unknown): JsonValue {
  if (value instanceof Uint8Array) return base64Text(value);
  if (kind.endsWith("64")) return String(value);
  if (typeof value !== "number") return value as JsonValue;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : infinityText(value);
  return kind === "float" ? shortestFloat(value) : value;
}

function infinityText(value: number): string {
  return value > 0 ? "Infinity" : "-Infinity";
}

/** The shortest decimal that reads back as the same 32-bit float: 0.1, not 0.10000000149011612. */
function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}
