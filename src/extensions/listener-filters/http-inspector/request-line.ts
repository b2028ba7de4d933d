// hot: per connection
/** Tells an HTTP request line or an HTTP/2 preface from other bytes. Never throws. */
import { latin1Slice } from "../../../base/latin1.ts";

export type HttpDetection = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" | "not-http" | "need-more";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const METHODS: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
];
const LONGEST_METHOD = 7;
const CR = 13;
const LF = 10;
const SPACE = 32;

/** Looks at everything received so far. */
export function detectHttp(bytes: Buffer): HttpDetection {
  const start = latin1Slice(bytes, 0, Math.min(bytes.length, PREFACE.length));
  if (PREFACE.startsWith(start)) return start.length === PREFACE.length ? "HTTP/2" : "need-more";
  if (!startsWithMethod(start)) return "not-http";
  const end = endOfLine(bytes);
  return end < 0 ? "need-more" : versionOf(latin1Slice(bytes, 0, end));
}

/** A known method and a space, or what may still become one. */
function startsWithMethod(start: string): boolean {
  const space = start.indexOf(" ");
  if (space >= 0) return METHODS.includes(start.slice(0, space));
  if (start.length > LONGEST_METHOD) return false;
  return METHODS.some((method) => method.startsWith(start));
}

function endOfLine(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === LF || byte === CR) return at;
  }
  return -1;
}

/** `method SP target SP version`, exactly. */
function versionOf(line: string): HttpDetection {
  const afterMethod = line.indexOf(" ") + 1;
  const beforeVersion = line.indexOf(" ", afterMethod);
  if (beforeVersion <= afterMethod || line.charCodeAt(afterMethod) === SPACE) return "not-http";
  const version = line.slice(beforeVersion + 1);
  if (version === "HTTP/1.1") return "HTTP/1.1";
  // As Envoy: whatever has the shape of another version counts as HTTP/1.0.
  return /^HTTP\/\d\.\d$/.test(version) ? "HTTP/1.0" : "not-http";
}
