// hot: per request
/**
 * One request and its response on a downstream connection: the order of processing from decoded
 * head to access log. Envoy: `ConnectionManagerImpl::ActiveStream`
 * (source/common/http/conn_manager_impl.cc).
 */
import type { RequestDecoder, ResponseEncoder, StreamResetReason } from "../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap } from "../codec/header-map.ts";
import { ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import { hasConnectionToken, isUpgrade } from "../codec/h1/upgrade.ts";
import type { Connection } from "../network/connection.ts";
import { ResponseFlag, StreamInfo } from "../network/stream-info.ts";
import type { FormatterContext } from "../route/formatter.ts";
import type { Route, RouteMatchInput, RouteTable } from "../route/route.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import type { ConnectionManagerRuntime } from "./connection-manager-runtime.ts";
import { DecodeEnd, EncodeEnd } from "./chain-ends.ts";
import type { HttpFilter, WatermarkListener } from "./http-filter.ts";
import { buildLocalReply, type LocalReply } from "./local-reply.ts";
import { checkRequest } from "./request-checks.ts";
import { mutateRequestHeaders } from "./request-headers.ts";
import { mutateResponseHeaders, type ResponseFacts } from "./response-headers.ts";
import { FilterHandle, type HttpFilterEntry, StreamFilters } from "./stream-filters.ts";
import { StreamTimeouts } from "./stream-timeouts.ts";
import { chooseUpgrade } from "./upgrades.ts";

const NO_RANDOM = -1;

export class ActiveStream implements RequestDecoder, ResponseFacts, RouteMatchInput, FormatterContext {
  readonly manager: ConnectionManager;
  readonly runtime: ConnectionManagerRuntime;
  readonly connection: Connection;
  readonly streamInfo: StreamInfo;
  readonly logType = "DownstreamEnd";
  readonly timeouts: StreamTimeouts;
  private readonly encoder: ResponseEncoder;
  requestHeaders: RequestHeaderMap | null = null;
  responseHeaders: ResponseHeaderMap | null = null;
  responseTrailers: HeaderMap | null = null;
  decoderBufferLimit: number;
  encoderBufferLimit: number;
  /** The request is complete. */
  requestEnded = false;
  /** A local reply or reset ended request processing: filters see no more of the request. */
  decodingStopped = false;
  ended = false;
  upgradeRequest = false;
  forceRequestId = false;
  /** The connection closes after this response. */
  closesConnection = false;
  private http10KeepAlive = false;
  private headersSent = false;
  private responseEnded = false;
  private routes: RouteTable | null = null;
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
    if (this.streamRandom === NO_RANDOM) this.streamRandom = this.runtime.dispatcher.random.uint32();
    return this.streamRandom;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): void {
    this.requestHeaders = headers;
    const { config, stats } = this.runtime;
    this.streamInfo.protocol = this.manager.protocol;
    if (endStream) this.endRequest();
    this.timeouts.onRequestHeaders();
    this.readCloseSemantics(headers);
    this.routes = this.runtime.routes.current();
    if ((headers.seen & Headers.Expect.bit) !== 0) this.answerExpect(headers);
    const refusal = checkRequest(headers, config, this.manager.info.localAddress.port, stats);
    if (refusal !== null) {
      this.sendLocalReply(refusal);
      return;
    }
    if (!this.mutateRequest(headers)) return;
    this.startFilters(headers, endStream);
  }

  decodeData(bytes: Buffer, endStream: boolean): void {
    this.streamInfo.bytesReceived += bytes.length;
    if (endStream) this.endRequest();
    this.timeouts.onActivity();
    if (this.decodingStopped) return;
    if (this.filters !== null) this.filters.decoding.startData(bytes, endStream);
    else this.terminal?.decodeData?.(bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    this.endRequest();
    this.timeouts.onActivity();
    if (this.decodingStopped) return;
    if (this.filters !== null) this.filters.decoding.startTrailers(trailers);
    else this.terminal?.decodeTrailers?.(trailers);
  }

  onProtocolError(status: number, body: string, details: string): void {
    const { stats } = this.runtime;
    stats.manager.downstreamCxProtocolError.inc();
    if (status === 431) stats.manager.downstreamRqTooLarge.inc();
    this.streamInfo.setFlag(ResponseFlag.DownstreamProtocolError);
    this.streamInfo.protocol ??= this.manager.protocol;
    this.closesConnection = true;
    this.decodingStopped = true;
    this.sendLocalReply({ status, body, details });
  }

  onResetStream(_reason: StreamResetReason, _transportFailure: string): void {
    if (this.ended) return;
    this.runtime.stats.manager.downstreamRqRxReset.inc();
    this.streamInfo.setFlag(ResponseFlag.DownstreamConnectionTermination);
    this.streamInfo.responseCodeDetails = "downstream_remote_disconnect";
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
    if (!this.ended) this.encoder.readDisable(disable);
  }

  route(): Route | null {
    if (!this.routeKnown) this.chooseRoute();
    return this.cachedRoute;
  }

  clearRouteCache(): void {
    if (this.responseHeaders === null) this.routeKnown = false;
  }

  encodeInformational(headers: ResponseHeaderMap): void {
    if (this.ended || this.responseHeaders !== null) return;
    this.timeouts.onActivity();
    if (this.filters !== null) for (const filter of this.filters.filters) filter.encodeInformational?.(headers);
    this.encoder.encodeInformational(headers);
  }

  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    if (this.ended) return;
    this.responseHeaders = headers;
    this.timeouts.onResponseStart();
    if (this.filters !== null) this.filters.encoding.startHeaders(headers, endStream);
    else this.finishHeaders(headers, endStream);
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    if (this.ended) return;
    this.timeouts.onActivity();
    if (this.filters !== null) this.filters.encoding.startData(bytes, endStream);
    else this.finishData(bytes, endStream);
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.ended) return;
    this.timeouts.onActivity();
    this.responseTrailers = trailers;
    if (this.filters !== null) this.filters.encoding.startTrailers(trailers);
    else this.finishTrailers(trailers);
  }

  /** Response head leaves the chain: last changes, then the wire. */
  finishHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    const info = this.streamInfo;
    const { runtime } = this;
    this.headersSent = true;
    info.responseCode = headers.status;
    if (info.downstreamTxStartMs < 0) info.downstreamTxStartMs = this.nowMs;
    mutateResponseHeaders(headers, this, runtime.config, runtime.date);
    this.decideClose(headers, endStream);
    runtime.stats.responses.record(headers.status);
    runtime.stats.listenerResponses.record(headers.status);
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
    const built = buildLocalReply(reply, this.requestHeaders, this.runtime.localReplies, this);
    if (reply.status === 400 || !this.requestEnded) this.closesConnection = true;
    // Filters that hold an upstream response have had their turn: the reply replaces what they
    // hold.
    if (this.responseHeaders !== null) this.filters = null;
    this.encodeHeaders(built.headers, built.body === "");
    if (built.body !== "") this.encodeData(Buffer.from(built.body, "latin1"), true);
  }

  /** A filter held more of the request body than its limit allows. */
  refuseLargeRequest(): void {
    this.sendLocalReply({ status: 413, body: "Payload Too Large", details: "request_payload_too_large" });
  }

  /** A filter held more of the response body than its limit allows. */
  refuseLargeResponse(): void {
    this.sendLocalReply({ status: 500, body: "Internal Server Error", details: "response_payload_too_large" });
  }

  /** The request head did not arrive in time. */
  onHeadTimeout(): void {
    this.closesConnection = true;
    this.sendLocalReply({ status: 408, body: "request header timeout", details: "request_header_timeout" });
  }

  /** Ends the stream without answer; on HTTP/1 the connection goes with it. */
  reset(): void {
    if (this.ended) return;
    this.runtime.stats.manager.downstreamRqTxReset.inc();
    this.decodingStopped = true;
    this.finish();
    this.encoder.resetStream("local reset");
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.streamInfo.downstreamRxEndMs = this.nowMs;
    this.timeouts.onRequestEnd();
  }

  private readCloseSemantics(headers: RequestHeaderMap): void {
    if (this.streamInfo.protocol === "HTTP/1.0") {
      this.http10KeepAlive = hasConnectionToken(headers, "keep-alive");
      this.closesConnection = !this.http10KeepAlive;
    } else if ((headers.seen & (Headers.Connection.bit | Headers.ProxyConnection.bit)) !== 0) {
      const proxy = headers.get(Headers.ProxyConnection);
      this.closesConnection = hasConnectionToken(headers, "close") || proxy?.toLowerCase() === "close";
    }
  }

  private answerExpect(headers: RequestHeaderMap): void {
    if (this.runtime.config.proxy100Continue) return;
    if (headers.get(Headers.Expect)?.toLowerCase() !== "100-continue") return;
    const response = new ResponseHeaderMap();
    response.status = 100;
    this.encoder.encodeInformational(response);
    headers.remove(Headers.Expect);
  }

  private mutateRequest(headers: RequestHeaderMap): boolean {
    const { config, dispatcher } = this.runtime;
    const info = this.streamInfo;
    this.forceRequestId = headers.has(Headers.EnvoyForceTrace);
    this.upgradeRequest = isUpgrade(headers) || headers.method === "CONNECT";
    const internalOnly = this.routes?.internalOnlyHeaders ?? [];
    const facts = mutateRequestHeaders(headers, info.connection, config, internalOnly, dispatcher.random);
    info.requestId = facts.requestId;
    const peer = info.connection.remoteAddress;
    if (facts.clientIp !== peer.ip) info.remoteAddress = { ip: facts.clientIp, port: 0 };
    if (facts.rejectStatus === 0) return true;
    this.runtime.stats.manager.downstreamRqRejectedViaIpDetection.inc();
    this.sendLocalReply({ status: facts.rejectStatus, body: "", details: "rejecting_because_detection_failed" });
    return false;
  }

  private startFilters(headers: RequestHeaderMap, endStream: boolean): void {
    let entries: readonly HttpFilterEntry[] | null = this.runtime.filters;
    if (this.upgradeRequest) entries = chooseUpgrade(headers, this.route(), this.runtime);
    if (entries === null) {
      this.runtime.stats.manager.downstreamRqWsOnNonWsRoute.inc();
      this.closesConnection = true;
      this.sendLocalReply({ status: 403, body: "", details: "upgrade_failed" });
      return;
    }
    this.timeouts.onRoute(this.route());
    if (entries.length === 1) this.startTerminal(entries[0] as HttpFilterEntry, headers, endStream);
    else this.startChain(entries, headers, endStream);
  }

  private startTerminal(entry: HttpFilterEntry, headers: RequestHeaderMap, endStream: boolean): void {
    this.terminal = entry.factory.create(new FilterHandle(this, null, entry.name, 0));
    this.terminal?.decodeHeaders?.(headers, endStream);
  }

  private startChain(entries: readonly HttpFilterEntry[], headers: RequestHeaderMap, endStream: boolean): void {
    this.filters = new StreamFilters(entries, this, new DecodeEnd(this), new EncodeEnd(this));
    this.filters.decoding.startHeaders(headers, endStream);
  }

  private chooseRoute(): void {
    this.routeKnown = true;
    const table = this.routes;
    const route = table === null || this.requestHeaders === null ? null : table.match(this);
    this.cachedRoute = route;
    this.streamInfo.route = route;
  }

  /** Whether this answer is the connection's last, and how it says so. */
  private decideClose(headers: ResponseHeaderMap, endStream: boolean): void {
    if (this.upgradeRequest && (headers.status === 101 || headers.status < 300)) return;
    if (!this.closesConnection) this.closesConnection = this.manager.shouldClose(this.requestEnded);
    const http10 = this.streamInfo.protocol === "HTTP/1.0";
    if (http10 && !endStream && !headers.has(Headers.ContentLength)) this.closesConnection = true;
    if (this.closesConnection) headers.set(Headers.Connection, "close");
    else if (http10 && this.http10KeepAlive) headers.set(Headers.Connection, "keep-alive");
  }

  private endResponse(): void {
    if (this.responseEnded) return;
    this.responseEnded = true;
    if (!this.requestEnded) {
      this.runtime.stats.manager.downstreamRqResponseBeforeRqComplete.inc();
      this.closesConnection = true;
    }
    this.streamInfo.downstreamTxEndMs = this.nowMs;
    this.finish();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.streamInfo.endMs = this.nowMs;
    this.timeouts.close();
    this.destroyFilters();
    this.manager.onStreamEnd(this);
    const loggers = this.runtime.accessLoggers;
    for (let index = 0; index < loggers.length; index++) loggers[index]?.log(this);
  }

  private destroyFilters(): void {
    if (this.filters === null) {
      this.terminal?.onDestroy?.();
      return;
    }
    for (const filter of this.filters.filters) filter.onStreamComplete?.();
    for (const filter of this.filters.filters) filter.onDestroy?.();
  }
}
