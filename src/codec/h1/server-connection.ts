// hot: per request
/**
 * The server side of HTTP/1: requests in order, one response at a time; pipelined requests wait,
 * and reading stops at a limit. Envoy: `Http1::ServerConnectionImpl`. Deciding whether the
 * connection goes on is the connection manager's business.
 */
import type { Connection } from "../../network/connection.ts";
import type { Protocol } from "../../network/stream-info.ts";
import type { Flushable } from "../../platform/dispatcher.ts";
import type {
  BytesMeter,
  RequestDecoder,
  ResponseEncoder,
  ServerConnection,
  ServerConnectionCallbacks,
  StreamResetReason,
} from "../codec.ts";
import type { HeaderMap, ResponseHeaderMap } from "../header-map.ts";
import { BodyReader } from "./body-reader.ts";
import { CHUNKED } from "./framing.ts";
import { HeadBuffer } from "./head-buffer.ts";
import { FAILED, INCOMPLETE } from "./head-parser.ts";
import { responseHead, startLineLength, trailerSection } from "./head-writer.ts";
import { HOST_BYTES, headerBytes, lineBytes } from "./header-bytes.ts";
import { HTTP2_GOAWAY } from "./http2-preface.ts";
import {
  CODEC_ERROR,
  HEADERS_TOO_LARGE,
  type Http1Error,
  UNEXPECTED_UNDERSCORE,
} from "./protocol-error.ts";
import { reasonPhrase } from "./reason-phrases.ts";
import type { RequestParser } from "./request-parser.ts";
import { responseFraming } from "./response-framing.ts";

/** Between requests, or within a head. */
const HEAD = 0;
const BODY = 1;
/** The request is complete; its response is not. */
const WAITING = 2;
/** Upgraded or CONNECT: bytes are passed on as they are. */
const TUNNEL = 3;
const CLOSED = 4;

const EMPTY: Buffer = Buffer.alloc(0);

/** What the codec saw of requests, for the stats of the connection manager. */
export interface ServerCodecObserver {
  /** Headers were left out for the underscores in their names. */
  onHeadersDropped(count: number): void;
  /** A request was refused for the underscores in its header names. */
  onUnderscoreRefused(): void;
}

/** Bytes of following requests kept while a response is in progress; then reading stops. */
const PIPELINED_MAX = 16 * 1024;

export class Http1ServerConnection
  implements ServerConnection, ResponseEncoder, BytesMeter, Flushable
{
  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;
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
  /** `pipelined` is full, and reading waits. */
  private paused = false;
  private decoder: RequestDecoder | null = null;
  private http11 = true;
  private headRequest = false;
  private connectRequest = false;
  /** Behind the request body follow bytes that are not HTTP. */
  private tunnelRequest = false;
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

  get multiplexed(): boolean {
    return false;
  }

  get meter(): BytesMeter {
    return this;
  }

  dispatch(bytes: Buffer): void {
    if (this.pipelined !== null) {
      this.pipelined = Buffer.concat([this.pipelined, bytes]);
      this.pauseWhenFull(this.pipelined);
      return;
    }
    this.run(bytes);
  }

  startDrain(): void {
    // The connection manager writes `connection: close` itself.
  }

  endDrain(): void {
    // It closes the connection itself, too.
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
    this.writeHead(responseHead(headers, "none", this.parser.settings, true));
  }

  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    const { status } = headers;
    const tunnel = status === 101 || (this.connectRequest && status < 300);
    const framing = tunnel
      ? "none"
      : responseFraming(headers, endStream, this.headRequest, this.http11);
    this.responseChunked = framing === "chunked" && !this.headRequest;
    this.writeHead(responseHead(headers, framing, this.parser.settings, this.http11));
    if (tunnel) this.state = TUNNEL;
    if (endStream) this.endResponse();
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    if (bytes.length > 0 && !this.headRequest) this.writeBody(bytes);
    if (!endStream) return;
    if (this.responseChunked) this.write("0\r\n\r\n");
    this.endResponse();
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.responseChunked) {
      this.write("0\r\n");
      this.writeHead(this.parser.settings.enableTrailers ? trailerSection(trailers) : "\r\n");
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

  /** @internal The request that waited for the response before it is taken up. */
  flush(): void {
    const waiting = this.pipelined;
    if (waiting === null) return;
    this.pipelined = null;
    if (this.paused) this.connection.readDisable(false);
    this.paused = false;
    if (this.connection.open) this.run(waiting);
  }

  private write(text: string): void {
    this.wireBytesSent += text.length;
    this.connection.write(text);
  }

  private writeHead(text: string): void {
    this.headerBytesSent += headerBytes(text, startLineLength());
    this.write(text);
  }

  private writeBody(bytes: Buffer): void {
    this.wireBytesSent += bytes.length;
    if (!this.responseChunked) {
      this.connection.writeBytes(bytes);
      return;
    }
    this.write(`${bytes.length.toString(16)}\r\n`);
    this.connection.writeBytes(bytes);
    this.write("\r\n");
  }

  private endResponse(): void {
    this.responseDone = true;
    if (this.state === TUNNEL) this.state = CLOSED;
    if (this.state === WAITING) this.finishExchange();
  }

  /**
   * Request and response are complete: the next request may begin, but only once the owner has
   * finished with this one.
   */
  private finishExchange(): void {
    this.decoder = null;
    this.responseDone = false;
    this.state = HEAD;
    if (this.pipelined !== null && !this.dispatching) this.connection.dispatcher.deferFlush(this);
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
    const bytes = this.at === 0 ? this.input : this.input.subarray(this.at);
    this.at = this.input.length;
    this.wireBytesReceived += bytes.length;
    this.decoder?.decodeData(bytes, false);
  }

  /** The next request waits for the response in progress. */
  private hold(): void {
    this.pipelined = Buffer.from(this.input.subarray(this.at));
    this.at = this.input.length;
    this.pauseWhenFull(this.pipelined);
  }

  /** Reading goes on up to a limit: a paused connection does not see its client leave. */
  private pauseWhenFull(waiting: Buffer): void {
    if (this.paused || waiting.length < PIPELINED_MAX) return;
    this.paused = true;
    this.connection.readDisable(true);
  }

  private readHead(): void {
    if (this.headBuffer !== null) {
      this.readMoreHead(this.headBuffer);
      return;
    }
    const start = this.at;
    const end = this.parser.parse(this.input, start, this.input.length);
    if (end === INCOMPLETE) this.collectHead();
    else if (end === FAILED) this.refuseParsed();
    else this.startRequest(start, end);
  }

  private collectHead(): void {
    this.headBuffer = new HeadBuffer(this.parser.settings.maxHeadersBytes, true);
    this.readMoreHead(this.headBuffer);
  }

  private readMoreHead(buffer: HeadBuffer): void {
    const state = buffer.add(this.input.subarray(this.at));
    this.at = this.input.length;
    // A head that is slow to come is a stream already: it has its time-outs and its log line.
    if (this.decoder === null && !buffer.blank) this.startStream();
    if (state === "incomplete" || this.state === CLOSED) return;
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
    if (end === FAILED) this.refuseParsed();
    else if (end === INCOMPLETE) this.refuse(CODEC_ERROR);
    else this.startRequest(0, end);
  }

  setDecoder(decoder: RequestDecoder): void {
    if (this.decoder !== null) this.decoder = decoder;
  }

  private startStream(): RequestDecoder {
    this.headRequest = false;
    this.connectRequest = false;
    this.http11 = true;
    this.wireBytesReceived = 0;
    this.wireBytesSent = 0;
    this.headerBytesReceived = 0;
    this.headerBytesSent = 0;
    const decoder = this.callbacks.newStream(this);
    this.decoder = decoder;
    return decoder;
  }

  private startRequest(start: number, headEnd: number): void {
    this.at = headEnd;
    const { parser } = this;
    const { headers, bodyLength } = parser;
    const decoder = this.decoder ?? this.startStream();
    this.wireBytesReceived = headEnd - start;
    this.headerBytesReceived = lineBytes(headers);
    if (headers.authority !== "") this.headerBytesReceived += HOST_BYTES + headers.authority.length;
    this.http11 = parser.http11;
    this.headRequest = headers.method === "HEAD";
    this.connectRequest = headers.method === "CONNECT";
    this.tunnelRequest = parser.tunnel;
    if (parser.droppedHeaders > 0) this.observer.onHeadersDropped(parser.droppedHeaders);
    const hasBody = bodyLength > 0 || bodyLength === CHUNKED;
    if (hasBody) this.startBody(bodyLength);
    else this.state = parser.tunnel ? TUNNEL : WAITING;
    decoder.decodeHeaders(headers, this.state === WAITING);
  }

  private startBody(bodyLength: number): void {
    this.state = BODY;
    this.body ??= new BodyReader(this.parser.settings);
    this.body.start(bodyLength);
  }

  private readBody(): void {
    const body = this.body as BodyReader;
    const bytes = this.input;
    const from = this.at;
    this.at = body.read(bytes, from);
    this.wireBytesReceived += this.at - from;
    if (body.broken) {
      this.refuse(body.error);
      return;
    }
    const data =
      body.dataEnd > body.dataStart ? bytes.subarray(body.dataStart, body.dataEnd) : EMPTY;
    if (!body.done || this.tunnelRequest) {
      if (body.done) this.state = TUNNEL;
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

  private refuseParsed(): void {
    if (!this.parser.http2Preface || this.decoder !== null) {
      this.refuse(this.parser.error);
      return;
    }
    this.state = CLOSED;
    this.connection.write(HTTP2_GOAWAY);
    this.callbacks.onCodecClose();
  }

  private refuse(error: Http1Error): void {
    this.state = CLOSED;
    if (error === UNEXPECTED_UNDERSCORE) this.observer.onUnderscoreRefused();
    const decoder = this.decoder ?? this.startStream();
    this.wireBytesReceived += this.input.length - this.at;
    decoder.onProtocolError(error.status, reasonPhrase(error.status), error.details);
  }
}
