/** Names of fields in the two styles that protobuf JSON allows. */

/**
 * `per_connection_buffer_limit_bytes` → `perConnectionBufferLimitBytes`, as protoc derives JSON
 * names.
 */
export function jsonNameOf(fieldName: string): string {
  return fieldName.replace(/_+([^_]?)/g, (_, next: string) => next.toUpperCase());
}
