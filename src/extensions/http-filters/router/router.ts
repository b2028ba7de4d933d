// hot: per request
/**
 * The terminal HTTP filter: route, cluster, host, pool, one upstream attempt, and the response
 * back. Envoy: `envoy.filters.http.router` (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import type {
  FilterStatus,
  HttpFilter,
  HttpFilterCallbacks,
  WatermarkListener,
} from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { Metadata } from "../../../network/stream-info.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { TimerOwner, Timers } from "../../../platform/time.ts";
import { type PooledTimer, TimerPool } from "../../../platform/timer-pool.ts";
import type { Router as RouterMessage } from "../../../proto/generated/envoy/extensions/filters/http/router/v3.ts";
import type { DirectResponseEntry, RouteEntry } from "../../../route/route.ts";
import { CANARY_HOST, INTERNAL_REQUEST } from "../../../stats/groups/response-code-stats.ts";
import { createRouterStats, type RouterStats } from "../../../stats/groups/router-stats.ts";
import type { Cluster, ClusterManager } from "../../../upstream/cluster.ts";
import type { LoadBalancerContext } from "../../../upstream/load-balancer.ts";
import { compileRouter, type RouterConfig } from "./config.ts";
import { resetBody, resetDetails, resetFlag, resetStatus } from "./reset-reason.ts";
import { strictCheckFailure } from "./strict-check.ts";
import { finalTimeouts } from "./timeouts.ts";
import { UpstreamRequest, type UpstreamRequestOwner } from "./upstream-request.ts";

/** What all routers of one connection manager share. */
interface RouterServices {
  readonly clusters: ClusterManager;
  readonly runtime: () => RuntimeSnapshot;
  readonly config: RouterConfig;
  readonly stats: RouterStats;
  readonly timers: TimerPool;
}

/** The extension. `runtime` gives the current snapshot. */
export function router(
  clusters: ClusterManager,
  timers: Timers,
  runtime: () => RuntimeSnapshot,
): HttpFilterType {
  return defineHttpFilter<RouterMessage, RouterConfig>({
    name: "envoy.filters.http.router",
    messages: ["envoy.extensions.filters.http.router.v3.Router"],
    terminal: true,
    compile: compileRouter,
    createFactory: (config, context) => {
      const pool = new TimerPool(timers);
      const stats = createRouterStats(context.stats);
      const services: RouterServices = { clusters, runtime, config, stats, timers: pool };
      return { create: (callbacks): HttpFilter => new Router(services, callbacks) };
    },
  });
}

const GLOBAL_TIMEOUT = 0;

class Router
  implements HttpFilter, UpstreamRequestOwner, TimerOwner, WatermarkListener, LoadBalancerContext
{
  hash: bigint | null = null;
  metadataMatch: Record<string, unknown> | null = null;
  readonly requestMetadata: Metadata | null = null;
  private readonly services: RouterServices;
  private readonly callbacks: HttpFilterCallbacks;
  private entry: RouteEntry | null = null;
  private cluster: Cluster | null = null;
  private upstream: UpstreamRequest | null = null;
  private cancelWait: (() => void) | null = null;
  private headers: RequestHeaderMap | null = null;
  private headersEnd = false;
  private requestEnded = false;
  private responseStarted = false;
  private timeoutMs = 0;
  private timeoutAltResponse = false;
  private timer: PooledTimer | null = null;
  private cookies: string[] | null = null;
  private requestEndMs = -1;
  /** Body that came while the cluster was not there yet. */
  private early: Buffer[] | null = null;

  constructor(services: RouterServices, callbacks: HttpFilterCallbacks) {
    this.services = services;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    this.services.stats.rqTotal.inc();
    this.headers = headers;
    this.headersEnd = endStream;
    const route = this.callbacks.route();
    if (route === null) this.replyNoRoute();
    else if (route.directResponse !== null) this.replyDirectly(route.directResponse);
    else this.forward(route.entry as RouteEntry, headers, endStream);
    return "stop";
  }

  decodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    if (endStream) this.onRequestEnd();
    if (this.upstream !== null) this.upstream.sendData(bytes, endStream);
    else if (this.cancelWait !== null) this.holdEarly(bytes);
    return "stop";
  }

  decodeTrailers(trailers: HeaderMap): FilterStatus {
    this.onRequestEnd();
    this.upstream?.sendTrailers(trailers);
    return "stop";
  }

  onDestroy(): void {
    this.cancelWait?.();
    this.cancelWait = null;
    this.releaseTimer();
    const upstream = this.upstream;
    this.upstream = null;
    if (upstream !== null && !upstream.responseEnded) upstream.cancel();
    else if (upstream !== null && !this.requestEnded) upstream.cancel();
  }

  /** The route's time-out ran out. */
  onTimer(_kind: number): void {
    const cluster = this.cluster as Cluster;
    const host = this.upstream?.host ?? null;
    cluster.info.stats.upstreamRqTimeout.inc();
    host?.stats.requestTimedOut();
    const upstream = this.upstream;
    this.upstream = null;
    upstream?.cancel();
    const { streamInfo } = this.callbacks;
    streamInfo.setFlag(ResponseFlag.UpstreamRequestTimeout);
    if (this.responseStarted) {
      streamInfo.responseCodeDetails = "response_timeout";
      this.callbacks.resetStream();
      return;
    }
    const status = this.timeoutAltResponse ? 204 : 504;
    this.countCode(status, null);
    const body = this.timeoutAltResponse ? "" : "upstream request timeout";
    this.callbacks.sendLocalReply({ status, body, details: "response_timeout" });
  }

  onAboveWriteBufferHighWatermark(): void {
    this.upstream?.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.upstream?.readDisable(false);
  }

  onUpstreamReady(request: UpstreamRequest): void {
    this.callbacks.streamInfo.cluster = request.cluster.info;
  }

  onUpstreamInformational(headers: ResponseHeaderMap): void {
    this.callbacks.encodeInformational(headers);
  }

  onUpstreamHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    const { config } = this.services;
    const { streamInfo, dispatcher } = this.callbacks;
    this.responseStarted = true;
    streamInfo.responseCodeDetails = "via_upstream";
    if (!config.suppressEnvoyHeaders && this.requestEndMs >= 0) {
      const elapsed = Math.round(dispatcher.nowMs - this.requestEndMs);
      headers.set(Headers.EnvoyUpstreamServiceTime, String(elapsed));
    }
    this.countUpstreamHead(headers);
    const entry = this.entry as RouteEntry;
    if (entry.includeAttemptCountInResponse) headers.set(Headers.EnvoyAttemptCount, "1");
    entry.finalizeResponseHeaders(headers, this.headers as RequestHeaderMap, streamInfo);
    if (this.cookies !== null)
      for (const cookie of this.cookies) headers.add(Headers.SetCookie, cookie);
    if (endStream) this.onResponseEnd();
    this.callbacks.encodeHeaders(headers, endStream);
  }

  onUpstreamData(bytes: Buffer, endStream: boolean): void {
    if (endStream) this.onResponseEnd();
    this.callbacks.encodeData(bytes, endStream);
  }

  onUpstreamTrailers(trailers: HeaderMap): void {
    this.onResponseEnd();
    this.callbacks.encodeTrailers(trailers);
  }

  onUpstreamReset(reason: StreamResetReason, transportFailure: string): void {
    const upstream = this.upstream;
    this.upstream = null;
    this.releaseTimer();
    const { streamInfo } = this.callbacks;
    streamInfo.setFlag(resetFlag(reason));
    streamInfo.upstreamTransportFailureReason = transportFailure;
    upstream?.host.stats.requestFailed();
    if (this.responseStarted) {
      this.services.stats.rqResetAfterDownstreamResponseStarted.inc();
      streamInfo.responseCodeDetails = resetDetails(
        "upstream_reset_after_response_started",
        reason,
        transportFailure,
      );
      this.callbacks.resetStream();
      return;
    }
    const status = resetStatus(reason);
    this.countCode(status, null);
    this.callbacks.sendLocalReply({
      status,
      body: resetBody(reason, transportFailure),
      details: resetDetails("upstream_reset_before_response_started", reason, transportFailure),
      modify: (headers) => {
        if (reason === "overflow" && !this.services.config.suppressEnvoyHeaders) {
          headers.set(Headers.EnvoyOverloaded, "true");
        }
      },
    });
  }

  private replyNoRoute(): void {
    this.services.stats.noRoute.inc();
    this.callbacks.streamInfo.setFlag(ResponseFlag.NoRouteFound);
    this.callbacks.sendLocalReply({ status: 404, body: "", details: "route_not_found" });
  }

  private replyDirectly(entry: DirectResponseEntry): void {
    const { stats } = this.services;
    (entry.redirect ? stats.rqRedirect : stats.rqDirectResponse).inc();
    const request = this.headers as RequestHeaderMap;
    const { streamInfo } = this.callbacks;
    const location = entry.newUri(request);
    this.callbacks.sendLocalReply({
      status: entry.status,
      body: entry.body(request, streamInfo),
      details: "direct_response",
      modify: (headers) => {
        if (location !== "") headers.set(Headers.Location, location);
        if (entry.contentType !== "") headers.set(Headers.ContentType, entry.contentType);
        entry.finalizeResponseHeaders(headers, request, streamInfo);
      },
    });
  }

  private forward(entry: RouteEntry, headers: RequestHeaderMap, endStream: boolean): void {
    this.entry = entry;
    const refused = strictCheckFailure(headers, this.services.config.strictHeaders);
    if (refused !== "") {
      this.callbacks.streamInfo.setFlag(ResponseFlag.InvalidEnvoyRequestHeaders);
      const details = `request_headers_failed_strict_check{${refused}}`;
      this.callbacks.sendLocalReply({
        status: 400,
        body: `invalid header '${refused}' with value '${headers.get(Headers.Path) ?? ""}'`,
        details,
      });
      return;
    }
    const lookup = this.services.clusters.lookup(entry.clusterName);
    if (lookup.kind === "now") this.send(lookup.cluster, endStream);
    else if (lookup.kind === "none") this.replyNoCluster();
    else this.cancelWait = lookup.wait((cluster) => this.onCluster(cluster));
  }

  private onCluster(cluster: Cluster | null): void {
    this.cancelWait = null;
    if (cluster === null) this.replyNoCluster();
    else this.send(cluster, this.headersEnd);
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

  private send(cluster: Cluster, endStream: boolean): void {
    this.cluster = cluster;
    const { streamInfo } = this.callbacks;
    streamInfo.cluster = cluster.info;
    if (this.isRefusedByCluster(cluster)) return;
    const entry = this.entry as RouteEntry;
    const headers = this.headers as RequestHeaderMap;
    this.prepareHeaders(entry, headers);
    this.hash = entry.hash(headers, streamInfo, this.addCookie);
    this.metadataMatch = entry.metadataMatch;
    streamInfo.attemptCount = 1;
    const host = cluster.chooseHost(this);
    if (host === null) {
      this.replyNoHost();
      return;
    }
    if (entry.autoHostRewrite && host.description.hostname !== "")
      headers.authority = host.description.hostname;
    const upstream = new UpstreamRequest(this, this.callbacks, cluster, host, {
      headers,
      endStream,
    });
    this.upstream = upstream;
    this.callbacks.addWatermarkListener(this);
    if (endStream) this.onRequestEnd();
    upstream.start(entry.priority);
    if (this.early !== null) this.sendEarly(upstream);
  }

  private sendEarly(upstream: UpstreamRequest): void {
    const early = this.early as Buffer[];
    this.early = null;
    const last = early.length - 1;
    for (let index = 0; index <= last; index++) {
      upstream.sendData(early[index] as Buffer, this.requestEnded && index === last);
    }
    this.callbacks.requestReadDisable(false);
  }

  private readonly addCookie = (setCookie: string): void => {
    this.cookies ??= [];
    this.cookies.push(setCookie);
  };

  private isRefusedByCluster(cluster: Cluster): boolean {
    const { info } = cluster;
    if (info.wantsHttp2) {
      this.callbacks.sendLocalReply({
        status: 503,
        body: "http2 is not supported yet",
        details: "http2_not_supported",
      });
      return true;
    }
    const { runtime } = this.services;
    if (!runtime().featureEnabled(info.maintenanceModeKey, 0, 100, this.callbacks.streamRandom))
      return false;
    info.stats.upstreamRqMaintenanceMode.inc();
    this.callbacks.streamInfo.setFlag(ResponseFlag.UpstreamOverflow);
    this.countCode(503, null);
    this.callbacks.sendLocalReply({
      status: 503,
      body: "maintenance mode",
      details: "maintenance_mode",
      modify: (headers) => headers.set(Headers.EnvoyOverloaded, "true"),
    });
    return true;
  }

  private prepareHeaders(entry: RouteEntry, headers: RequestHeaderMap): void {
    const { config } = this.services;
    this.timeoutAltResponse = headers.remove(Headers.EnvoyUpstreamRequestTimeoutAltResponse);
    const timeouts = finalTimeouts(entry, headers, config.respectExpectedTimeout);
    this.timeoutMs = timeouts.globalMs;
    const expectedMs = timeouts.perTryMs > 0 ? timeouts.perTryMs : timeouts.globalMs;
    if (expectedMs > 0 && !config.suppressEnvoyHeaders) {
      headers.set(Headers.EnvoyExpectedRequestTimeoutMs, String(expectedMs));
    }
    if (entry.includeAttemptCountInRequest) headers.set(Headers.EnvoyAttemptCount, "1");
    entry.finalizeRequestHeaders(headers, this.callbacks.streamInfo, !config.suppressEnvoyHeaders);
  }

  private replyNoHost(): void {
    this.callbacks.streamInfo.setFlag(ResponseFlag.NoHealthyUpstream);
    this.countCode(503, null);
    this.callbacks.sendLocalReply({
      status: 503,
      body: "no healthy upstream",
      details: "no_healthy_upstream",
    });
  }

  private onRequestEnd(): void {
    this.requestEnded = true;
    const { nowMs } = this.callbacks.dispatcher;
    this.requestEndMs = nowMs;
    if (this.timeoutMs === 0 || this.upstream === null) return;
    this.timer = this.services.timers.acquire(this, GLOBAL_TIMEOUT);
    this.timer.arm(this.timeoutMs);
  }

  private onResponseEnd(): void {
    this.releaseTimer();
    const upstream = this.upstream as UpstreamRequest;
    if (!this.services.config.dynamicStats || this.requestEndMs < 0) return;
    const elapsed = Math.round(this.callbacks.dispatcher.nowMs - this.requestEndMs);
    upstream.cluster.info.stats.codes.recordTime(elapsed, this.codeFlags(null));
  }

  private countUpstreamHead(headers: ResponseHeaderMap): void {
    const { host } = this.upstream as UpstreamRequest;
    if (headers.status >= 500) host.stats.requestFailed();
    else host.stats.requestSucceeded();
    this.countCode(headers.status, headers);
  }

  private countCode(status: number, headers: ResponseHeaderMap | null): void {
    if (!this.services.config.dynamicStats) return;
    (this.cluster as Cluster).info.stats.codes.count(status, this.codeFlags(headers));
  }

  private codeFlags(headers: ResponseHeaderMap | null): number {
    const internal = this.headers?.get(Headers.EnvoyInternal) === "true" ? INTERNAL_REQUEST : 0;
    const canary = headers?.get(Headers.EnvoyUpstreamCanary) === "true" ? CANARY_HOST : 0;
    return internal | canary;
  }

  private releaseTimer(): void {
    if (this.timer !== null) this.services.timers.release(this.timer);
    this.timer = null;
  }
}
