/**
 * Stats of circuit breakers, `cluster.<name>.circuit_breakers.<priority>.*`. The limits are shared
 * by all data planes, so every one sees the same state: gauges merge by maximum. Envoy:
 * ALL_CLUSTER_CIRCUIT_BREAKERS_STATS.
 */
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** 1 while a limit is reached, else 0. */
export class CircuitBreakerStats {
  readonly cxOpen: Gauge;
  readonly cxPoolOpen: Gauge;
  readonly rqOpen: Gauge;
  readonly rqPendingOpen: Gauge;
  readonly rqRetryOpen: Gauge;

  constructor(scope: StatsScope) {
    this.cxOpen = scope.gauge("cx_open", "max");
    this.cxPoolOpen = scope.gauge("cx_pool_open", "max");
    this.rqOpen = scope.gauge("rq_open", "max");
    this.rqPendingOpen = scope.gauge("rq_pending_open", "max");
    this.rqRetryOpen = scope.gauge("rq_retry_open", "max");
  }
}

/** Only with `track_remaining`: how much is left below each limit. */
export class CircuitBreakerRemainingStats {
  readonly remainingCx: Gauge;
  readonly remainingCxPools: Gauge;
  readonly remainingPending: Gauge;
  readonly remainingRetries: Gauge;
  readonly remainingRq: Gauge;

  constructor(scope: StatsScope) {
    this.remainingCx = scope.gauge("remaining_cx", "max");
    this.remainingCxPools = scope.gauge("remaining_cx_pools", "max");
    this.remainingPending = scope.gauge("remaining_pending", "max");
    this.remainingRetries = scope.gauge("remaining_retries", "max");
    this.remainingRq = scope.gauge("remaining_rq", "max");
  }
}

/** `scope` is `cluster.<name>.circuit_breakers.<default or high>`. */
export function createCircuitBreakerStats(scope: StatsScope): CircuitBreakerStats {
  return new CircuitBreakerStats(scope);
}

/** `scope` as for createCircuitBreakerStats(). */
export function createCircuitBreakerRemainingStats(
  scope: StatsScope,
): CircuitBreakerRemainingStats {
  return new CircuitBreakerRemainingStats(scope);
}
