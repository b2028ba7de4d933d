/**
 * A step that sees requests and responses. Envoy: `StreamFilter`, `StreamDecoderFilterCallbacks`
 * (envoy/http/filter.h). "decode" is downstream → upstream, "encode" the way back. One instance per
 * stream.
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { Connection } from "../network/connection.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { Route } from "../route/route.ts";
import type { OverrideHost } from "../upstream/load-balancer.ts";
import type { LocalReply } from "./local-reply.ts";

/**
 * What a filter asks the manager to do next.
 * - `continue`: the next filter sees the event.
 * - `stop`: hold this and all later events of this direction until
 *   `continueDecoding`/`continueEncoding`. For headers, body events still reach this filter (it
 * usually answers `stop-and-buffer` to them).
 * - `stop-and-buffer`: as stop, and keep the body bytes, up to the buffer limit (then 413, or 500
 *   on the way back).
 * - `stop-and-watermark`: as `stop-and-buffer`, but push back on the sender at the limit.
 */
export type FilterStatus = "continue" | "stop" | "stop-and-buffer" | "stop-and-watermark";

/**
 * Methods a filter does not need are left out: chains are built per method, so absence costs
 * nothing.
 */
export interface HttpFilter {
  decodeHeaders?(headers: RequestHeaderMap, endStream: boolean): FilterStatus;
  /** `bytes` is borrowed. */
  decodeData?(bytes: Buffer, endStream: boolean): FilterStatus;
  decodeTrailers?(trailers: HeaderMap): FilterStatus;
  encodeInformational?(headers: ResponseHeaderMap): void;
  encodeHeaders?(headers: ResponseHeaderMap, endStream: boolean): FilterStatus;
  encodeData?(bytes: Buffer, endStream: boolean): FilterStatus;
  encodeTrailers?(trailers: HeaderMap): FilterStatus;
  /** The request is complete for logs: called before access loggers run. */
  onStreamComplete?(): void;
  /** Always called exactly once. Cancel timers and upstream work here. */
  onDestroy?(): void;
}

/** What the manager offers a filter for its stream. */
export interface HttpFilterCallbacks {
  /** The filter's name in http_filters. */
  readonly filterName: string;
  readonly dispatcher: Dispatcher;
  readonly connection: Connection;
  readonly streamInfo: StreamInfo;
  /**
   * Uniform 32-bit number fixed for the stream: fractions, weighted clusters and sampling agree on
   * it.
   */
  readonly streamRandom: number;
  readonly requestHeaders: RequestHeaderMap;
  readonly responseHeaders: ResponseHeaderMap | null;
  /**
   * The chosen route, or null (no match). Cached; `clearRouteCache` makes the next read match
   * again.
   */
  route(): Route | null;
  clearRouteCache(): void;
  /** The most specific per-route config of this filter (by its name in http_filters), or null. */
  routeConfig(): object | null;
  /** All per-route configs of this filter, least specific first. */
  routeConfigs(): readonly object[];
  /** Body bytes held for this filter on the request side so far. Null when none. */
  decodingBuffer(): Buffer | null;
  encodingBuffer(): Buffer | null;
  /** The host that a filter wants for the first attempt; null leaves the choice to the balancer. */
  overrideHost: OverrideHost | null;
  /** Goes on after a stop. */
  continueDecoding(): void;
  continueEncoding(): void;
  /** Adds body bytes to what later filters see (a copy is kept). */
  injectDecodedData(bytes: Buffer, endStream: boolean): void;
  injectEncodedData(bytes: Buffer, endStream: boolean): void;
  /** Limits in bytes for held bodies; 0 = no limit. */
  decoderBufferLimit(): number;
  setDecoderBufferLimit(bytes: number): void;
  encoderBufferLimit(): number;
  /** Answers from the proxy itself. */
  sendLocalReply(reply: LocalReply): void;
  /** Sends what the terminal filter received from upstream into the encoder chain. */
  encodeInformational(headers: ResponseHeaderMap): void;
  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void;
  encodeData(bytes: Buffer, endStream: boolean): void;
  encodeTrailers(trailers: HeaderMap): void;
  /**
   * Ends this stream, and begins another with the request's head as it is now, and `body`. False
   * when the request is not complete; then nothing has happened.
   */
  recreateStream(response: ResponseHeaderMap, body: Buffer | null): boolean;
  /** Ends the stream without (further) answer. */
  resetStream(): void;
  /** Back-pressure towards downstream reads: nests. */
  requestReadDisable(disable: boolean): void;
  /** Back-pressure towards the upstream: nests. */
  responseReadDisable(disable: boolean): void;
  /** The terminal filter hears of downstream write back-pressure here. */
  addWatermarkListener(listener: WatermarkListener): void;
}

/** Told when the downstream connection cannot take more response bytes, or can again. */
export interface WatermarkListener {
  onAboveWriteBufferHighWatermark(): void;
  onBelowWriteBufferLowWatermark(): void;
}
