/**
 * Bytes on one side, HTTP streams on the other. Written for multiplexed streams; HTTP/1 is the case
 * of one at a time. Envoy: envoy/http/codec.h. Words: a *decoder* receives what the peer sent, an
 * *encoder* sends.
 */
import type { Protocol } from "../network/stream-info.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "./header-map.ts";

/**
 * Why a stream ended early. The words appear in response_code_details with "_" for " ". Envoy:
 * `StreamResetReason`.
 */
export type StreamResetReason =
  | "local reset"
  | "local refused stream reset"
  | "remote reset"
  | "remote refused stream reset"
  | "local connection failure"
  | "remote connection failure"
  | "connection timeout"
  | "connection termination"
  | "overflow"
  | "protocol error"
  | "overload manager reset"
  | "remote error with CONNECT request"
  | "HTTP/1 premature upstream half close";

/** Told when a stream can take no more, or more again, and when it is reset. */
export interface StreamCallbacks {
  /**
   * Not called for our own `resetStream`. `transportFailure` is the transport's own words, "" when
   * none.
   */
  onResetStream(reason: StreamResetReason, transportFailure: string): void;
  onAboveWriteBufferHighWatermark(): void;
  onBelowWriteBufferLowWatermark(): void;
}

/** Receives one request. Data views are borrowed: valid during the call only. */
export interface RequestDecoder extends StreamCallbacks {
  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): void;
  decodeData(bytes: Buffer, endStream: boolean): void;
  /** Ends the stream. */
  decodeTrailers(trailers: HeaderMap): void;
  /**
   * The request broke the protocol before or while it was decoded: answer with `status` and close.
   * `details` is the response_code_details word (`http1.invalid_url`, …).
   */
  onProtocolError(status: number, body: string, details: string): void;
}

/** Receives one response. */
export interface ResponseDecoder extends StreamCallbacks {
  /** 1xx other than 101. */
  decodeInformational(headers: ResponseHeaderMap): void;
  decodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void;
  decodeData(bytes: Buffer, endStream: boolean): void;
  decodeTrailers(trailers: HeaderMap): void;
}

/**
 * Bytes of one stream on its wire; heads and trailers count as header bytes too. Read before the
 * next stream begins. Envoy: `BytesMeter`.
 */
export interface BytesMeter {
  readonly wireBytesReceived: number;
  readonly wireBytesSent: number;
  readonly headerBytesReceived: number;
  readonly headerBytesSent: number;
}

interface StreamEncoder {
  readonly meter: BytesMeter;
  /** Views may be borrowed: the encoder copies what it cannot send at once. */
  encodeData(bytes: Buffer, endStream: boolean): void;
  encodeTrailers(trailers: HeaderMap): void;
  /** Ends the stream at once; for HTTP/1 this ends the connection. */
  resetStream(reason: StreamResetReason): void;
  /** Stops and restarts the peer's data for this stream; nests. */
  readDisable(disable: boolean): void;
}

/** Sends one request. */
export interface RequestEncoder extends StreamEncoder {
  encodeHeaders(headers: RequestHeaderMap, endStream: boolean): void;
  /** Body bytes on the wire from now on belong to an upgraded protocol. */
  enableTunnel(): void;
}

/** Sends one response. */
export interface ResponseEncoder extends StreamEncoder {
  /** From now on another decoder hears of this stream; the request is complete. */
  setDecoder(decoder: RequestDecoder): void;
  encodeInformational(headers: ResponseHeaderMap): void;
  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void;
}

/** What a server connection asks of its owner. */
export interface ServerConnectionCallbacks {
  /** The first byte of a request is here: its head follows, or `onProtocolError`. */
  newStream(encoder: ResponseEncoder): RequestDecoder;
  /** The codec cannot go on: flush what was written, then close. */
  onCodecClose(): void;
}

export interface ServerConnection {
  readonly protocol: Protocol;
  /** Streams end one by one; otherwise a stream that ends early ends the connection. */
  readonly multiplexed: boolean;
  /** Feeds bytes from the connection. Never throws for anything the peer can send. */
  dispatch(bytes: Buffer): void;
  /** The connection is gone: resets open streams. */
  onConnectionClose(): void;
  /**
   * The end is announced, streams that are on their way are still served: HTTP/1 says `connection:
   * close` with the next answer, HTTP/2 sends a first GOAWAY.
   */
  startDrain(): void;
  /** No new streams from now on: HTTP/2 sends the last GOAWAY. */
  endDrain(): void;
  onAboveWriteBufferHighWatermark(): void;
  onBelowWriteBufferLowWatermark(): void;
}

/** What a client connection tells its owner (the pool). */
export interface ClientConnectionCallbacks {
  /**
   * A stream ended and its place is free: it was complete, or (multiplexed only) it was reset by
   * either side.
   */
  onStreamComplete(): void;
  /** Multiplexed only: the peer allows this many streams at a time. */
  onStreamLimit?(streams: number): void;
  /**
   * The peer will take no more streams (GOAWAY, `connection: close`), or our side gave up the one
   * in flight, which HTTP/1 can only do with its connection (`incomplete`).
   */
  onNoMoreStreams(incomplete: boolean): void;
  /** Unsolicited or malformed bytes: the connection must not be used again. */
  onProtocolError(details: string): void;
}

export interface ClientConnection {
  readonly protocol: Protocol;
  dispatch(bytes: Buffer): void;
  /** The peer sent FIN or the connection failed. True when that left no stream unfinished. */
  onConnectionClose(reason: StreamResetReason, transportFailure: string): boolean;
  /** Begins a request. The owner respects the number of parallel streams. */
  newStream(decoder: ResponseDecoder): RequestEncoder;
  onAboveWriteBufferHighWatermark(): void;
  onBelowWriteBufferLowWatermark(): void;
}
