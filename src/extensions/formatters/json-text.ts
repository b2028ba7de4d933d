// hot: per request
/**
 * Byte strings as JSON strings. UTF-8 passes as it is; control characters, quotes and backslashes
 * are escaped; text that is no UTF-8 is escaped byte by byte. Envoy: `Json::sanitize`
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

/** A JSON value as bytes: no spaces, keys in alphabetical order. */
export function valueAsJson(value: unknown): string {
  if (typeof value === "string") return quoteJson(toByteString(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return Array.isArray(value) ? listAsJson(value) : objectAsJson(value as Record<string, unknown>);
}

function listAsJson(values: readonly unknown[]): string {
  let json = "[";
  for (let index = 0; index < values.length; index++) {
    json += (index === 0 ? "" : ",") + valueAsJson(values[index]);
  }
  return `${json}]`;
}

function objectAsJson(fields: Readonly<Record<string, unknown>>): string {
  const keys: string[] = [];
  for (const key in fields) keys.push(key);
  keys.sort();
  let json = "{";
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    json += `${index === 0 ? "" : ","}${quoteJson(toByteString(key))}:${valueAsJson(fields[key])}`;
  }
  return `${json}}`;
}

function quoteSlowly(bytes: string): string {
  const text = fromByteString(bytes);
  if (!text.includes(REPLACEMENT) || toByteString(text) === bytes) {
    return toByteString(JSON.stringify(text));
  }
  return `"${bytes.replace(NOT_PLAIN, escapeByte)}"`;
}

const NOT_PLAIN = /[^ !#-[\]-~]/g;

function escapeByte(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
