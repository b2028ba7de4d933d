// hot: per request
/**
 * Writes heads and trailers. Framing headers are always ours: whatever the map says, one framing is
 * chosen and written. String concatenation and one latin1 write measured 0.43 µs for 11 headers;
 * joining 0.57, Buffer.concat 0.71.
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../header-map.ts";
import { type HeaderName, Headers } from "../header-names.ts";
import { statusLine } from "./reason-phrases.ts";
import type { Http1Settings } from "./settings.ts";

/** How the body that follows is framed. */
export type BodyFraming = "chunked" | "length" | "none" | "zero-length";

/** Two spaces and `HTTP/1.1`. */
const REQUEST_LINE_EXTRA = 10;
const END = "\r\n\r\n";
const CHUNKED_END = "\r\ntransfer-encoding: chunked\r\n\r\n";
const CHUNKED_END_PROPER = "\r\nTransfer-Encoding: chunked\r\n\r\n";
const EMPTY_END = "\r\ncontent-length: 0\r\n\r\n";
const EMPTY_END_PROPER = "\r\nContent-Length: 0\r\n\r\n";

let startLine = 0;

/** Length of the first line of the head that was written last. */
export function startLineLength(): number {
  return startLine;
}

export function requestHead(
  headers: RequestHeaderMap,
  framing: BodyFraming,
  settings: Http1Settings,
): string {
  let target = headers.method === "CONNECT" ? headers.authority : headers.path;
  if (settings.sendFullyQualifiedUrl && headers.method !== "CONNECT") {
    target = `${headers.scheme}://${headers.authority}${headers.path}`;
  }
  startLine = headers.method.length + target.length + REQUEST_LINE_EXTRA;
  const start = `${headers.method} ${target} HTTP/1.1\r\n${hostName(headers, settings)}: `;
  return fields(start + headers.authority, headers, framing, settings);
}

function hostName(headers: RequestHeaderMap, settings: Http1Settings): string {
  if (headers.originalHostName !== "") return headers.originalHostName;
  return settings.headerCase === "proper" ? "Host" : "host";
}

export function responseHead(
  headers: ResponseHeaderMap,
  framing: BodyFraming,
  settings: Http1Settings,
  http11: boolean,
): string {
  const line = statusLine(headers.status);
  startLine = line.length;
  return fields(http11 ? line : line.replace("HTTP/1.1", "HTTP/1.0"), headers, framing, settings);
}

/**
 * The trailer section with its empty line; framing and hop-by-hop fields are left out (RFC 9110
 * §6.5.1).
 */
export function trailerSection(trailers: HeaderMap): string {
  let text = "";
  for (let index = 0; index < trailers.names.length; index++) {
    const name = trailers.names[index] as HeaderName;
    if (!isForbiddenTrailer(name)) text += name.wire + (trailers.values[index] as string);
  }
  return text === "" ? "\r\n" : text.slice(2) + END;
}

function isForbiddenTrailer(name: HeaderName): boolean {
  return (
    name.hopByHop ||
    name === Headers.ContentLength ||
    name === Headers.Host ||
    name === Headers.Trailer ||
    name === Headers.Te
  );
}

/** `start` is the first line without its end; every field brings the end of the line before. */
function fields(
  start: string,
  headers: HeaderMap,
  framing: BodyFraming,
  settings: Http1Settings,
): string {
  if (settings.headerCase !== "lower" || headers.originalNames !== null) {
    return start + casedFields(headers, framing, settings);
  }
  const names = headers.names;
  const values = headers.values;
  let text = start;
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as HeaderName;
    if (
      name === Headers.TransferEncoding ||
      (name === Headers.ContentLength && framing !== "length")
    )
      continue;
    text = text + name.wire + (values[index] as string);
  }
  if (framing === "chunked") return text + CHUNKED_END;
  return text + (framing === "zero-length" ? EMPTY_END : END);
}

function casedFields(headers: HeaderMap, framing: BodyFraming, settings: Http1Settings): string {
  const proper = settings.headerCase === "proper";
  let text = "";
  for (let index = 0; index < headers.names.length; index++) {
    const name = headers.names[index] as HeaderName;
    if (
      name === Headers.TransferEncoding ||
      (name === Headers.ContentLength && framing !== "length")
    )
      continue;
    const written = headers.originalNames?.[index] ?? (proper ? properCase(name.text) : name.text);
    text += `\r\n${written}: ${headers.values[index] as string}`;
  }
  if (framing === "chunked") return text + (proper ? CHUNKED_END_PROPER : CHUNKED_END);
  if (framing === "zero-length") return text + (proper ? EMPTY_END_PROPER : EMPTY_END);
  return text + END;
}

/** `content-type` → `Content-Type`. Envoy: `ProperCaseHeaderKeyFormatter`. */
export function properCase(name: string): string {
  return name.replace(
    /(^|[^a-z0-9])([a-z])/g,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}
