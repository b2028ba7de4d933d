/**
 * Types of plain messages that are not plain objects of their fields: the well-known types of
 * protobuf. The generated types (`generated/**`) refer to them.
 */

/** google.protobuf.Duration. Both parts are always present and have the same sign. */
export interface Duration {
  readonly seconds: number;
  readonly nanos: number;
}

/** google.protobuf.Timestamp: since 1970-01-01T00:00:00Z; `nanos` counts forward. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** google.protobuf.Value and the members of Struct and ListValue. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** google.protobuf.Struct. */
export interface JsonObject {
  [name: string]: JsonValue;
}

/** google.protobuf.Any. A TypedStruct whose inner type is known arrives as that inner type. */
export interface AnyMessage {
  /** With its prefix, e.g. `type.googleapis.com/envoy.extensions.filters.http.router.v3.Router`. */
  readonly typeUrl: string;
  /** The plain message, or undefined when the descriptor does not know the type. */
  readonly value?: unknown;
  /** The encoded value, only when the descriptor does not know the type. */
  readonly bytes?: Uint8Array;
  /** Only when a TypedStruct was sent: its own type URL and content, for writing it as it came. */
  readonly typedStruct?: { readonly typeUrl: string; readonly value: JsonObject };
}
