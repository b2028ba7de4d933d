// hot: per request
/**
 * One request on its way through the router: route, cluster, host, pool, one upstream attempt, and
 * the response back. Envoy: `Router::Filter` (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type {
  FilterStatus,
  HttpFilter,
  HttpFilterCallbacks,
  WatermarkListener,
} from "../../../http/http-filter.ts";
import { ResponseFlag, type StreamInfo } from "../../../network/stream-info.ts";
import { updateAuthority } from "../../../route/rewrite.ts";
import type { DirectResponseEntry, RouteEntry } from "../../../route/route.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type { Host } from "../../../upstream/host.ts";
import type {
  LoadBalancerContext,
  OverrideHost,
  PriorityLoads,
} from "../../../upstream/load-balancer.ts";
import { prepareHeaders, refusal } from "./admission.ts";
import {
  attemptAborted,
  attemptEnded,
  attemptHead,
  attemptInformational,
  attemptReset,
  attemptResetLate,
  attemptStarted,
  attemptTimedOut,
  tryTimedOut,
} from "./attempt-events.ts";
import { directReply, NO_HOST, NO_ROUTE, resetReply } from "./replies.ts";
import { RequestStats } from "./request-stats.ts";
import { resetDetails, resetFlag } from "./reset-reason.ts";
import { RouterClocks, type RouterClocksOwner } from "./router-clocks.ts";
import type { RouterServices } from "./router-services.ts";
import type { Shadows } from "./shadows.ts";
import { UpstreamRequest, type UpstreamRequestOwner } from "./upstream-request.ts";
import { handshakeReply, isWebSocket } from "./web-socket.ts";

export class RouterFilter
  implements
    HttpFilter,
    UpstreamRequestOwner,
    RouterClocksOwner,
    WatermarkListener,
    LoadBalancerContext
{
  private hashed: bigint | null | undefined;
  metadataMatch: Record<string, unknown> | null = null;
  hostSelectionAttempts = 0;
  readonly services: RouterServices;
  readonly callbacks: HttpFilterCallbacks;
  readonly clocks: RouterClocks;
  counts: RequestStats | null = null;
  timeoutAltResponse = false;
  private entry: RouteEntry | null = null;
  /** Copies of the request; null without mirroring. */
  private shadows: Shadows | null = null;
  private upstream: UpstreamRequest | null = null;
  private cancelWait: (() => void) | null = null;
  private headers: RequestHeaderMap | null = null;
  private headersEnd = false;
  private requestEnded = false;
  private responseHeaders: ResponseHeaderMap | null = null;
  private cookies: string[] | null = null;
  private requestEndMs = -1;
  /** Body that came while the cluster was not there yet. */
  private early: Buffer[] | null = null;
  private earlyTrailers: HeaderMap | null = null;

  constructor(services: RouterServices, callbacks: HttpFilterCallbacks) {
    this.services = services;
    this.callbacks = callbacks;
    this.clocks = new RouterClocks(services, this);
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    this.services.stats.rqTotal.inc();
    this.headers = headers;
    this.headersEnd = endStream;
    if (endStream) this.endRequest();
    const route = this.callbacks.route();
    if (route === null) this.replyNoRoute();
    else if (route.directResponse !== null) this.replyDirectly(route.directResponse);
    else this.forward(route.entry as RouteEntry);
    return "stop";
  }

  decodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    if (endStream) this.endRequest();
    this.shadows?.onData(bytes, endStream);
    if (this.upstream !== null) this.upstream.sendData(bytes, endStream);
    else if (this.cancelWait !== null) this.holdEarly(bytes);
    return "stop";
  }

  decodeTrailers(trailers: HeaderMap): FilterStatus {
    this.endRequest();
    this.shadows?.onTrailers(trailers);
    if (this.upstream !== null) this.upstream.sendTrailers(trailers);
    else this.earlyTrailers = trailers;
    return "stop";
  }

  onStreamComplete(): void {
    this.upstream?.recordBytes();
  }

  onDestroy(): void {
    this.cancelWait?.();
    this.cancelWait = null;
    this.shadows?.onDestroy();
    this.clocks.stop();
    const upstream = this.upstream;
    this.upstream = null;
    // A response that was complete before its request leaves the upstream with half a request.
    if (upstream !== null && !(upstream.responseEnded && this.requestEnded)) upstream.cancel();
  }

  /** The route's time-out ran out. */
  onTimeout(): void {
    const upstream = this.giveUp();
    this.counts?.timedOut();
    if (upstream !== null) attemptTimedOut(upstream, this.timeoutStatus);
    this.replyTimeout("response_timeout", upstream);
  }

  /** The upstream did not begin to answer in time. Later the time-out of the route is in charge. */
  onTryTimeout(): void {
    if (this.responseHeaders !== null) return;
    const upstream = this.giveUp();
    if (upstream !== null) tryTimedOut(upstream, this.timeoutStatus);
    this.replyTimeout("upstream_per_try_timeout", upstream);
  }

  onStreamDuration(): void {
    const upstream = this.giveUp();
    upstream?.cluster.info.stats.upstreamRqMaxDurationReached.inc();
    this.callbacks.streamInfo.setFlag(ResponseFlag.UpstreamMaxStreamDurationReached);
    this.callbacks.sendLocalReply({
      status: this.requestEnded ? 504 : 408,
      body: "upstream max stream duration reached",
      details: "upstream_max_stream_duration_reached",
    });
  }

  onAboveWriteBufferHighWatermark(): void {
    this.upstream?.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.upstream?.readDisable(false);
  }

  onUpstreamReady(request: UpstreamRequest): void {
    attemptStarted(request, this.counts as RequestStats);
    const { info } = request.cluster;
    this.clocks.onUpstreamReady(this.requestEnded, info.maxStreamDurationMs);
  }

  onUpstreamInformational(request: UpstreamRequest, headers: ResponseHeaderMap): void {
    attemptInformational(request, this.counts as RequestStats, headers);
    this.callbacks.encodeInformational(headers);
  }

  onUpstreamHeaders(
    attempt: UpstreamRequest,
    headers: ResponseHeaderMap,
    endStream: boolean,
  ): void {
    const request = this.headers as RequestHeaderMap;
    const { status } = headers;
    if (status !== 101 && status < 400 && isWebSocket(request)) {
      this.giveUp();
      this.callbacks.sendLocalReply(handshakeReply(headers));
      return;
    }
    this.responseHeaders = headers;
    attemptHead(attempt, this.counts as RequestStats, request, headers, endStream);
    this.finishResponseHead(headers, request);
    if (endStream) this.endResponse(attempt);
    this.callbacks.encodeHeaders(headers, endStream);
  }

  onUpstreamData(attempt: UpstreamRequest, bytes: Buffer, endStream: boolean): void {
    if (endStream) {
      attemptEnded(attempt, null);
      this.endResponse(attempt);
    }
    this.callbacks.encodeData(bytes, endStream);
  }

  onUpstreamTrailers(attempt: UpstreamRequest, trailers: HeaderMap): void {
    attemptEnded(attempt, trailers);
    this.endResponse(attempt);
    this.callbacks.encodeTrailers(trailers);
  }

  onUpstreamReset(
    attempt: UpstreamRequest,
    reason: StreamResetReason,
    transportFailure: string,
  ): void {
    attempt.recordBytes();
    this.upstream = null;
    this.clocks.stop();
    attemptReset(attempt, reason);
    const { streamInfo } = this.callbacks;
    streamInfo.setFlag(resetFlag(reason));
    streamInfo.upstreamTransportFailureReason = transportFailure;
    if (this.responseHeaders !== null) {
      this.resetAfterStart(attempt, reason, transportFailure);
      return;
    }
    const announce = !this.services.config.suppressEnvoyHeaders;
    const reply = resetReply(reason, transportFailure, announce);
    attemptAborted(attempt, this.counts as RequestStats, reply.status);
    this.callbacks.sendLocalReply(reply);
  }

  private resetAfterStart(
    attempt: UpstreamRequest,
    reason: StreamResetReason,
    transportFailure: string,
  ): void {
    if (attemptResetLate(attempt)) {
      this.services.stats.rqResetAfterDownstreamResponseStarted.inc();
    }
    const prefix = "upstream_reset_after_response_started";
    const details = resetDetails(prefix, reason, transportFailure);
    this.callbacks.streamInfo.responseCodeDetails = details;
    this.callbacks.resetStream();
  }

  /** What router and route add to the head of the response. */
  private finishResponseHead(headers: ResponseHeaderMap, request: RequestHeaderMap): void {
    const { streamInfo, dispatcher } = this.callbacks;
    streamInfo.responseCode = headers.status;
    streamInfo.responseCodeDetails = "via_upstream";
    if (!this.services.config.suppressEnvoyHeaders && this.requestEndMs >= 0) {
      const elapsed = Math.floor(dispatcher.nowMs - this.requestEndMs);
      headers.set(Headers.EnvoyUpstreamServiceTime, String(elapsed));
    }
    const entry = this.entry as RouteEntry;
    if (entry.includeAttemptCountInResponse) headers.set(Headers.EnvoyAttemptCount, "1");
    entry.finalizeResponseHeaders(headers, request, streamInfo);
    if (this.cookies === null) return;
    for (const cookie of this.cookies) headers.add(Headers.SetCookie, cookie);
  }

  private replyNoRoute(): void {
    this.services.stats.noRoute.inc();
    this.callbacks.streamInfo.setFlag(ResponseFlag.NoRouteFound);
    this.callbacks.sendLocalReply(NO_ROUTE);
  }

  private replyDirectly(entry: DirectResponseEntry): void {
    const { stats, config } = this.services;
    // Envoy counts redirects here too; its rq_redirect is never counted.
    stats.rqDirectResponse.inc();
    const request = this.headers as RequestHeaderMap;
    const insertOriginalPath = !config.suppressEnvoyHeaders;
    this.callbacks.sendLocalReply(directReply(entry, request, this.callbacks, insertOriginalPath));
  }

  private forward(entry: RouteEntry): void {
    this.entry = entry;
    const lookup = this.services.clusters.lookup(entry.clusterName);
    if (lookup.kind === "now") this.send(lookup.cluster);
    else if (lookup.kind === "none") this.replyNoCluster();
    else this.cancelWait = lookup.wait((cluster) => this.onCluster(cluster));
  }

  private onCluster(cluster: Cluster | null): void {
    this.cancelWait = null;
    if (cluster === null) this.replyNoCluster();
    else this.send(cluster);
  }

  private holdEarly(bytes: Buffer): void {
    this.early ??= [];
    this.early.push(Buffer.from(bytes));
    if (this.early.length === 1) this.callbacks.requestReadDisable(true);
  }

  private replyNoCluster(): void {
    this.services.stats.noCluster.inc();
    this.callbacks.streamInfo.setFlag(ResponseFlag.NoClusterFound);
    const status = (this.entry as RouteEntry).clusterNotFoundStatus;
    this.callbacks.sendLocalReply({ status, body: "", details: "cluster_not_found" });
  }

  get requestHeaders(): RequestHeaderMap | null {
    return this.headers;
  }

  get streamInfo(): StreamInfo {
    return this.callbacks.streamInfo;
  }

  get overrideHost(): OverrideHost | null {
    return this.callbacks.overrideHost;
  }

  shouldSelectAnotherHost(_host: Host): boolean {
    return false;
  }

  priorityLoads(loads: PriorityLoads): PriorityLoads {
    return loads;
  }

  /** Worked out for policies that ask: a cookie that nothing hashes is not made either. */
  get hash(): bigint | null {
    if (this.hashed === undefined) {
      const { streamInfo } = this.callbacks;
      const entry = this.entry as RouteEntry;
      const addCookie = (setCookie: string): void => this.addCookie(setCookie);
      this.hashed = entry.hash(this.headers as RequestHeaderMap, streamInfo, addCookie);
    }
    return this.hashed;
  }

  private send(cluster: Cluster): void {
    const { streamInfo } = this.callbacks;
    const entry = this.entry as RouteEntry;
    const headers = this.headers as RequestHeaderMap;
    streamInfo.cluster = cluster.info;
    const counts = new RequestStats(this.services, this.callbacks, cluster, headers);
    this.counts = counts;
    counts.choose(entry);
    const refused = refusal(this, cluster, headers);
    if (refused !== null) {
      this.callbacks.sendLocalReply(refused);
      return;
    }
    prepareHeaders(this, entry, headers);
    this.metadataMatch = entry.metadataMatch;
    streamInfo.attemptCount = 1;
    const host = cluster.chooseHost(this);
    if (host === null) {
      streamInfo.setFlag(ResponseFlag.NoHealthyUpstream);
      counts.code(503, null, null);
      this.callbacks.sendLocalReply(NO_HOST);
      return;
    }
    const { hostname } = host.description;
    if (entry.autoHostRewrite && hostname !== "") {
      const keepOld = !this.services.config.suppressEnvoyHeaders;
      updateAuthority(headers, hostname, entry.appendForwardedHost, keepOld);
    }
    this.startUpstream(cluster, host, entry);
  }

  private startUpstream(cluster: Cluster, host: Host, entry: RouteEntry): void {
    const headers = this.headers as RequestHeaderMap;
    const { upstreamLogging } = this.services;
    const head = { headers, endStream: this.headersEnd, logging: upstreamLogging };
    const upstream = new UpstreamRequest(this, this.callbacks, cluster, host, head);
    this.upstream = upstream;
    this.callbacks.addWatermarkListener(this);
    this.shadows?.onHeaders(headers, this.headersEnd);
    if (this.requestEnded) this.clocks.onRequestEnd(false);
    if (entry.connectTerminates && headers.method === "CONNECT") upstream.startTcp(entry.priority);
    else upstream.start(entry.priority);
    if (this.early !== null) this.sendEarly(upstream, this.early);
    if (this.earlyTrailers !== null) upstream.sendTrailers(this.earlyTrailers);
  }

  private sendEarly(upstream: UpstreamRequest, early: readonly Buffer[]): void {
    this.early = null;
    const last = early.length - 1;
    const end = this.requestEnded && this.earlyTrailers === null;
    for (let index = 0; index <= last; index++) {
      upstream.sendData(early[index] as Buffer, end && index === last);
    }
    this.callbacks.requestReadDisable(false);
  }

  addCookie(setCookie: string): void {
    this.cookies ??= [];
    this.cookies.push(setCookie);
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.requestEndMs = this.callbacks.dispatcher.nowMs;
    const upstream = this.upstream;
    if (upstream !== null && !upstream.responseEnded) this.clocks.onRequestEnd(upstream.started);
  }

  private endResponse(attempt: UpstreamRequest): void {
    this.clocks.stop();
    if (this.requestEndMs < 0) return;
    const elapsed = Math.floor(this.callbacks.dispatcher.nowMs - this.requestEndMs);
    this.counts?.time(elapsed, this.responseHeaders, attempt.host);
  }

  /** Ends the attempt; the response, if there is to be one, is ours. */
  private giveUp(): UpstreamRequest | null {
    const upstream = this.upstream;
    this.upstream = null;
    this.clocks.stop();
    upstream?.recordBytes();
    upstream?.cancel();
    return upstream;
  }

  private get timeoutStatus(): number {
    return this.timeoutAltResponse ? 204 : 504;
  }

  private replyTimeout(details: string, attempt: UpstreamRequest | null): void {
    this.callbacks.streamInfo.setFlag(ResponseFlag.UpstreamRequestTimeout);
    const status = this.timeoutStatus;
    if (this.responseHeaders === null && attempt !== null) {
      attemptAborted(attempt, this.counts as RequestStats, status);
    }
    const body = this.timeoutAltResponse ? "" : "upstream request timeout";
    this.callbacks.sendLocalReply({ status, body, details });
  }
}
