// What a codec test needs: a connection that keeps what is written to it, and decoders that write
// down what they are told, one short line per event.
import type {
  ClientConnectionCallbacks,
  RequestDecoder,
  ResponseDecoder,
  ResponseEncoder,
  ServerConnectionCallbacks,
} from "../../../src/codec/codec.ts";
import { Http1ClientConnection } from "../../../src/codec/h1/client-connection.ts";
import { RequestParser } from "../../../src/codec/h1/request-parser.ts";
import { ResponseParser } from "../../../src/codec/h1/response-parser.ts";
import { Http1ServerConnection } from "../../../src/codec/h1/server-connection.ts";
import { DEFAULT_HTTP1_SETTINGS, type Http1Settings } from "../../../src/codec/h1/settings.ts";
import {
  type HeaderMap,
  RequestHeaderMap,
  ResponseHeaderMap,
} from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import type { Connection } from "../../../src/network/connection.ts";

/** The part of a connection that codecs use. */
export class FakeConnection {
  open = true;
  written = "";
  readDisables = 0;
  readonly dispatcher: { deferFlush(item: { flush(): void }): void } = {
    deferFlush: (item) => item.flush(),
  };

  write(text: string): void {
    this.written += text;
  }

  writeBytes(bytes: Buffer): void {
    this.written += bytes.toString("latin1");
  }

  readDisable(disable: boolean): void {
    this.readDisables += disable ? 1 : -1;
  }

  /** What was written since the last call. */
  take(): string {
    const { written } = this;
    this.written = "";
    return written;
  }

  get connection(): Connection {
    return this as unknown as Connection;
  }
}

export function listHeaders(headers: HeaderMap): string {
  return headers.names.map((name, at) => `${name.text}=${headers.values[at]}`).join(" ");
}

const end = (endStream: boolean): string => (endStream ? " end" : "");

/** A server connection whose requests are written down. */
export class ServerFixture implements ServerConnectionCallbacks {
  readonly connection: FakeConnection = new FakeConnection();
  readonly events: string[] = [];
  readonly encoders: ResponseEncoder[] = [];
  readonly codec: Http1ServerConnection;

  constructor(settings: Partial<Http1Settings> = {}) {
    this.codec = new Http1ServerConnection(
      this.connection.connection,
      this,
      {
        onHeadersDropped: (count) => void this.events.push(`dropped ${count} headers`),
        onUnderscoreRefused: () => void this.events.push("refused for underscores"),
      },
      new RequestParser({ ...DEFAULT_HTTP1_SETTINGS, ...settings }),
    );
  }

  /** Feeds the text, whole or in pieces of `step` bytes; returns the events it caused. */
  receive(text: string, step: number = text.length): readonly string[] {
    const before = this.events.length;
    for (let at = 0; at < text.length; at += step) {
      this.codec.dispatch(Buffer.from(text.slice(at, at + step), "latin1"));
    }
    return this.events.slice(before);
  }

  respond(status: number, body: string | null, fields: Record<string, string> = {}): string {
    const encoder = this.encoders.at(-1)!;
    encoder.encodeHeaders(responseHeaders(status, fields), body === null);
    if (body !== null) encoder.encodeData(Buffer.from(body), true);
    return this.connection.take();
  }

  newStream(encoder: ResponseEncoder): RequestDecoder {
    this.encoders.push(encoder);
    const note = (event: string): void => void this.events.push(event);
    return {
      decodeHeaders: (headers, endStream) =>
        note(
          `${headers.method} ${headers.authority}${headers.path} ${listHeaders(headers)}`.trimEnd() +
            end(endStream),
        ),
      decodeData: (bytes, endStream) => note(`"${bytes.toString("latin1")}"${end(endStream)}`),
      decodeTrailers: (trailers) => note(`trailers ${listHeaders(trailers)}`),
      onProtocolError: (status, body, details) => note(`refused ${status} ${body} ${details}`),
      onResetStream: (reason) => note(`reset ${reason}`),
      onAboveWriteBufferHighWatermark: () => note("high"),
      onBelowWriteBufferLowWatermark: () => note("low"),
    };
  }

  onCodecClose(): void {
    this.events.push("codec close");
  }
}

/** A client connection whose responses are written down. */
export class ClientFixture implements ClientConnectionCallbacks {
  readonly connection: FakeConnection = new FakeConnection();
  readonly events: string[] = [];
  readonly codec: Http1ClientConnection;

  constructor(settings: Partial<Http1Settings> = {}) {
    const parser = new ResponseParser({ ...DEFAULT_HTTP1_SETTINGS, ...settings });
    this.codec = new Http1ClientConnection(this.connection.connection, this, parser);
  }

  /** Sends a request; returns what stands on the wire. */
  request(method: string, body: string | null = null, fields: Record<string, string> = {}): string {
    const encoder = this.codec.newStream(this.decoder());
    encoder.encodeHeaders(requestHeaders(method, "/", fields), body === null);
    if (body !== null) encoder.encodeData(Buffer.from(body), true);
    return this.connection.take();
  }

  receive(text: string, step: number = text.length): readonly string[] {
    const before = this.events.length;
    for (let at = 0; at < text.length; at += step) {
      this.codec.dispatch(Buffer.from(text.slice(at, at + step), "latin1"));
    }
    return this.events.slice(before);
  }

  decoder(): ResponseDecoder {
    const note = (event: string): void => void this.events.push(event);
    return {
      decodeInformational: (headers) => note(`informational ${headers.status}`),
      decodeHeaders: (headers, endStream) =>
        note(`${headers.status} ${listHeaders(headers)}`.trimEnd() + end(endStream)),
      decodeData: (bytes, endStream) => note(`"${bytes.toString("latin1")}"${end(endStream)}`),
      decodeTrailers: (trailers) => note(`trailers ${listHeaders(trailers)}`),
      onResetStream: (reason, failure) => note(`reset ${reason} ${failure}`.trimEnd()),
      onAboveWriteBufferHighWatermark: () => note("high"),
      onBelowWriteBufferLowWatermark: () => note("low"),
    };
  }

  onStreamComplete(): void {
    this.events.push("complete");
  }

  onNoMoreStreams(): void {
    this.events.push("no more streams");
  }

  onProtocolError(details: string): void {
    this.events.push(`protocol error ${details}`);
  }
}

export function requestHeaders(
  method: string,
  path: string,
  fields: Record<string, string> = {},
): RequestHeaderMap {
  const headers = new RequestHeaderMap();
  headers.method = method;
  headers.path = path;
  headers.authority = "a";
  headers.scheme = "http";
  for (const [name, value] of Object.entries(fields)) headers.add(headerName(name), value);
  return headers;
}

export function responseHeaders(
  status: number,
  fields: Record<string, string> = {},
): ResponseHeaderMap {
  const headers = new ResponseHeaderMap();
  headers.status = status;
  for (const [name, value] of Object.entries(fields)) headers.add(headerName(name), value);
  return headers;
}
