/**
 * Stats of a cluster's active health checks, `cluster.<name>.health_check.*`. Envoy:
 * ALL_HEALTH_CHECKER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

export class HealthCheckStats {
  readonly attempt: Counter;
  readonly failure: Counter;
  readonly networkFailure: Counter;
  readonly passiveFailure: Counter;
  readonly success: Counter;
  readonly verifyCluster: Counter;
  readonly degraded: Gauge;
  readonly healthy: Gauge;

  constructor(scope: StatsScope) {
    this.attempt = scope.counter("attempt");
    this.failure = scope.counter("failure");
    this.networkFailure = scope.counter("network_failure");
    this.passiveFailure = scope.counter("passive_failure");
    this.success = scope.counter("success");
    this.verifyCluster = scope.counter("verify_cluster");
    this.degraded = scope.gauge("degraded");
    this.healthy = scope.gauge("healthy");
  }
}

/** `scope` is `cluster.<name>.health_check`. */
export function createHealthCheckStats(scope: StatsScope): HealthCheckStats {
  return new HealthCheckStats(scope);
}
