/**
 * Trace decisions of the connection manager, `http.<stat_prefix>.tracing.*`.
 * Envoy: CONN_MAN_TRACING_STATS.
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Why requests were or were not traced. */
export class TracingStats {
  readonly clientEnabled: Counter;
  readonly healthCheck: Counter;
  readonly notTraceable: Counter;
  readonly randomSampling: Counter;
  readonly serviceForced: Counter;

  constructor(scope: StatsScope) {
    this.clientEnabled = scope.counter("client_enabled");
    this.healthCheck = scope.counter("health_check");
    this.notTraceable = scope.counter("not_traceable");
    this.randomSampling = scope.counter("random_sampling");
    this.serviceForced = scope.counter("service_forced");
  }
}

/** `scope` is `http.<stat_prefix>.tracing`. */
export function createTracingStats(scope: StatsScope): TracingStats {
  return new TracingStats(scope);
}
