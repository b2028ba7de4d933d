/**
 * A named upstream as filters see it on one data plane. Envoy: `ThreadLocalCluster`, `ClusterInfo`
 * (envoy/upstream/thread_local_cluster.h, upstream.h).
 */
import type { Http1Settings } from "../codec/h1/settings.ts";
import type { ClusterFacts } from "../network/stream-info.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type { ClusterStats } from "./cluster-stats.ts";
import type { HttpConnectionPool, TcpConnectionPool } from "./connection-pool.ts";
import type { Host } from "./host.ts";
import type { HostCallback, LoadBalancerContext } from "./load-balancer.ts";
import type { ResourceLimits } from "./resource-limits.ts";

/** Selects circuit breakers and pool. Envoy: `ResourcePriority`. */
export type ResourcePriority = "DEFAULT" | "HIGH";

/**
 * TCP keep-alive of upstream connections; times in ms. The system's own values apply where Node has
 * no setting.
 */
export interface TcpKeepalive {
  readonly initialDelayMs: number;
}

/** How upstream connections are made and how long they live. Durations in ms, 0 = off. */
export interface ConnectionSettings {
  readonly connectTimeoutMs: number;
  /** No request in flight for this long closes a pooled connection. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  /** Connections kept per request in flight, at least 1. */
  readonly preconnectRatio: number;
  /** Idle time of pooled TCP connections. */
  readonly tcpIdleTimeoutMs: number;
  readonly keepalive: TcpKeepalive | null;
  /** Source addresses, at most one per IP family; the one of the target's family is used. */
  readonly sourceAddresses: readonly SocketAddress[];
}

/** Compiled settings that the router and TCP proxy read. All durations in ms, 0 = off. */
export interface ClusterInfo extends ClusterFacts {
  readonly perConnectionBufferLimitBytes: number;
  readonly maxStreamDurationMs: number;
  /**
   * Upstream protocol asks for HTTP/2, which is not supported yet: requests get 503
   * `http2_not_supported`.
   */
  readonly wantsHttp2: boolean;
  readonly http1: Http1Settings;
  readonly connection: ConnectionSettings;
  readonly stats: ClusterStats;
  /** `upstream.maintenance_mode.<name>` key, ready made. */
  readonly maintenanceModeKey: string;
  /** Circuit breakers: [DEFAULT, HIGH]. */
  readonly limits: readonly [ResourceLimits, ResourceLimits];
}

export interface Cluster {
  readonly info: ClusterInfo;
  /** Share of requests that must be refused, 0 … 1: the control plane sheds load. */
  readonly dropOverload: number;
  /** Null when no host may be used; that is counted. */
  chooseHost(context: LoadBalancerContext): Host | null;
  /** As `ClusterLoadBalancer.awaitHost`; null where hosts are there or are not. */
  awaitHost(context: LoadBalancerContext, callback: HostCallback): (() => void) | null;
  /**
   * True when the host has a pool now; false when `max_connection_pools` allows no further one,
   * which is counted.
   */
  hasHttpPool(host: Host, priority: ResourcePriority): boolean;
  /** The pool of the host, even beyond `max_connection_pools`. */
  httpPool(host: Host, priority: ResourcePriority): HttpConnectionPool;
  tcpPool(host: Host, priority: ResourcePriority): TcpConnectionPool;
  memberCounts(): MemberCounts;
}

/** Members in all priorities, also those that wait for their first health check. */
export interface MemberCounts {
  readonly total: number;
  /** Healthy or degraded. */
  readonly usable: number;
}

/** Cluster lookup may have to wait (warming on demand). */
export type ClusterLookup =
  | { readonly kind: "now"; readonly cluster: Cluster }
  /**
   * `wait` calls back once, with null when the cluster does not exist after all; returns a cancel
   * function.
   */
  | { readonly kind: "later"; wait(callback: (cluster: Cluster | null) => void): () => void }
  | { readonly kind: "none" };

/** Clusters of one data plane. Envoy: `ClusterManager`. */
export interface ClusterManager {
  lookup(name: string): ClusterLookup;
}
