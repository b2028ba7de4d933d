// hot: per request
/**
 * Counts the answers of one request wherever they belong: cluster, virtual cluster, route,
 * alternative name, host. Envoy: `Filter::chargeUpstreamCode`, `Filter::chargeUpstreamAbort`
 * (source/common/router/router.cc).
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { RouteEntry } from "../../../route/route.ts";
import {
  CANARY_HOST,
  type ClusterResponseCodeStats,
  INTERNAL_REQUEST,
} from "../../../stats/groups/response-code-stats.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type { Host } from "../../../upstream/host.ts";
import type { RouterServices } from "./router-services.ts";
import type { StatTree } from "./stat-trees.ts";

/** The virtual cluster of requests that match none: counted, but without a name in logs. */
const CATCH_ALL = "other";

export class RequestStats {
  private readonly services: RouterServices;
  private readonly callbacks: HttpFilterCallbacks;
  private readonly cluster: Cluster;
  private readonly headers: RequestHeaderMap;
  /** Virtual cluster and route, where there are any. */
  private trees: StatTree[] | null = null;
  private alternative: ClusterResponseCodeStats | null = null;

  constructor(
    services: RouterServices,
    callbacks: HttpFilterCallbacks,
    cluster: Cluster,
    headers: RequestHeaderMap,
  ) {
    this.services = services;
    this.callbacks = callbacks;
    this.cluster = cluster;
    this.headers = headers;
  }

  /** Finds out which trees count this request; takes its control header. */
  choose(entry: RouteEntry): void {
    const { trees } = this.services;
    const { streamInfo } = this.callbacks;
    const virtualHost = streamInfo.route?.virtualHostName ?? "";
    const virtualCluster = entry.virtualCluster(this.headers);
    if (virtualCluster !== CATCH_ALL) streamInfo.virtualClusterName = virtualCluster;
    if (virtualCluster !== "") this.add(trees.virtualCluster(virtualHost, virtualCluster));
    if (entry.statPrefix !== "") this.add(trees.route(virtualHost, entry.statPrefix));
    const name = this.headers.get(Headers.EnvoyUpstreamAltStatName);
    if (name === undefined) return;
    this.alternative = trees.alternative(this.cluster.info.observabilityName, name);
    this.headers.remove(Headers.EnvoyUpstreamAltStatName);
  }

  /** The request is on an upstream connection. */
  started(): void {
    if (this.trees !== null) for (const tree of this.trees) tree.requests.upstreamRqTotal.inc();
  }

  timedOut(): void {
    this.cluster.info.stats.upstreamRqTimeout.inc();
    if (this.trees !== null) for (const tree of this.trees) tree.requests.upstreamRqTimeout.inc();
  }

  /** Another attempt was decided on. */
  retried(): void {
    this.cluster.info.stats.upstreamRqRetry.inc();
    if (this.trees !== null) for (const tree of this.trees) tree.requests.upstreamRqRetry.inc();
  }

  /** An attempt that was a retry needs no other. */
  retrySucceeded(): void {
    this.cluster.info.stats.upstreamRqRetrySuccess.inc();
    if (this.trees === null) return;
    for (const tree of this.trees) tree.requests.upstreamRqRetrySuccess.inc();
  }

  /** All retries that the policy allows were used. */
  retryLimitExceeded(): void {
    this.cluster.info.stats.upstreamRqRetryLimitExceeded.inc();
    if (this.trees === null) return;
    for (const tree of this.trees) tree.requests.upstreamRqRetryLimitExceeded.inc();
  }

  /** The cluster has as many retries in flight as it may. */
  retryOverflowed(): void {
    this.cluster.info.stats.upstreamRqRetryOverflow.inc();
    if (this.trees === null) return;
    for (const tree of this.trees) tree.requests.upstreamRqRetryOverflow.inc();
  }

  /** A response is not passed on: the request is tried again. */
  retriedCode(status: number): void {
    if (!this.services.config.dynamicStats || this.callbacks.streamInfo.healthCheck) return;
    this.cluster.info.stats.codes.countRetried(status);
  }

  /** An answer with its head, from upstream or (null) from us. */
  code(status: number, response: ResponseHeaderMap | null, host: Host | null): void {
    if (host !== null && status >= 500) host.stats.requestFailed();
    if (!this.services.config.dynamicStats || this.callbacks.streamInfo.healthCheck) return;
    const flags = this.flags(response, host);
    this.cluster.info.stats.codes.count(status, flags);
    this.alternative?.count(status, flags);
    if (this.trees !== null) for (const tree of this.trees) tree.codes.count(status);
  }

  /** We answer in the upstream's place. */
  aborted(status: number, host: Host | null): void {
    this.code(status, null, host);
    if (host !== null && status < 500) host.stats.requestFailed();
  }

  /** The response is complete, `elapsedMs` after the request. */
  time(elapsedMs: number, response: ResponseHeaderMap | null, host: Host | null): void {
    if (!this.services.config.dynamicStats || this.callbacks.streamInfo.healthCheck) return;
    const flags = this.flags(response, host);
    this.cluster.info.stats.codes.recordTime(elapsedMs, flags);
    this.alternative?.recordTime(elapsedMs, flags);
    if (this.trees !== null) for (const tree of this.trees) tree.codes.recordTime(elapsedMs);
  }

  private add(tree: StatTree): void {
    if (this.trees === null) this.trees = [tree];
    else this.trees.push(tree);
  }

  private flags(response: ResponseHeaderMap | null, host: Host | null): number {
    const internal = this.headers.get(Headers.EnvoyInternal) === "true" ? INTERNAL_REQUEST : 0;
    const canary =
      (host?.description.canary ?? false) || response?.get(Headers.EnvoyUpstreamCanary) === "true";
    return internal | (canary ? CANARY_HOST : 0);
  }
}
