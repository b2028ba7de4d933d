/**
 * Message and enum types as the codecs use them: fields by number and by name, each with a
 * plain-form kind. Built from the stored descriptor when first asked for; a field finds the type it
 * refers to on first use.
 */
import {
  type FieldRulesLiteral,
  LABEL_MAP,
  LABEL_OPTIONAL,
  LABEL_REPEATED,
  type StoredEnum,
  type StoredField,
  type StoredMessage,
} from "./descriptor.ts";
import { jsonNameOf } from "./field-name.ts";

export const SCALAR_KINDS = [
  "double",
  "float",
  "int32",
  "int64",
  "uint32",
  "uint64",
  "sint32",
  "sint64",
  "fixed32",
  "fixed64",
  "sfixed32",
  "sfixed64",
  "bool",
  "string",
  "bytes",
] as const;

export type ScalarKind = (typeof SCALAR_KINDS)[number];

/** How the plain form holds a message: as an object of its fields, or in a form of its own. */
export type MessageForm =
  | "object"
  | "wrapper"
  | "duration"
  | "timestamp"
  | "any"
  | "struct"
  | "value"
  | "list"
  | "fieldMask";

const FORMS: Readonly<Record<string, MessageForm>> = {
  "google.protobuf.DoubleValue": "wrapper",
  "google.protobuf.FloatValue": "wrapper",
  "google.protobuf.Int64Value": "wrapper",
  "google.protobuf.UInt64Value": "wrapper",
  "google.protobuf.Int32Value": "wrapper",
  "google.protobuf.UInt32Value": "wrapper",
  "google.protobuf.BoolValue": "wrapper",
  "google.protobuf.StringValue": "wrapper",
  "google.protobuf.BytesValue": "wrapper",
  "google.protobuf.Duration": "duration",
  "google.protobuf.Timestamp": "timestamp",
  "google.protobuf.Any": "any",
  "google.protobuf.Struct": "struct",
  "google.protobuf.Value": "value",
  "google.protobuf.ListValue": "list",
  "google.protobuf.FieldMask": "fieldMask",
};

/** Finds the types that fields refer to. */
export interface TypeSource {
  message(name: string): MessageType | null;
  enum(name: string): EnumType | null;
}

/** A plain message: an object of its set fields by JSON name. */
export type PlainObject = Record<string, unknown>;

export class EnumType {
  readonly name: string;
  readonly valueNames: readonly string[];
  private readonly numbers = new Map<string, number>();
  private readonly names = new Map<number, string>();

  constructor(name: string, stored: StoredEnum) {
    this.name = name;
    this.valueNames = stored.map(([valueName]) => valueName);
    for (const [valueName, number] of stored) {
      this.numbers.set(valueName, number);
      if (!this.names.has(number)) this.names.set(number, valueName);
    }
  }

  numberOf(valueName: string): number | undefined {
    return this.numbers.get(valueName);
  }

  /** The value that a configuration names: exactly, in another case, or by its number in quotes. */
  find(text: string): number | undefined {
    const exact = this.numbers.get(text);
    if (exact !== undefined) return exact;
    if (/^-?\d{1,10}$/.test(text)) return Number(text);
    const folded = text.toLowerCase();
    const name = this.valueNames.find((candidate) => candidate.toLowerCase() === folded);
    return name === undefined ? undefined : this.numbers.get(name);
  }

  /** The first name of a number (aliases come later), or undefined. */
  nameOf(number: number): string | undefined {
    return this.names.get(number);
  }
}

export class FieldType {
  /** As in the .proto file: snake_case. */
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  /** null for messages and enums. */
  readonly scalar: ScalarKind | null;
  readonly repeated: boolean;
  readonly keyKind: ScalarKind | null;
  readonly oneof: string | null;
  /** The zero value differs from "not set": oneof members, proto3 `optional`, messages. */
  readonly hasPresence: boolean;
  readonly rules: FieldRulesLiteral | null;
  readonly deprecated: boolean;
  private readonly typeName: string;
  private readonly types: TypeSource;
  private resolved: MessageType | EnumType | null = null;

  constructor(stored: StoredField, types: TypeSource) {
    const [name, number, type, label = 0, extra = {}] = stored;
    this.name = name;
    this.jsonName = extra.json ?? jsonNameOf(name);
    this.number = number;
    this.scalar = type.includes(".") ? null : (type as ScalarKind);
    this.repeated = label === LABEL_REPEATED;
    this.keyKind = label === LABEL_MAP ? ((extra.key ?? "string") as ScalarKind) : null;
    this.oneof = extra.oneof ?? null;
    this.hasPresence = this.oneof !== null || label === LABEL_OPTIONAL;
    this.rules = extra.rules ?? null;
    this.deprecated = extra.deprecated === 1;
    this.typeName = type;
    this.types = types;
  }

  get isMap(): boolean {
    return this.keyKind !== null;
  }

  /** The message type of the field (of its elements or map values), or null. */
  get message(): MessageType | null {
    const type = this.resolve();
    return type instanceof MessageType ? type : null;
  }

  get enum(): EnumType | null {
    const type = this.resolve();
    return type instanceof EnumType ? type : null;
  }

  private resolve(): MessageType | EnumType | null {
    if (this.scalar !== null || this.resolved !== null) return this.resolved;
    this.resolved = this.types.message(this.typeName) ?? this.types.enum(this.typeName);
    if (this.resolved === null) throw new Error(`The descriptor lacks type ${this.typeName}`);
    return this.resolved;
  }
}

export class MessageType {
  /** Full name, e.g. `envoy.config.cluster.v3.Cluster`. */
  readonly name: string;
  readonly form: MessageForm;
  /** In order of field number. */
  readonly fields: readonly FieldType[];
  /** Oneofs of which one field must be set. */
  readonly requiredOneofs: readonly string[];
  private readonly byNumber = new Map<number, FieldType>();
  private readonly byName = new Map<string, FieldType>();

  constructor(name: string, stored: StoredMessage, types: TypeSource) {
    this.name = name;
    this.form = FORMS[name] ?? "object";
    this.fields = stored.fields
      .map((field) => new FieldType(field, types))
      .sort((a, b) => a.number - b.number);
    this.requiredOneofs = stored.required ?? [];
    for (const field of this.fields) {
      this.byNumber.set(field.number, field);
      this.byName.set(field.jsonName, field);
    }
    for (const field of this.fields) this.byName.set(field.name, field);
  }

  /** An Any's content that names another type and carries its fields as a Struct. */
  get isTypedStruct(): boolean {
    return this.name === "xds.type.v3.TypedStruct" || this.name === "udpa.type.v1.TypedStruct";
  }

  fieldByNumber(number: number): FieldType | undefined {
    return this.byNumber.get(number);
  }

  /** Takes snake_case and camelCase names. */
  fieldByName(name: string): FieldType | undefined {
    return this.byName.get(name);
  }

  fieldsOfOneof(oneof: string): readonly FieldType[] {
    return this.fields.filter((field) => field.oneof === oneof);
  }

  /** The only field of a wrapper such as google.protobuf.UInt32Value. */
  get wrapped(): ScalarKind {
    return this.fields[0]?.scalar ?? "string";
  }
}
