/** What the clusters of one data plane need from outside. */
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { DnsResolver } from "../platform/dns.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { EndpointSubscriptions } from "./discovery.ts";
import type { EventLogs } from "./event-logs.ts";
import { createHealthSlots, HealthSlots, reclaimHealthSlots } from "./health-slots.ts";
import type { Locality } from "./host.ts";
import { createHostSlots, HostSlots, reclaimHostSlots } from "./host-slots.ts";
import { createLimiterSlots, LimiterSlots, reclaimLimiterSlots } from "./limiter-slots.ts";
import type { LocalCluster } from "./load-balancer.ts";
import type { PoolServices } from "./pool/pool-services.ts";
import { createLimitSlots, LimitSlots, reclaimLimitSlots } from "./resource-limits.ts";
import { reclaimSharedSlots, type SharedSlotsHandle } from "./shared-slots.ts";

/** Memory that all data planes of the process share. Structured-clone safe. */
export interface SharedUpstreamState {
  readonly hosts: SharedSlotsHandle;
  readonly limits: SharedSlotsHandle;
  readonly health: SharedSlotsHandle;
  /** Counts and token buckets of filters. */
  readonly limiters: SharedSlotsHandle;
}

/** Made once per process. */
export function createSharedUpstreamState(dataPlanes: number): SharedUpstreamState {
  return {
    hosts: createHostSlots(dataPlanes),
    limits: createLimitSlots(dataPlanes),
    health: createHealthSlots(dataPlanes),
    limiters: createLimiterSlots(dataPlanes),
  };
}

/** After a data plane died, before another takes its number. */
export function reclaimDataPlane(state: SharedUpstreamState, dataPlane: number): () => void {
  reclaimHostSlots(state.hosts, dataPlane);
  reclaimLimitSlots(state.limits, dataPlane);
  reclaimHealthSlots(state.health, dataPlane);
  reclaimLimiterSlots(state.limiters, dataPlane);
  const all = Object.values(state) as SharedSlotsHandle[];
  const later = all.map((handle) => reclaimSharedSlots(handle, dataPlane));
  return () => {
    for (const giveBack of later) giveBack();
  };
}

/** The shared memory as one data plane uses it. */
export interface UpstreamSlots {
  readonly limiters: LimiterSlots;
  readonly hosts: HostSlots;
  readonly limits: LimitSlots;
  readonly health: HealthSlots;
}

export function openUpstreamSlots(state: SharedUpstreamState, dataPlane: number): UpstreamSlots {
  return {
    hosts: new HostSlots(state.hosts, dataPlane),
    limits: new LimitSlots(state.limits, dataPlane),
    limiters: new LimiterSlots(state.limiters, dataPlane),
    health: new HealthSlots(state.health, dataPlane),
  };
}

/** Who this proxy is, for zone-aware routing. */
export interface LocalNode {
  /** `node.locality`. */
  readonly locality: Locality;
  /** `cluster_manager.local_cluster_name`; "" without one. */
  readonly clusterName: string;
}

export interface UpstreamServices extends PoolServices {
  /** Absent when the bootstrap says nothing of it. */
  readonly localNode?: LocalNode;
  /** Set by the cluster manager for its clusters; null without a local cluster. */
  readonly localCluster?: LocalCluster | null;
  readonly dns: DnsResolver;
  readonly endpoints: EndpointSubscriptions;
  readonly runtime: RuntimeSnapshot;
  readonly slots: UpstreamSlots;
  /** For ejections and changes of health. */
  readonly eventLogs: EventLogs;
  /** Bootstrap `cluster_manager.outlier_detection.event_log_path`; "" = no log. */
  readonly outlierEventLogPath: string;
  /**
   * This data plane does what must be done once per process: health checks, outlier intervals.
   * True on exactly one live data plane; its successor finds the state in shared memory.
   */
  readonly leader: boolean;
  /** Root of all stat names of this data plane. */
  readonly stats: StatsScope;
  /**
   * Where membership and cluster_manager stats go: `stats` on the data plane that speaks for all, a
   * silent scope elsewhere, since every data plane sees the same configuration.
   */
  readonly configurationStats: StatsScope;
}
