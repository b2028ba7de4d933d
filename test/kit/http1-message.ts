// Reads HTTP/1 messages out of raw bytes for the scripted upstream and the raw client of the tests.
// Deliberately lenient and independent of src/codec, so that a bug there cannot hide itself here.

/** How the end of a message body was marked on the wire. */
export type Framing =
  | "none"
  | "length"
  | "chunked"
  | "until-close"
  | "tunnel"
  | "both" // Content-Length and Transfer-Encoding together: nobody should ever send this
  | "broken";

/** One message as it was on the wire. */
export interface RawMessage {
  /** The start line, without its line ending. */
  readonly startLine: string;
  /** Header lines in wire order, without line endings. */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** The decoded body as latin1 text, chunk framing removed. */
  readonly body: string;
  /** Trailer lines in wire order. */
  readonly trailers: readonly string[];
  /** False when the bytes ended before the message did. */
  readonly complete: boolean;
}

/** A message and how many bytes of the input it took. */
export interface ReadMessage {
  readonly message: RawMessage;
  readonly bytesUsed: number;
}

/** What the reader must know that is not in the bytes. */
export interface ReadOptions {
  readonly kind: "request" | "response";
  /** For responses: the answer to a HEAD request has no body. */
  readonly toHead?: boolean;
  /** True when no more bytes will come. */
  readonly ended: boolean;
}

interface Body {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly bytesUsed: number;
  readonly state: "complete" | "partial" | "broken";
}

/** The values of one header, in order. */
export function headerValues(headers: readonly string[], name: string): readonly string[] {
  const prefix = `${name.toLowerCase()}:`;
  return headers
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

/** Reads the first message of `bytes`; null when not even its head is there. */
export function readMessage(bytes: Buffer, options: ReadOptions): ReadMessage | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const lines = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const startLine = lines[0] ?? "";
  const headers = lines.slice(1);
  const framing = framingOf(startLine, headers, options);
  const rest = bytes.subarray(headEnd + 4);
  const body = readBody(framing, headers, rest, options.ended);
  return {
    message: {
      startLine,
      headers,
      framing: body.state === "broken" ? "broken" : framing,
      body: body.body,
      trailers: body.trailers,
      complete: body.state === "complete",
    },
    bytesUsed: headEnd + 4 + body.bytesUsed,
  };
}

function framingOf(startLine: string, headers: readonly string[], options: ReadOptions): Framing {
  const chunked = headerValues(headers, "transfer-encoding").length > 0;
  const length = headerValues(headers, "content-length").length > 0;
  if (options.kind === "response") {
    const status = Number(startLine.split(" ")[1]);
    if (status === 101) return "tunnel";
    if (options.toHead || status < 200 || status === 204 || status === 304) return "none";
    if (!chunked && !length) return "until-close";
  } else if (startLine.startsWith("CONNECT ")) {
    return "tunnel";
  }
  if (chunked && length) return "both";
  if (chunked) return "chunked";
  return length ? "length" : "none";
}

function readBody(
  framing: Framing,
  headers: readonly string[],
  rest: Buffer,
  ended: boolean,
): Body {
  if (framing === "chunked" || framing === "both") return readChunks(rest);
  if (framing === "length") {
    const length = Number(headerValues(headers, "content-length")[0]);
    const body = rest.subarray(0, length);
    const state = body.length === length ? "complete" : "partial";
    return { body: body.toString("latin1"), trailers: [], bytesUsed: body.length, state };
  }
  if (framing === "until-close") {
    const state = ended ? "complete" : "partial";
    return { body: rest.toString("latin1"), trailers: [], bytesUsed: rest.length, state };
  }
  return { body: "", trailers: [], bytesUsed: 0, state: "complete" };
}

function readChunks(rest: Buffer): Body {
  let at = 0;
  let body = "";
  for (;;) {
    const lineEnd = rest.indexOf("\r\n", at);
    if (lineEnd < 0) return { body, trailers: [], bytesUsed: rest.length, state: "partial" };
    const line = rest.subarray(at, lineEnd).toString("latin1");
    if (!/^[0-9a-fA-F]+($|[ \t;])/.test(line)) {
      return { body, trailers: [], bytesUsed: rest.length, state: "broken" };
    }
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) return readTrailers(rest, at, body);
    if (rest.length < at + size + 2) {
      body += rest.subarray(at, at + size).toString("latin1");
      return { body, trailers: [], bytesUsed: rest.length, state: "partial" };
    }
    body += rest.subarray(at, at + size).toString("latin1");
    at += size + 2;
  }
}

function readTrailers(rest: Buffer, start: number, body: string): Body {
  const trailers: string[] = [];
  let at = start;
  for (;;) {
    const lineEnd = rest.indexOf("\r\n", at);
    if (lineEnd < 0) return { body, trailers, bytesUsed: rest.length, state: "partial" };
    if (lineEnd === at) return { body, trailers, bytesUsed: at + 2, state: "complete" };
    trailers.push(rest.subarray(at, lineEnd).toString("latin1"));
    at = lineEnd + 2;
  }
}
