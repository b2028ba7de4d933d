/**
 * Stats of the fault filter, `http.<stat_prefix>.fault.*`. Envoy: ALL_FAULT_FILTER_STATS
 * (source/extensions/filters/http/fault/fault_filter.h).
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

export class FaultStats {
  readonly abortsInjected: Counter;
  readonly delaysInjected: Counter;
  readonly faultsOverflow: Counter;
  readonly responseRlInjected: Counter;
  readonly activeFaults: Gauge;

  constructor(scope: StatsScope) {
    this.abortsInjected = scope.counter("aborts_injected");
    this.delaysInjected = scope.counter("delays_injected");
    this.faultsOverflow = scope.counter("faults_overflow");
    this.responseRlInjected = scope.counter("response_rl_injected");
    this.activeFaults = scope.gauge("active_faults");
  }
}

/** `scope` is `http.<stat_prefix>.fault`. */
export function createFaultStats(scope: StatsScope): FaultStats {
  return new FaultStats(scope);
}
