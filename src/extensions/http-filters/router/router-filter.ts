// hot: per request
/**
 * One request on its way through the router: route, cluster, host, pool, one upstream attempt, and
 * the response back. Envoy: `Router::Filter` (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers } from "../../../codec/header-names.ts";
import type {
  FilterStatus,
  HttpFilter,
  HttpFilterCallbacks,
  WatermarkListener,
} from "../../../http/http-filter.ts";
import { HTTP2_NOT_SUPPORTED, isGrpc } from "../../../http/local-reply.ts";
import { type Metadata, ResponseFlag } from "../../../network/stream-info.ts";
import { updateAuthority } from "../../../route/rewrite.ts";
import type { DirectResponseEntry, RouteEntry } from "../../../route/route.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type { Host } from "../../../upstream/host.ts";
import type { LoadBalancerContext } from "../../../upstream/load-balancer.ts";
import { isGrpcSuccess } from "./grpc-outcome.ts";
import {
  directReply,
  maintenanceReply,
  NO_HOST,
  NO_ROUTE,
  resetReply,
  strictCheckReply,
} from "./replies.ts";
import { RequestStats } from "./request-stats.ts";
import { resetDetails, resetFlag } from "./reset-reason.ts";
import { RouterClocks, type RouterClocksOwner } from "./router-clocks.ts";
import type { RouterServices } from "./router-services.ts";
import { strictCheckFailure } from "./strict-check.ts";
import { finalTimeouts, takeStreamDuration } from "./timeouts.ts";
import { UpstreamRequest, type UpstreamRequestOwner } from "./upstream-request.ts";

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
  readonly requestMetadata: Metadata | null = null;
  private readonly services: RouterServices;
  private readonly callbacks: HttpFilterCallbacks;
  private readonly clocks: RouterClocks;
  private entry: RouteEntry | null = null;
  private counts: RequestStats | null = null;
  private upstream: UpstreamRequest | null = null;
  private cancelWait: (() => void) | null = null;
  private headers: RequestHeaderMap | null = null;
  private headersEnd = false;
  private requestEnded = false;
  private responseHeaders: ResponseHeaderMap | null = null;
  /** gRPC: the outcome stands in trailers that are still to come. */
  private outcomeInTrailers = false;
  private timeoutAltResponse = false;
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
    if (this.upstream !== null) this.upstream.sendData(bytes, endStream);
    else if (this.cancelWait !== null) this.holdEarly(bytes);
    return "stop";
  }

  decodeTrailers(trailers: HeaderMap): FilterStatus {
    this.endRequest();
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
    upstream?.host.stats.requestTimedOut();
    this.replyTimeout("response_timeout", upstream?.host ?? null);
  }

  /** The upstream did not begin to answer in time. Later the time-out of the route is in charge. */
  onTryTimeout(): void {
    if (this.responseHeaders !== null) return;
    const upstream = this.giveUp();
    upstream?.cluster.info.stats.upstreamRqPerTryTimeout.inc();
    upstream?.host.stats.requestTimedOut();
    this.replyTimeout("upstream_per_try_timeout", upstream?.host ?? null);
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
    this.counts?.started();
    const { info } = request.cluster;
    this.clocks.onUpstreamReady(this.requestEnded, info.maxStreamDurationMs);
  }

  onUpstreamInformational(headers: ResponseHeaderMap): void {
    this.counts?.code(headers.status, headers, this.upstream?.host ?? null);
    this.callbacks.encodeInformational(headers);
  }

  onUpstreamHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    const { config } = this.services;
    const { streamInfo, dispatcher } = this.callbacks;
    if (headers.status !== 101 && headers.status < 400 && this.isWebSocket()) {
      this.refuseHandshake(headers);
      return;
    }
    this.responseHeaders = headers;
    streamInfo.responseCode = headers.status;
    streamInfo.responseCodeDetails = "via_upstream";
    if (!config.suppressEnvoyHeaders && this.requestEndMs >= 0) {
      const elapsed = Math.floor(dispatcher.nowMs - this.requestEndMs);
      headers.set(Headers.EnvoyUpstreamServiceTime, String(elapsed));
    }
    this.countHead(headers, endStream);
    const entry = this.entry as RouteEntry;
    if (entry.includeAttemptCountInResponse) headers.set(Headers.EnvoyAttemptCount, "1");
    entry.finalizeResponseHeaders(headers, this.headers as RequestHeaderMap, streamInfo);
    if (this.cookies !== null) {
      for (const cookie of this.cookies) headers.add(Headers.SetCookie, cookie);
    }
    if (endStream) this.endResponse();
    this.callbacks.encodeHeaders(headers, endStream);
  }

  onUpstreamData(bytes: Buffer, endStream: boolean): void {
    if (endStream) {
      this.countOutcome(null);
      this.endResponse();
    }
    this.callbacks.encodeData(bytes, endStream);
  }

  onUpstreamTrailers(trailers: HeaderMap): void {
    this.countOutcome(trailers);
    this.endResponse();
    this.callbacks.encodeTrailers(trailers);
  }

  onUpstreamReset(reason: StreamResetReason, transportFailure: string): void {
    const upstream = this.upstream;
    upstream?.recordBytes();
    this.upstream = null;
    this.clocks.stop();
    const { streamInfo } = this.callbacks;
    streamInfo.setFlag(resetFlag(reason));
    streamInfo.upstreamTransportFailureReason = transportFailure;
    if (this.responseHeaders !== null) {
      this.resetAfterStart(reason, transportFailure, upstream);
      return;
    }
    const announce = !this.services.config.suppressEnvoyHeaders;
    const reply = resetReply(reason, transportFailure, announce);
    this.counts?.aborted(reply.status, upstream?.host ?? null);
    this.callbacks.sendLocalReply(reply);
  }

  private resetAfterStart(
    reason: StreamResetReason,
    transportFailure: string,
    upstream: UpstreamRequest | null,
  ): void {
    const { streamInfo } = this.callbacks;
    if (this.outcomeInTrailers) {
      upstream?.host.stats.requestFailed();
      this.services.stats.rqResetAfterDownstreamResponseStarted.inc();
    }
    const prefix = "upstream_reset_after_response_started";
    streamInfo.responseCodeDetails = resetDetails(prefix, reason, transportFailure);
    this.callbacks.resetStream();
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
    if (this.isRefused(cluster, headers)) return;
    this.prepareHeaders(entry, headers);
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

  private addCookie(setCookie: string): void {
    this.cookies ??= [];
    this.cookies.push(setCookie);
  }

  /** Checks that need the cluster: control headers, HTTP/2, maintenance. */
  private isRefused(cluster: Cluster, headers: RequestHeaderMap): boolean {
    const { info } = cluster;
    const { runtime, config } = this.services;
    const { streamInfo, streamRandom } = this.callbacks;
    const wrong = strictCheckFailure(headers, config.strictHeaders);
    if (wrong !== null) {
      streamInfo.setFlag(ResponseFlag.InvalidEnvoyRequestHeaders);
      this.callbacks.sendLocalReply(strictCheckReply(wrong.text, headers.get(wrong) ?? ""));
      return true;
    }
    if (info.wantsHttp2) {
      this.callbacks.sendLocalReply(HTTP2_NOT_SUPPORTED);
      return true;
    }
    if (!runtime().featureEnabled(info.maintenanceModeKey, 0, 100, streamRandom)) return false;
    info.stats.upstreamRqMaintenanceMode.inc();
    streamInfo.setFlag(ResponseFlag.UpstreamOverflow);
    this.counts?.code(503, null, null);
    this.callbacks.sendLocalReply(maintenanceReply(!config.suppressEnvoyHeaders));
    return true;
  }

  private prepareHeaders(entry: RouteEntry, headers: RequestHeaderMap): void {
    const { config } = this.services;
    this.timeoutAltResponse = headers.remove(Headers.EnvoyUpstreamRequestTimeoutAltResponse);
    const timeouts = finalTimeouts(entry, headers, config);
    this.clocks.timeoutMs = timeouts.globalMs;
    this.clocks.tryTimeoutMs = timeouts.perTryMs;
    this.clocks.streamDurationMs = takeStreamDuration(headers);
    if (entry.includeAttemptCountInRequest) headers.set(Headers.EnvoyAttemptCount, "1");
    entry.finalizeRequestHeaders(headers, this.callbacks.streamInfo, !config.suppressEnvoyHeaders);
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.requestEndMs = this.callbacks.dispatcher.nowMs;
    const upstream = this.upstream;
    if (upstream !== null && !upstream.responseEnded) this.clocks.onRequestEnd(upstream.started);
  }

  private endResponse(): void {
    this.clocks.stop();
    if (this.requestEndMs < 0) return;
    const elapsed = Math.floor(this.callbacks.dispatcher.nowMs - this.requestEndMs);
    this.counts?.time(elapsed, this.responseHeaders, this.upstream?.host ?? null);
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

  private replyTimeout(details: string, host: Host | null): void {
    this.callbacks.streamInfo.setFlag(ResponseFlag.UpstreamRequestTimeout);
    const status = this.timeoutAltResponse ? 204 : 504;
    if (this.responseHeaders === null) this.counts?.aborted(status, host);
    const body = this.timeoutAltResponse ? "" : "upstream request timeout";
    this.callbacks.sendLocalReply({ status, body, details });
  }

  private isWebSocket(): boolean {
    const headers = this.headers as RequestHeaderMap;
    if ((headers.seen & Headers.Upgrade.bit) === 0) return false;
    return headers.get(Headers.Upgrade)?.toLowerCase() === "websocket";
  }

  /** RFC 6455 §4.1: only 101, or an error, answers a handshake. The head is kept. */
  private refuseHandshake(answer: ResponseHeaderMap): void {
    this.giveUp();
    this.callbacks.sendLocalReply({
      status: answer.status,
      body: "",
      details: "websocket_handshake_unsuccessful",
      modify: (headers) => copyWithoutBody(answer, headers),
    });
  }

  private countHead(headers: ResponseHeaderMap, endStream: boolean): void {
    const { host } = this.upstream as UpstreamRequest;
    this.counts?.code(headers.status, headers, host);
    if (headers.status >= 500) return;
    if (!isGrpc(this.headers as RequestHeaderMap)) host.stats.requestSucceeded();
    else if (!endStream) this.outcomeInTrailers = true;
    else if (isGrpcSuccess(headers)) host.stats.requestSucceeded();
    else host.stats.requestFailed();
  }

  private countOutcome(trailers: HeaderMap | null): void {
    if (!this.outcomeInTrailers) return;
    this.outcomeInTrailers = false;
    const { host } = this.upstream as UpstreamRequest;
    if (trailers !== null && isGrpcSuccess(trailers)) host.stats.requestSucceeded();
    else host.stats.requestFailed();
  }
}

function copyWithoutBody(from: ResponseHeaderMap, to: ResponseHeaderMap): void {
  for (let index = 0; index < from.size; index++) {
    to.add(from.names[index] as HeaderName, from.values[index] as string);
  }
  to.remove(Headers.ContentLength);
  to.remove(Headers.ContentType);
  to.remove(Headers.TransferEncoding);
}
