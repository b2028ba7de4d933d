/**
 * The stored form of the message descriptor: what `npm run generate` writes and `MessageRegistry`
 * reads. Each message is a JSON text of its own inside one JSON object, so that only the messages
 * in use are ever parsed.
 */

/**
 * A `validate.FieldRules` literal as the .proto file writes it, e.g. `{ string: { min_len: 1 } }`.
 */
export type FieldRulesLiteral = Readonly<Record<string, unknown>>;

export const LABEL_SINGLE = 0;
/** proto3 `optional`: the zero value is present when it was sent. */
export const LABEL_OPTIONAL = 1;
export const LABEL_REPEATED = 2;
export const LABEL_MAP = 3;

/** Rare properties of a field, absent for most. */
export interface StoredFieldExtra {
  /** Scalar type of a map key. */
  readonly key?: string;
  /** The oneof that the field belongs to. */
  readonly oneof?: string;
  /** JSON name, when it is not the camel-case form of the name. */
  readonly json?: string;
  readonly rules?: FieldRulesLiteral;
  readonly deprecated?: 1;
}

/** Name, number, type (a scalar name or a full message or enum name), label, extra. */
export type StoredField = readonly [string, number, string, number?, StoredFieldExtra?];

export interface StoredMessage {
  readonly fields: readonly StoredField[];
  /** Oneofs of which one field must be set. */
  readonly required?: readonly string[];
}

/** Value names and numbers, in the order of the .proto file. */
export type StoredEnum = readonly (readonly [string, number])[];

export interface StoredDescriptor {
  /** JSON text of a `StoredMessage` by full name. */
  readonly messages: Readonly<Record<string, string>>;
  /** JSON text of a `StoredEnum` by full name. */
  readonly enums: Readonly<Record<string, string>>;
  /** JSON text of an object: the v3 name of each message of Envoy's v2 API. */
  readonly successors: string;
}
