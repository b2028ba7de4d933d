/**
 * Puts together what the router and TCP proxy read of a cluster: settings, stats, limits. Envoy:
 * `ClusterInfoImpl`.
 */
import {
  type CircuitBreakerStats,
  createCircuitBreakerRemainingStats,
  createCircuitBreakerStats,
} from "../stats/groups/circuit-breaker-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { ClusterInfo } from "./cluster.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { ClusterStats } from "./cluster-stats.ts";
import { ResourceLimits } from "./resource-limits.ts";
import type { UpstreamServices } from "./upstream-services.ts";

export interface ClusterInfoParts {
  readonly scope: StatsScope;
  readonly membershipScope: StatsScope;
  /** The cluster's slot of limits. */
  readonly slot: number;
}

/** Compiled settings and stats of a cluster on one data plane. */
export function makeClusterInfo(
  config: ClusterConfig,
  services: UpstreamServices,
  parts: ClusterInfoParts,
): ClusterInfo {
  // The limits are those of all data planes together: one of them shows the gauges.
  const breakers = parts.membershipScope.scope("circuit_breakers");
  const limits = (priority: 0 | 1, word: string): ResourceLimits => {
    const thresholds = config.thresholds[priority];
    const scope = breakers.scope(word);
    const open: CircuitBreakerStats = createCircuitBreakerStats(scope);
    const left = thresholds.trackRemaining ? createCircuitBreakerRemainingStats(scope) : null;
    return new ResourceLimits(
      services.slots.limits.place(parts.slot, priority),
      thresholds,
      open,
      left,
    );
  };
  return {
    name: config.name,
    observabilityName: config.observabilityName,
    metadata: config.metadata,
    perConnectionBufferLimitBytes: config.perConnectionBufferLimitBytes,
    maxStreamDurationMs: config.maxStreamDurationMs,
    wantsHttp2: config.wantsHttp2,
    http1: config.http1,
    connection: config.connection,
    stats: new ClusterStats(parts.scope, parts.membershipScope, config.tracked),
    maintenanceModeKey: `upstream.maintenance_mode.${config.name}`,
    limits: [limits(0, "default"), limits(1, "high")],
  };
}
