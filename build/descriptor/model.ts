/**
 * The neutral form of protobuf definitions inside the generator: what the .proto files and the
 * overlay are read into, and what the descriptor and the TypeScript types are written from.
 */

/** A parsed `validate.FieldRules` literal, e.g. `{ string: { min_len: 1 } }`. */
export type RulesLiteral = Record<string, unknown>;

export interface FieldModel {
  name: string;
  number: number;
  /** A protobuf scalar name, or the full name of a message or enum. */
  type: string;
  label: "single" | "optional" | "repeated" | "map";
  /** Scalar name of the key when `label` is `map`. */
  keyType?: string;
  /** Name of the oneof that the field belongs to. */
  oneof?: string;
  /** Only when it differs from the camel-case form of `name`. */
  jsonName?: string;
  rules?: RulesLiteral;
  deprecated?: boolean;
}

export interface MessageModel {
  kind: "message";
  /** Full name without a leading dot. */
  name: string;
  package: string;
  fields: FieldModel[];
  /** Oneofs of which one field must be set. */
  requiredOneofs: string[];
  /** Its name in Envoy's v2 API. */
  previousName?: string;
}

export interface EnumModel {
  kind: "enum";
  name: string;
  package: string;
  values: { name: string; number: number }[];
}

/** Every message and enum by full name. */
export interface Model {
  messages: Map<string, MessageModel>;
  enums: Map<string, EnumModel>;
}

export const SCALAR_TYPES: ReadonlySet<string> = new Set([
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
]);

export function emptyModel(): Model {
  return { messages: new Map(), enums: new Map() };
}
