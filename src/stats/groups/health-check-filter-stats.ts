/**
 * Stats of the health_check filter, `http.<stat_prefix>.health_check.*`. Envoy:
 * ALL_HEALTH_CHECK_FILTER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

export class HealthCheckFilterStats {
  readonly cachedResponse: Counter;
  readonly degraded: Counter;
  readonly failed: Counter;
  readonly failedClusterEmpty: Counter;
  readonly failedClusterNotFound: Counter;
  readonly failedClusterUnhealthy: Counter;
  readonly ok: Counter;
  readonly requestTotal: Counter;

  constructor(scope: StatsScope) {
    this.cachedResponse = scope.counter("cached_response");
    this.degraded = scope.counter("degraded");
    this.failed = scope.counter("failed");
    this.failedClusterEmpty = scope.counter("failed_cluster_empty");
    this.failedClusterNotFound = scope.counter("failed_cluster_not_found");
    this.failedClusterUnhealthy = scope.counter("failed_cluster_unhealthy");
    this.ok = scope.counter("ok");
    this.requestTotal = scope.counter("request_total");
  }
}

/** `scope` is `http.<stat_prefix>.health_check`. */
export function createHealthCheckFilterStats(scope: StatsScope): HealthCheckFilterStats {
  return new HealthCheckFilterStats(scope);
}
