// hot: per request
/**
 * One request and its response on a downstream connection: the order of processing from decoded
 * head to access log. Envoy: `ConnectionManagerImpl::ActiveStream`
 * (source/common/http/conn_manager_impl.cc).
 */
import type { RequestDecoder, ResponseEncoder, StreamResetReason } from "../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { Connection } from "../network/connection.ts";
import { ResponseFlag, StreamInfo } from "../network/stream-info.ts";
import type { AccessLogType, FormatterContext } from "../route/formatter.ts";
import type { Route, RouteMatchInput, RouteTable } from "../route/route.ts";
import type { OverrideHost } from "../upstream/load-balancer.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import type { ConnectionManagerRuntime } from "./connection-manager-runtime.ts";
import type { HttpFilter, WatermarkListener } from "./http-filter.ts";
import { buildLocalReply, type LocalReply } from "./local-reply.ts";
import { addProxyStatus } from "./proxy-status.ts";
import { asksToClose } from "./request-checks.ts";
import { announceEnd } from "./response-end.ts";
import { mutateResponseHeaders, type ResponseFacts } from "./response-headers.ts";
import { FilterHandle, type HttpFilterEntry, StreamFilters } from "./stream-filters.ts";
import { countEnd, countResponse, destroyFilters, finishInfo, logStream } from "./stream-finish.ts";
import { admitRequest, chooseFilters, noteStart } from "./stream-start.ts";
import { StreamTimeouts } from "./stream-timeouts.ts";

const NO_RANDOM = -1;

export class ActiveStream
  implements RequestDecoder, ResponseFacts, RouteMatchInput, FormatterContext
{
  readonly manager: ConnectionManager;
  readonly runtime: ConnectionManagerRuntime;
  readonly connection: Connection;
  readonly streamInfo: StreamInfo;
  logType: AccessLogType = "DownstreamEnd";
  readonly timeouts: StreamTimeouts;
  readonly encoder: ResponseEncoder;
  requestHeaders: RequestHeaderMap | null = null;
  responseHeaders: ResponseHeaderMap | null = null;
  responseTrailers: HeaderMap | null = null;
  decoderBufferLimit: number;
  encoderBufferLimit: number;
  /** The request is complete. */
  requestEnded = false;
  /** The response is complete. */
  responseEnded = false;
  /** A local reply or reset ended request processing: filters see no more of the request. */
  decodingStopped = false;
  ended = false;
  upgradeRequest = false;
  forceRequestId = false;
  /** The request, or an answer of our own, asks for the end of the connection. */
  closesConnection = false;
  /** The stream ended before request and response were complete. */
  wasReset = false;
  /** The table that the request began with. */
  routes: RouteTable | null = null;
  overrideHost: OverrideHost | null = null;
  /** An upgrade or CONNECT that a filter chain took. */
  upgraded = false;
  /** It goes on with the request of another stream, which was redirected. */
  recreated = false;
  /** The client broke the protocol: logs show it, the local reply does not yet. */
  protocolError = false;
  /** How often filters stopped the request without going on yet. */
  private readPauses = 0;
  private headersSent = false;
  /** A local reply replaces a response that encoder filters have seen: it passes them by. */
  private bypassesFilters = false;

  private cachedRoute: Route | null = null;
  private routeKnown = false;
  private streamRandom: number = NO_RANDOM;
  private filters: StreamFilters | null = null;
  /** The only filter, when the chain is a terminal one alone. */
  private terminal: HttpFilter | null = null;
  private watermarkListener: WatermarkListener | null = null;
  private aboveWatermark = false;

  constructor(manager: ConnectionManager, encoder: ResponseEncoder) {
    this.manager = manager;
    this.runtime = manager.runtime;
    this.connection = manager.connection;
    this.encoder = encoder;
    const { dispatcher } = this.runtime;
    this.streamInfo = new StreamInfo(manager.info, dispatcher.nowMs, dispatcher.wallMs());
    this.decoderBufferLimit = manager.bufferLimitBytes;
    this.encoderBufferLimit = manager.bufferLimitBytes;
    this.timeouts = new StreamTimeouts(this, this.runtime);
  }

  get nowMs(): number {
    return this.runtime.dispatcher.nowMs;
  }

  get requestId(): string {
    return this.streamInfo.requestId;
  }

  /** For route matching. */
  get headers(): RequestHeaderMap {
    return this.requestHeaders as RequestHeaderMap;
  }

  /** Uniform 32-bit number of this stream, drawn at first use. */
  random(): number {
    if (this.streamRandom === NO_RANDOM) {
      this.streamRandom = this.runtime.dispatcher.random.uint32();
    }
    return this.streamRandom;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): void {
    try {
      this.startRequest(headers, endStream);
    } catch (error) {
      this.fail(error);
    }
  }

  decodeData(bytes: Buffer, endStream: boolean): void {
    this.streamInfo.bytesReceived += bytes.length;
    if (endStream) this.endRequest();
    this.timeouts.onActivity();
    if (this.decodingStopped) return;
    try {
      if (this.filters !== null) this.filters.decoding.startData(bytes, endStream);
      else this.terminal?.decodeData?.(bytes, endStream);
    } catch (error) {
      this.fail(error);
    }
  }

  decodeTrailers(trailers: HeaderMap): void {
    this.endRequest();
    this.timeouts.onActivity();
    if (this.decodingStopped) return;
    try {
      if (this.filters !== null) this.filters.decoding.startTrailers(trailers);
      else this.terminal?.decodeTrailers?.(trailers);
    } catch (error) {
      this.fail(error);
    }
  }

  onProtocolError(status: number, body: string, details: string): void {
    if (this.ended) return;
    this.runtime.stats.manager.downstreamCxProtocolError.inc();
    this.protocolError = true;
    this.sendLocalReply({ status, body, details });
  }

  onResetStream(_reason: StreamResetReason, _transportFailure: string): void {
    if (this.ended) return;
    const remote = this.manager.closeSource !== "local";
    this.streamInfo.setFlag(ResponseFlag.DownstreamConnectionTermination);
    this.streamInfo.responseCodeDetails = remote
      ? "downstream_remote_disconnect"
      : "downstream_local_disconnect";
    this.decodingStopped = true;
    this.finish();
  }

  onAboveWriteBufferHighWatermark(): void {
    this.aboveWatermark = true;
    this.watermarkListener?.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.aboveWatermark = false;
    this.watermarkListener?.onBelowWriteBufferLowWatermark();
  }

  addWatermarkListener(listener: WatermarkListener): void {
    this.watermarkListener = listener;
    if (this.aboveWatermark) listener.onAboveWriteBufferHighWatermark();
  }

  requestReadDisable(disable: boolean): void {
    const { manager } = this.runtime.stats;
    if (disable) manager.downstreamFlowControlPausedReadingTotal.inc();
    else manager.downstreamFlowControlResumedReadingTotal.inc();
    this.readPauses += disable ? 1 : -1;
    this.encoder.readDisable(disable);
  }

  route(): Route | null {
    if (!this.routeKnown) this.chooseRoute();
    return this.cachedRoute;
  }

  clearRouteCache(): void {
    if (this.responseHeaders === null) this.routeKnown = false;
  }

  /** 1xx other than 101: passed on only with `proxy_100_continue`. */
  encodeInformational(headers: ResponseHeaderMap): void {
    if (this.ended || this.responseHeaders !== null) return;
    this.timeouts.onActivity();
    if (!this.runtime.config.proxy100Continue) return;
    try {
      if (this.filters !== null) {
        for (const filter of this.filters.filters) filter.encodeInformational?.(headers);
      }
      countResponse(this, headers.status);
      this.encoder.encodeInformational(headers);
    } catch (error) {
      this.fail(error);
    }
  }

  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    if (this.ended) return;
    this.responseHeaders = headers;
    this.streamInfo.responseCode = headers.status;
    this.timeouts.onResponseStart();
    try {
      if (this.filters === null || this.bypassesFilters) this.finishHeaders(headers, endStream);
      else this.filters.encoding.startHeaders(headers, endStream);
    } catch (error) {
      this.fail(error);
    }
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    if (this.ended) return;
    this.timeouts.onActivity();
    try {
      if (this.filters === null || this.bypassesFilters) this.finishData(bytes, endStream);
      else this.filters.encoding.startData(bytes, endStream);
    } catch (error) {
      this.fail(error);
    }
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.ended) return;
    this.timeouts.onActivity();
    this.responseTrailers = trailers;
    try {
      if (this.filters === null || this.bypassesFilters) this.finishTrailers(trailers);
      else this.filters.encoding.startTrailers(trailers);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Response head leaves the chain: last changes, then the wire. */
  finishHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    const info = this.streamInfo;
    const { runtime } = this;
    this.headersSent = true;
    if (info.downstreamTxStartMs < 0) info.downstreamTxStartMs = this.nowMs;
    mutateResponseHeaders(headers, this, runtime.config, runtime.date);
    const { proxyStatus } = runtime.config;
    if (proxyStatus !== null) addProxyStatus(headers, info, proxyStatus);
    info.responseCode = headers.status;
    announceEnd(this, headers, endStream);
    countResponse(this, headers.status);
    this.encoder.encodeHeaders(headers, endStream);
    if (endStream) this.endResponse();
  }

  finishData(bytes: Buffer, endStream: boolean): void {
    this.streamInfo.bytesSent += bytes.length;
    this.encoder.encodeData(bytes, endStream);
    if (endStream) this.endResponse();
  }

  finishTrailers(trailers: HeaderMap): void {
    this.encoder.encodeTrailers(trailers);
    this.endResponse();
  }

  sendLocalReply(reply: LocalReply): void {
    if (this.ended) return;
    this.decodingStopped = true;
    this.streamInfo.responseCodeDetails = reply.details;
    if (this.headersSent) {
      this.reset();
      return;
    }
    const { runtime } = this;
    // A reply that replaces a response has passed by the route, too.
    const route = this.responseHeaders === null ? this.cachedRoute : null;
    const built = buildLocalReply(reply, this.requestHeaders, runtime.localReplies, this, route);
    if (reply.status === 400 && !runtime.config.streamErrorOnInvalidMessage) {
      this.closesConnection = true;
    }
    if (this.responseHeaders !== null) this.bypassesFilters = true;
    this.encodeHeaders(built.headers, built.body === "");
    if (built.body !== "") this.encodeData(Buffer.from(built.body, "latin1"), true);
  }

  /** A filter held more of the request body than its limit allows. */
  refuseLargeRequest(): void {
    this.runtime.stats.manager.downstreamRqTooLarge.inc();
    // Envoy's HTTP/1 codec tells the end of a body after its last bytes: too late to count here.
    this.requestEnded = false;
    const body = "Payload Too Large";
    this.sendLocalReply({ status: 413, body, details: "request_payload_too_large" });
  }

  /** A filter held more of the response body than its limit allows. */
  refuseLargeResponse(): void {
    this.runtime.stats.manager.rsTooLarge.inc();
    const body = "Internal Server Error";
    this.sendLocalReply({ status: 500, body, details: "response_payload_too_large" });
  }

  /** Ends the stream without answer; on HTTP/1 the connection goes with it. */
  reset(): void {
    if (this.ended) return;
    this.runtime.stats.manager.downstreamRqTxReset.inc();
    this.decodingStopped = true;
    this.finish();
    this.encoder.resetStream("local reset");
  }

  /** Another stream takes the request and gives the answer. */
  endForSuccessor(): void {
    this.decodingStopped = true;
    this.ended = true;
    this.close();
  }

  /** A throw, in a filter for example: it is reported and ends this stream only. */
  fail(error: unknown): void {
    this.runtime.dispatcher.onBug(error);
    this.reset();
  }

  private startRequest(headers: RequestHeaderMap, endStream: boolean): void {
    this.requestHeaders = headers;
    this.timeouts.onHeadEnd();
    this.streamInfo.protocol = this.manager.protocol;
    if (endStream) this.endRequest();
    this.timeouts.onActivity();
    this.closesConnection = asksToClose(headers, this.streamInfo.protocol);
    this.routes = this.runtime.routes.current();
    if (!admitRequest(this, headers)) return;
    const entries = chooseFilters(this, headers);
    if (entries === null) return;
    this.timeouts.onRoute(this.route(), headers);
    noteStart(this, headers);
    if (entries.length === 1) this.startTerminal(entries[0] as HttpFilterEntry, headers, endStream);
    else this.startChain(entries, headers, endStream);
  }

  private startTerminal(
    entry: HttpFilterEntry,
    headers: RequestHeaderMap,
    endStream: boolean,
  ): void {
    this.terminal = entry.factory.create(new FilterHandle(this, null, entry.name, 0));
    this.terminal?.decodeHeaders?.(headers, endStream);
  }

  private startChain(
    entries: readonly HttpFilterEntry[],
    headers: RequestHeaderMap,
    endStream: boolean,
  ): void {
    this.filters = new StreamFilters(entries, this);
    this.filters.decoding.startHeaders(headers, endStream);
  }

  private chooseRoute(): void {
    this.routeKnown = true;
    const table = this.routes;
    const route = table === null || this.requestHeaders === null ? null : table.match(this);
    this.cachedRoute = route;
    this.streamInfo.route = route;
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.streamInfo.downstreamRxEndMs = this.nowMs;
    this.timeouts.onRequestEnd();
  }

  private endResponse(): void {
    if (this.ended) return;
    this.responseEnded = true;
    this.streamInfo.downstreamTxEndMs = this.nowMs;
    this.finish();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    countEnd(this);
    this.close();
    // The peer still sends what nobody wants: a stream among others is told so.
    if (this.wasReset && this.responseEnded && this.manager.multiplexed) {
      this.encoder.resetStream("local reset");
    }
    this.manager.onStreamEnd(this);
  }

  /** Logs the stream and gives back what it held. */
  private close(): void {
    this.timeouts.close();
    finishInfo(this);
    this.filters?.complete();
    this.terminal?.onStreamComplete?.();
    logStream(this, "DownstreamEnd");
    destroyFilters(this.filters?.filters ?? null, this.terminal, this.runtime.dispatcher);
    // Whoever held the request back is gone; the connection may carry another.
    while (this.readPauses > 0) this.requestReadDisable(false);
  }
}
