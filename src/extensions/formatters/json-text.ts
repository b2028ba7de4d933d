// hot: per request
/**
 * Byte strings as JSON strings. UTF-8 passes as it is; control characters, quotes and backslashes
 * are escaped; a byte that is no UTF-8 becomes an octal escape. Envoy: `Json::sanitize`
 * (source/common/json/json_sanitizer.cc).
 */
import { fromByteString, toByteString } from "../../base/byte-string.ts";

/** Printable ASCII without quote and backslash needs no work. */
const PLAIN = /^[ !#-[\]-~]*$/;
const REPLACEMENT = "\ufffd";

/** The byte string in quotes. */
export function quoteJson(bytes: string): string {
  return PLAIN.test(bytes) ? `"${bytes}"` : quoteSlowly(bytes);
}

/** A JSON value as bytes; objects without spaces. */
export function valueAsJson(value: unknown): string {
  return typeof value === "string"
    ? quoteJson(toByteString(value))
    : toByteString(JSON.stringify(value));
}

function quoteSlowly(bytes: string): string {
  const text = fromByteString(bytes);
  if (!text.includes(REPLACEMENT) || toByteString(text) === bytes) {
    return toByteString(JSON.stringify(text));
  }
  return `"${bytes.replace(/[\0-\x1f"\\\x7f-\xff]/g, octal)}"`;
}

function octal(character: string): string {
  return `\\\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
}
