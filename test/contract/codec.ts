// What every codec promises, whatever its wire: a client and a server of one kind, joined in
// memory. Each codec runs the suite from a test of its own.
import assert from "node:assert/strict";
import { it } from "node:test";
import type {
  ClientConnection,
  ClientConnectionCallbacks,
  RequestDecoder,
  RequestEncoder,
  ResponseDecoder,
  ResponseEncoder,
  ServerConnection,
  ServerConnectionCallbacks,
} from "../../src/codec/codec.ts";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";

/** Both ends, joined: what one writes the other is given, at once. */
export interface CodecPair {
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  /** The connection ends as by a FIN; both codecs are told. */
  close(): void;
}

export type CodecPairFactory = (
  server: ServerConnectionCallbacks,
  client: ClientConnectionCallbacks,
) => CodecPair;

function fields(headers: HeaderMap): string {
  return headers.names.map((name, at) => ` ${name.text}=${headers.values[at]}`).join("");
}

const mark = (end: boolean): string => (end ? " end" : "");

/** A pair whose events are written down, each prefixed with its stream's number. */
export class CodecFixture implements ServerConnectionCallbacks, ClientConnectionCallbacks {
  readonly events: string[] = [];
  readonly encoders: ResponseEncoder[] = [];
  readonly pair: CodecPair;
  private requests = 0;

  constructor(factory: CodecPairFactory) {
    this.pair = factory(this, this);
  }

  /** Events since the last call. */
  take(): string[] {
    return this.events.splice(0);
  }

  request(method: string, path: string, endStream: boolean): RequestEncoder {
    const encoder = this.pair.client.newStream(this.responseDecoder(this.requests++));
    const headers = new RequestHeaderMap();
    headers.method = method;
    headers.path = path;
    headers.authority = "a";
    headers.scheme = "http";
    encoder.encodeHeaders(headers, endStream);
    return encoder;
  }

  newStream(encoder: ResponseEncoder): RequestDecoder {
    const number = this.encoders.length;
    this.encoders.push(encoder);
    const note = (event: string): void => void this.events.push(`server ${number}: ${event}`);
    return {
      decodeHeaders: (headers, end) => note(`${headers.method} ${headers.path}${mark(end)}`),
      decodeData: (bytes, end) => note(`"${bytes}"${mark(end)}`),
      decodeTrailers: (trailers) => note(`trailers${fields(trailers)}`),
      onProtocolError: (status) => note(`refused ${status}`),
      onResetStream: (reason) => note(`reset: ${reason}`),
      onAboveWriteBufferHighWatermark: () => note("above"),
      onBelowWriteBufferLowWatermark: () => note("below"),
    };
  }

  onCodecClose(): void {
    this.events.push("server: close");
  }

  onStreamComplete(): void {
    this.events.push("client: free");
  }

  onNoMoreStreams(incomplete: boolean): void {
    this.events.push(`client: no more streams${incomplete ? ", one unfinished" : ""}`);
  }

  onProtocolError(details: string): void {
    this.events.push(`client: protocol error ${details}`);
  }

  private responseDecoder(number: number): ResponseDecoder {
    const note = (event: string): void => void this.events.push(`client ${number}: ${event}`);
    return {
      decodeInformational: (headers) => note(`${headers.status}${fields(headers)}`),
      decodeHeaders: (headers, end) => note(`${headers.status}${mark(end)}`),
      decodeData: (bytes, end) => note(`"${bytes}"${mark(end)}`),
      decodeTrailers: (trailers) => note(`trailers${fields(trailers)}`),
      onResetStream: (reason) => note(`reset: ${reason}`),
      onAboveWriteBufferHighWatermark: () => note("above"),
      onBelowWriteBufferLowWatermark: () => note("below"),
    };
  }
}

export function head(
  status: number,
  values: Readonly<Record<string, string>> = {},
): ResponseHeaderMap {
  const headers = new ResponseHeaderMap();
  headers.status = status;
  for (const [name, value] of Object.entries(values)) headers.add(headerName(name), value);
  return headers;
}

export function trailers(name: string, value: string): HeaderMap {
  const map = new HeaderMap();
  map.add(headerName(name), value);
  return map;
}

/** Joins data events of one stream, so that pieces do not matter. */
function joined(events: readonly string[]): string[] {
  const result: string[] = [];
  for (const event of events) {
    const piece = /^(\w+ \d+: )"(.*)"( end)?$/.exec(event);
    const last = /^(\w+ \d+: )"(.*)"$/.exec(result.at(-1) ?? "");
    if (piece !== null && last !== null && piece[1] === last[1]) {
      result[result.length - 1] = `${piece[1]}"${last[2]}${piece[2]}"${piece[3] ?? ""}`;
    } else result.push(event);
  }
  return result;
}

export function codecContract(factory: CodecPairFactory): void {
  it("carries an exchange without bodies, and is free for the next", () => {
    const codec = new CodecFixture(factory);
    codec.request("GET", "/x", true);
    assert.deepEqual(codec.take(), ["server 0: GET /x end"]);
    codec.encoders[0]!.encodeHeaders(head(204), true);
    assert.deepEqual(codec.take(), ["client 0: 204 end", "client: free"]);
    codec.request("GET", "/y", true);
    assert.deepEqual(codec.take(), ["server 1: GET /y end"]);
  });

  it("carries bodies both ways, with their ends", () => {
    const codec = new CodecFixture(factory);
    const request = codec.request("POST", "/", false);
    request.encodeData(Buffer.from("hel"), false);
    request.encodeData(Buffer.from("lo"), true);
    assert.deepEqual(joined(codec.take()), ["server 0: POST /", 'server 0: "hello" end']);
    codec.encoders[0]!.encodeHeaders(head(200), false);
    codec.encoders[0]!.encodeData(Buffer.from("bye"), true);
    assert.deepEqual(joined(codec.take()), [
      "client 0: 200",
      'client 0: "bye" end',
      "client: free",
    ]);
  });

  it("carries trailers both ways", () => {
    const codec = new CodecFixture(factory);
    const request = codec.request("POST", "/", false);
    request.encodeData(Buffer.from("x"), false);
    request.encodeTrailers(trailers("x-up", "1"));
    assert.deepEqual(codec.take().at(-1), "server 0: trailers x-up=1");
    codec.encoders[0]!.encodeHeaders(head(200), false);
    codec.encoders[0]!.encodeTrailers(trailers("x-down", "2"));
    assert.deepEqual(codec.take().slice(-2), ["client 0: trailers x-down=2", "client: free"]);
  });

  it("carries informational heads before the response", () => {
    const codec = new CodecFixture(factory);
    codec.request("GET", "/", true);
    codec.encoders[0]!.encodeInformational(head(103, { link: "</a>" }));
    codec.encoders[0]!.encodeHeaders(head(204), true);
    assert.deepEqual(codec.take().slice(1), [
      "client 0: 103 link=</a>",
      "client 0: 204 end",
      "client: free",
    ]);
  });

  it("tells both sides when the connection ends inside an exchange, each once", () => {
    const codec = new CodecFixture(factory);
    codec.request("GET", "/", true);
    codec.take();
    codec.pair.close();
    assert.deepEqual(codec.take().sort(), [
      "client 0: reset: connection termination",
      "server 0: reset: connection termination",
    ]);
    codec.pair.close();
    assert.deepEqual(codec.take(), []);
  });

  it("does not tell the client of its own reset", () => {
    const codec = new CodecFixture(factory);
    const request = codec.request("GET", "/", true);
    codec.take();
    request.resetStream("local reset");
    assert.deepEqual(
      codec.take().filter((event) => event.startsWith("client 0")),
      [],
    );
  });

  it("counts the bytes of a stream on its wire", () => {
    const codec = new CodecFixture(factory);
    const request = codec.request("POST", "/", false);
    request.encodeData(Buffer.from("12345"), true);
    const { meter } = codec.encoders[0]!;
    assert.equal(meter.wireBytesReceived > 5, true);
    const before = meter.wireBytesSent;
    codec.encoders[0]!.encodeHeaders(head(200), false);
    assert.ok(meter.wireBytesSent > before);
  });
}
