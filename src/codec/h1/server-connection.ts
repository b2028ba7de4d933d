// hot: per request
/**
 * The server side of HTTP/1: requests in order, one response at a time, pipelined requests wait
 * with reading paused. Envoy: `Http1::ServerConnectionImpl`. Deciding whether the connection goes
 * on is the connection manager's business.
 */
import type { Connection } from "../../network/connection.ts";
import type { Protocol } from "../../network/stream-info.ts";
import type { RequestDecoder, ResponseEncoder, ServerConnection, ServerConnectionCallbacks, StreamResetReason } from "../codec.ts";
import type { HeaderMap, ResponseHeaderMap } from "../header-map.ts";
import { Headers } from "../header-names.ts";
import { BodyReader } from "./body-reader.ts";
import { CHUNKED, NO_LENGTH } from "./framing.ts";
import { FAILED, INCOMPLETE } from "./head-parser.ts";
import { HeadBuffer } from "./head-buffer.ts";
import { type BodyFraming, responseHead, trailerSection } from "./head-writer.ts";
import { HTTP2_GOAWAY } from "./http2-preface.ts";
import { CODEC_ERROR, HEADERS_TOO_LARGE, type Http1Error } from "./protocol-error.ts";
import { reasonPhrase } from "./reason-phrases.ts";
import type { RequestParser } from "./request-parser.ts";
import { isUpgrade } from "./upgrade.ts";

/** Between requests, or within a head. */
const HEAD = 0;
const BODY = 1;
/** The request is complete; its response is not. */
const WAITING = 2;
/** Upgraded or CONNECT: bytes are passed on as they are. */
const TUNNEL = 3;
const CLOSED = 4;

const EMPTY: Buffer = Buffer.alloc(0);

/** What the codec saw of requests, for the codec stats of the connection manager. */
export interface ServerCodecObserver {
  /** The first byte of a head arrived. */
  onHeadStart(): void;
}

export class Http1ServerConnection implements ServerConnection, ResponseEncoder {
  private readonly connection: Connection;
  private readonly callbacks: ServerConnectionCallbacks;
  private readonly observer: ServerCodecObserver;
  private readonly parser: RequestParser;
  private state: number = HEAD;
  /** What `run` is working on, and how far it came. */
  private input: Buffer = EMPTY;
  private at = 0;
  private dispatching = false;
  private headBuffer: HeadBuffer | null = null;
  private body: BodyReader | null = null;
  private pipelined: Buffer | null = null;
  private decoder: RequestDecoder | null = null;
  private http11 = true;
  private headRequest = false;
  private connectRequest = false;
  private responseChunked = false;
  private responseDone = false;

  constructor(
    connection: Connection,
    callbacks: ServerConnectionCallbacks,
    observer: ServerCodecObserver,
    parser: RequestParser,
  ) {
    this.connection = connection;
    this.callbacks = callbacks;
    this.observer = observer;
    this.parser = parser;
  }

  get protocol(): Protocol {
    return this.http11 ? "HTTP/1.1" : "HTTP/1.0";
  }

  dispatch(bytes: Buffer): void {
    if (this.pipelined !== null) {
      this.pipelined = Buffer.concat([this.pipelined, bytes]);
      return;
    }
    this.run(bytes);
  }

  startDrain(): void {
    // The connection manager writes `connection: close` itself.
  }

  onHeadTimeout(): void {
    if (this.headBuffer === null) return;
    this.headBuffer = null;
    this.state = CLOSED;
    this.startRefusal().onHeadTimeout();
  }

  onConnectionClose(): void {
    this.state = CLOSED;
    const decoder = this.decoder;
    this.decoder = null;
    decoder?.onResetStream("connection termination", "");
  }

  onAboveWriteBufferHighWatermark(): void {
    this.decoder?.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.decoder?.onBelowWriteBufferLowWatermark();
  }

  encodeInformational(headers: ResponseHeaderMap): void {
    this.connection.write(responseHead(headers, "none", this.parser.settings, true));
  }

  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    const framing = this.responseFraming(headers, endStream);
    this.responseChunked = framing === "chunked";
    this.connection.write(responseHead(headers, framing, this.parser.settings, this.http11));
    if (headers.status === 101 || (this.connectRequest && headers.status < 300)) this.startTunnel();
    if (endStream) this.endResponse();
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    if (bytes.length > 0 && !this.headRequest) this.writeBody(bytes);
    if (!endStream) return;
    if (this.responseChunked) this.connection.write("0\r\n\r\n");
    this.endResponse();
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.responseChunked) {
      const section = this.parser.settings.enableTrailers ? trailerSection(trailers) : "\r\n";
      this.connection.write(`0\r\n${section}`);
    }
    this.endResponse();
  }

  resetStream(_reason: StreamResetReason): void {
    this.decoder = null;
    this.state = CLOSED;
    this.callbacks.onCodecClose();
  }

  readDisable(disable: boolean): void {
    this.connection.readDisable(disable);
  }

  private writeBody(bytes: Buffer): void {
    if (!this.responseChunked) {
      this.connection.writeBytes(bytes);
      return;
    }
    this.connection.write(`${bytes.length.toString(16)}\r\n`);
    this.connection.writeBytes(bytes);
    this.connection.write("\r\n");
  }

  /** RFC 9112 §6.1, §6.3: what may carry a body, and how its end is shown. */
  private responseFraming(headers: ResponseHeaderMap, endStream: boolean): BodyFraming {
    const status = headers.status;
    if (status < 200 || status === 204 || (this.connectRequest && status < 300)) return "none";
    if (status === 304 || this.headRequest) return headers.has(Headers.ContentLength) ? "length" : "none";
    if (headers.has(Headers.ContentLength)) return "length";
    if (endStream) return "zero-length";
    return this.http11 ? "chunked" : "none";
  }

  private startTunnel(): void {
    this.state = TUNNEL;
    this.responseChunked = false;
  }

  private endResponse(): void {
    this.responseDone = true;
    if (this.state === TUNNEL) this.state = CLOSED;
    if (this.state === WAITING) this.finishExchange();
  }

  /** Request and response are complete: the next request may begin. */
  private finishExchange(): void {
    this.decoder = null;
    this.responseDone = false;
    this.state = HEAD;
    const waiting = this.pipelined;
    if (waiting === null || this.dispatching) return;
    this.pipelined = null;
    this.connection.readDisable(false);
    if (this.connection.open) this.run(waiting);
  }

  private run(bytes: Buffer): void {
    this.input = bytes;
    this.at = 0;
    this.dispatching = true;
    while (this.at < this.input.length && this.state !== CLOSED && this.connection.open) {
      if (this.state === HEAD) this.readHead();
      else if (this.state === BODY) this.readBody();
      else if (this.state === TUNNEL) this.readTunnel();
      else this.hold();
    }
    this.input = EMPTY;
    this.dispatching = false;
  }

  private readTunnel(): void {
    const bytes = this.input.subarray(this.at);
    this.at = this.input.length;
    this.decoder?.decodeData(bytes, false);
  }

  /** The next request waits for the response in progress; one read's worth of it is kept. */
  private hold(): void {
    this.pipelined = Buffer.from(this.input.subarray(this.at));
    this.at = this.input.length;
    this.connection.readDisable(true);
  }

  private readHead(): void {
    if (this.headBuffer !== null) {
      this.readMoreHead(this.headBuffer);
      return;
    }
    this.observer.onHeadStart();
    const end = this.parser.parse(this.input, this.at, this.input.length);
    if (end === FAILED) this.refuse(this.parser.error);
    else if (end === INCOMPLETE) this.collectHead();
    else this.startRequest(end);
  }

  private collectHead(): void {
    this.headBuffer = new HeadBuffer(this.parser.settings.maxHeadersBytes, true);
    this.readMoreHead(this.headBuffer);
  }

  private readMoreHead(buffer: HeadBuffer): void {
    const state = buffer.add(this.input.subarray(this.at));
    this.at = this.input.length;
    if (state === "incomplete") return;
    this.headBuffer = null;
    if (state === "full") this.refuse(HEADERS_TOO_LARGE);
    else if (state === "broken") this.refuse(CODEC_ERROR);
    else this.parseCollected(buffer.bytes);
  }

  /**
   * From here on the collected bytes are the input: behind the head they hold whatever came with
   * it.
   */
  private parseCollected(bytes: Buffer): void {
    this.input = bytes;
    this.at = 0;
    const end = this.parser.parse(bytes, 0, bytes.length);
    if (end <= 0) this.refuse(end === FAILED ? this.parser.error : CODEC_ERROR);
    else this.startRequest(end);
  }

  private startRequest(headEnd: number): void {
    this.at = headEnd;
    const { headers, bodyLength } = this.parser;
    this.http11 = this.parser.http11;
    this.headRequest = headers.method === "HEAD";
    this.connectRequest = headers.method === "CONNECT";
    const tunnel = this.connectRequest || isUpgrade(headers);
    const endStream = !tunnel && bodyLength <= 0 && bodyLength !== CHUNKED;
    if (endStream) this.state = WAITING;
    else this.startBody(tunnel && bodyLength === NO_LENGTH ? TUNNEL : BODY, bodyLength);
    this.decoder = this.callbacks.newStream(this);
    this.decoder.decodeHeaders(headers, endStream);
  }

  private startBody(state: number, bodyLength: number): void {
    this.state = state;
    if (state === TUNNEL) return;
    this.body ??= new BodyReader(this.parser.settings);
    this.body.start(bodyLength);
  }

  private readBody(): void {
    const body = this.body as BodyReader;
    const bytes = this.input;
    this.at = body.read(bytes, this.at);
    if (body.broken) {
      this.refuse(body.error);
      return;
    }
    const data = body.dataEnd > body.dataStart ? bytes.subarray(body.dataStart, body.dataEnd) : EMPTY;
    if (!body.done) {
      if (data.length > 0) this.decoder?.decodeData(data, false);
      return;
    }
    this.state = WAITING;
    this.endRequest(data, body.trailers);
    if (this.responseDone && (this.state as number) === WAITING) this.finishExchange();
  }

  private endRequest(data: Buffer, trailers: HeaderMap | null): void {
    if (trailers === null || !this.parser.settings.enableTrailers) {
      this.decoder?.decodeData(data, true);
      return;
    }
    if (data.length > 0) this.decoder?.decodeData(data, false);
    this.decoder?.decodeTrailers(trailers);
  }

  private refuse(error: Http1Error): void {
    this.state = CLOSED;
    if (this.parser.http2Preface && error === this.parser.error) {
      this.connection.write(HTTP2_GOAWAY);
      this.callbacks.onCodecClose();
      return;
    }
    const decoder = this.decoder ?? this.startRefusal();
    decoder.onProtocolError(error.status, reasonPhrase(error.status), error.details);
  }

  /** A stream for a request that was never understood. */
  private startRefusal(): RequestDecoder {
    this.headRequest = false;
    this.connectRequest = false;
    this.http11 = true;
    const decoder = this.callbacks.newStream(this);
    this.decoder = decoder;
    return decoder;
  }
}
