// hot: per request
/** Cookies of a request (RFC 6265 §4.2), read and written as Envoy's `Http::Utility` does. */
import type { RequestHeaderMap } from "./header-map.ts";
import { Headers } from "./header-names.ts";

const EQUALS = 61;
const SPACE = 32;
const QUOTE = 34;

/**
 * The value of the first cookie of that name, without surrounding quotes; undefined when absent.
 */
export function cookieValue(headers: RequestHeaderMap, name: string): string | undefined {
  if ((headers.seen & Headers.Cookie.bit) === 0) return undefined;
  for (let index = 0; index < headers.names.length; index++) {
    if (headers.names[index] !== Headers.Cookie) continue;
    const value = findCookie(headers.values[index]!, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function findCookie(line: string, name: string): string | undefined {
  let at = 0;
  while (at < line.length) {
    let end = line.indexOf(";", at);
    if (end < 0) end = line.length;
    while (at < end && line.charCodeAt(at) === SPACE) at++;
    const equals = at + name.length;
    if (equals < end && line.charCodeAt(equals) === EQUALS && line.startsWith(name, at)) {
      return unquote(line, equals + 1, end);
    }
    at = end + 1;
  }
  return undefined;
}

function unquote(line: string, start: number, end: number): string {
  const quoted =
    end - start >= 2 && line.charCodeAt(start) === QUOTE && line.charCodeAt(end - 1) === QUOTE;
  return quoted ? line.slice(start + 1, end - 1) : line.slice(start, end);
}
