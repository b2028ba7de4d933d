/**
 * A named upstream as filters see it on one data plane. Envoy: `ThreadLocalCluster`, `ClusterInfo`
 * (envoy/upstream/thread_local_cluster.h, upstream.h).
 */
import type { ClusterFacts } from "../network/stream-info.ts";
import type { ClusterStats } from "./cluster-stats.ts";
import type { HttpConnectionPool, TcpConnectionPool } from "./connection-pool.ts";
import type { Host } from "./host.ts";
import type { LoadBalancerContext } from "./load-balancer.ts";

/** Selects circuit breakers and pool. Envoy: `ResourcePriority`. */
export type ResourcePriority = "DEFAULT" | "HIGH";

/** Compiled settings that the router and TCP proxy read. All durations in ms, 0 = off. */
export interface ClusterInfo extends ClusterFacts {
  readonly perConnectionBufferLimitBytes: number;
  readonly maxStreamDurationMs: number;
  /** Upstream protocol asks for HTTP/2, which is not supported yet: requests get 503 `http2_not_supported`. */
  readonly wantsHttp2: boolean;
  readonly stats: ClusterStats;
  /** `upstream.maintenance_mode.<name>` key, ready made. */
  readonly maintenanceModeKey: string;
}

export interface Cluster {
  readonly info: ClusterInfo;
  /** Null when no host may be used. */
  chooseHost(context: LoadBalancerContext): Host | null;
  httpPool(host: Host, priority: ResourcePriority): HttpConnectionPool;
  tcpPool(host: Host, priority: ResourcePriority): TcpConnectionPool;
}

/** Cluster lookup may have to wait (warming on demand). */
export type ClusterLookup =
  | { readonly kind: "now"; readonly cluster: Cluster }
  /** `wait` calls back once, with null when the cluster does not exist after all; returns a cancel function. */
  | { readonly kind: "later"; wait(callback: (cluster: Cluster | null) => void): () => void }
  | { readonly kind: "none" };

/** Clusters of one data plane. Envoy: `ClusterManager`. */
export interface ClusterManager {
  lookup(name: string): ClusterLookup;
}
