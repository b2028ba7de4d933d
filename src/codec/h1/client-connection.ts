// hot: per request
/**
 * The client side of HTTP/1: one request at a time, no pipelining. Any byte that no request asked
 * for ends the connection. Envoy: `Http1::ClientConnectionImpl`.
 */
import type { Connection } from "../../network/connection.ts";
import type { Protocol } from "../../network/stream-info.ts";
import type {
  BytesMeter,
  ClientConnection,
  ClientConnectionCallbacks,
  RequestEncoder,
  ResponseDecoder,
  StreamResetReason,
} from "../codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../header-map.ts";
import { Headers } from "../header-names.ts";
import { BodyReader } from "./body-reader.ts";
import { NO_LENGTH } from "./framing.ts";
import { HeadBuffer } from "./head-buffer.ts";
import { FAILED, INCOMPLETE } from "./head-parser.ts";
import { type BodyFraming, requestHead, startLineLength, trailerSection } from "./head-writer.ts";
import { headerBytes, lineBytes } from "./header-bytes.ts";
import type { ResponseParser } from "./response-parser.ts";
import { hasConnectionToken, isUpgrade } from "./upgrade.ts";

/** No request in flight. */
const IDLE = 0;
const HEAD = 1;
const BODY = 2;
/** The response is complete, the request is not. */
const WAITING = 3;
const TUNNEL = 4;
const CLOSED = 5;

const EMPTY: Buffer = Buffer.alloc(0);
/** Methods whose bodiless requests carry no `content-length: 0`. */
const BODILESS_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "DELETE",
  "TRACE",
  "CONNECT",
]);

export class Http1ClientConnection implements ClientConnection, RequestEncoder, BytesMeter {
  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;
  private readonly connection: Connection;
  private readonly callbacks: ClientConnectionCallbacks;
  private readonly parser: ResponseParser;
  private state: number = IDLE;
  private input: Buffer = EMPTY;
  private at = 0;
  private headBuffer: HeadBuffer | null = null;
  private body: BodyReader | null = null;
  private decoder: ResponseDecoder | null = null;
  private headRequest = false;
  private connectRequest = false;
  private upgradeRequest = false;
  private requestChunked = false;
  private requestDone = false;
  /** The peer announced that this is its last response. */
  private closeAnnounced = false;
  /** The connection carries no further request, announced or by its framing. */
  private lastResponse = false;

  constructor(
    connection: Connection,
    callbacks: ClientConnectionCallbacks,
    parser: ResponseParser,
  ) {
    this.connection = connection;
    this.callbacks = callbacks;
    this.parser = parser;
  }

  get protocol(): Protocol {
    return "HTTP/1.1";
  }

  get meter(): BytesMeter {
    return this;
  }

  newStream(decoder: ResponseDecoder): RequestEncoder {
    this.decoder = decoder;
    this.wireBytesReceived = 0;
    this.wireBytesSent = 0;
    this.headerBytesReceived = 0;
    this.headerBytesSent = 0;
    this.requestDone = false;
    this.state = HEAD;
    return this;
  }

  dispatch(bytes: Buffer): void {
    this.input = bytes;
    this.at = 0;
    while (this.at < this.input.length && this.state !== CLOSED) {
      if (this.state === HEAD) this.readHead();
      else if (this.state === BODY) this.readBody();
      else if (this.state === TUNNEL) this.readTunnel();
      else this.fail("unsolicited_bytes");
    }
    this.input = EMPTY;
  }

  onConnectionClose(reason: StreamResetReason, transportFailure: string): boolean {
    const { decoder, state } = this;
    this.state = CLOSED;
    this.decoder = null;
    if (decoder === null) return true;
    const terminated = reason === "connection termination" && transportFailure === "";
    const framedByClose = state === BODY && (this.body as BodyReader).untilClose;
    if (terminated && (framedByClose || state === TUNNEL)) {
      decoder.decodeData(EMPTY, true);
      if (this.closeAnnounced) this.callbacks.onNoMoreStreams(false);
      return true;
    }
    if (terminated && (state === BODY || this.headBuffer !== null)) {
      // A response that began and was cut short is malformed: Envoy answers 502, not 503.
      this.callbacks.onProtocolError("http1.codec_error");
      decoder.onResetStream("protocol error", "");
    } else decoder.onResetStream(reason, transportFailure);
    return false;
  }

  onAboveWriteBufferHighWatermark(): void {
    this.decoder?.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.decoder?.onBelowWriteBufferLowWatermark();
  }

  encodeHeaders(headers: RequestHeaderMap, endStream: boolean): void {
    this.headRequest = headers.method === "HEAD";
    this.connectRequest = headers.method === "CONNECT";
    this.upgradeRequest = isUpgrade(headers);
    const framing = this.requestFraming(headers, endStream);
    this.requestChunked = framing === "chunked";
    this.writeHead(requestHead(headers, framing, this.parser.settings));
    if (endStream) this.endRequest();
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    if (bytes.length > 0) this.writeBody(bytes);
    if (!endStream) return;
    if (this.requestChunked) this.write("0\r\n\r\n");
    this.endRequest();
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.requestChunked) {
      this.write("0\r\n");
      this.writeHead(this.parser.settings.enableTrailers ? trailerSection(trailers) : "\r\n");
    }
    this.endRequest();
  }

  enableTunnel(): void {
    this.requestChunked = false;
  }

  /** Abandons the exchange: on HTTP/1 only closing the connection can do that. */
  resetStream(_reason: StreamResetReason): void {
    if (this.decoder === null) return;
    this.decoder = null;
    this.state = CLOSED;
    this.callbacks.onNoMoreStreams(true);
  }

  readDisable(disable: boolean): void {
    this.connection.readDisable(disable);
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
    if (!this.requestChunked) {
      this.connection.writeBytes(bytes);
      return;
    }
    this.write(`${bytes.length.toString(16)}\r\n`);
    this.connection.writeBytes(bytes);
    this.write("\r\n");
  }

  private requestFraming(headers: RequestHeaderMap, endStream: boolean): BodyFraming {
    if (this.connectRequest) return "none";
    if (headers.has(Headers.ContentLength)) return "length";
    if (this.upgradeRequest) return "none";
    if (!endStream) return "chunked";
    return BODILESS_METHODS.has(headers.method) ? "none" : "zero-length";
  }

  private endRequest(): void {
    this.requestDone = true;
    if (this.state === WAITING) this.finishExchange();
  }

  private readHead(): void {
    if (this.headBuffer !== null) {
      this.readMoreHead(this.headBuffer);
      return;
    }
    const start = this.at;
    const end = this.parser.parse(this.input, start, this.input.length);
    if (end === FAILED) this.fail(this.parser.error.details);
    else if (end === INCOMPLETE) this.collectHead();
    else this.takeHead(start, end);
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
    if (state !== "complete") {
      this.fail(state === "full" ? "http1.headers_too_large" : "http1.codec_error");
      return;
    }
    this.input = buffer.bytes;
    this.at = 0;
    const end = this.parser.parse(this.input, 0, this.input.length);
    if (end <= 0) this.fail(end === FAILED ? this.parser.error.details : "http1.codec_error");
    else this.takeHead(0, end);
  }

  private takeHead(start: number, headEnd: number): void {
    this.at = headEnd;
    this.wireBytesReceived += headEnd - start;
    const { headers, http11 } = this.parser;
    this.headerBytesReceived += lineBytes(headers);
    const status = headers.status;
    if (status < 200 && status !== 101) {
      if (http11) this.decoder?.decodeInformational(headers);
      else this.fail("http1.codec_error");
      return;
    }
    // Nobody asked, or it does not say for which protocol (RFC 9110 §15.2.2).
    if (status === 101 && !(this.upgradeRequest && isUpgrade(headers))) {
      this.fail("http1.codec_error");
      return;
    }
    this.closeAnnounced = announcesClose(headers, http11);
    this.lastResponse = this.closeAnnounced;
    this.startResponse(status);
  }

  /** RFC 9112 §6.3: what follows the head. */
  private startResponse(status: number): void {
    const { headers, bodyLength } = this.parser;
    const tunnel = status === 101 || (this.connectRequest && status < 300);
    const bodiless =
      !tunnel && (this.headRequest || status === 204 || status === 304 || bodyLength === 0);
    if (tunnel) this.state = TUNNEL;
    else if (!bodiless) this.startBody(bodyLength);
    else this.state = WAITING;
    this.decoder?.decodeHeaders(headers, bodiless);
    if (bodiless) this.endResponse();
  }

  private startBody(bodyLength: number): void {
    this.state = BODY;
    if (bodyLength === NO_LENGTH) this.lastResponse = true;
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
      this.fail(body.error.details);
      return;
    }
    const data =
      body.dataEnd > body.dataStart ? bytes.subarray(body.dataStart, body.dataEnd) : EMPTY;
    if (!body.done) {
      if (data.length > 0) this.decoder?.decodeData(data, false);
      return;
    }
    this.state = WAITING;
    this.deliverEnd(data, body.trailers);
    this.endResponse();
  }

  private deliverEnd(data: Buffer, trailers: HeaderMap | null): void {
    if (trailers === null || !this.parser.settings.enableTrailers) {
      this.decoder?.decodeData(data, true);
      return;
    }
    if (data.length > 0) this.decoder?.decodeData(data, false);
    this.decoder?.decodeTrailers(trailers);
  }

  private readTunnel(): void {
    const bytes = this.at === 0 ? this.input : this.input.subarray(this.at);
    this.at = this.input.length;
    this.wireBytesReceived += bytes.length;
    this.decoder?.decodeData(bytes, false);
  }

  private endResponse(): void {
    if (this.state === WAITING && this.requestDone) this.finishExchange();
  }

  private finishExchange(): void {
    this.decoder = null;
    this.state = IDLE;
    if (this.at < this.input.length) this.fail("unsolicited_bytes");
    else if (this.lastResponse) this.close();
    else this.callbacks.onStreamComplete();
  }

  private close(): void {
    this.state = CLOSED;
    this.callbacks.onNoMoreStreams(false);
  }

  private fail(details: string): void {
    const decoder = this.decoder;
    this.decoder = null;
    this.state = CLOSED;
    this.callbacks.onProtocolError(details);
    decoder?.onResetStream("protocol error", "");
  }
}

/** RFC 9112 §9.3; some proxies say it in a header of their own. */
function announcesClose(headers: ResponseHeaderMap, http11: boolean): boolean {
  if (!http11) return !hasConnectionToken(headers, "keep-alive");
  if (hasConnectionToken(headers, "close")) return true;
  if ((headers.seen & Headers.ProxyConnection.bit) === 0) return false;
  return headers.get(Headers.ProxyConnection)?.toLowerCase() === "close";
}
