/**
 * Stats of a resource subscription: attempts, results, version. Envoy: ALL_SUBSCRIPTION_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";
import type { TextReadout } from "../text-readout.ts";

/** One resource subscription. */
export class SubscriptionStats {
  readonly initFetchTimeout: Counter;
  readonly updateAttempt: Counter;
  readonly updateFailure: Counter;
  readonly updateRejected: Counter;
  readonly updateSuccess: Counter;
  readonly updateDuration: Histogram;
  readonly updateTime: Gauge;
  readonly version: Gauge;
  readonly versionText: TextReadout;

  constructor(scope: StatsScope) {
    this.initFetchTimeout = scope.counter("init_fetch_timeout");
    this.updateAttempt = scope.counter("update_attempt");
    this.updateFailure = scope.counter("update_failure");
    this.updateRejected = scope.counter("update_rejected");
    this.updateSuccess = scope.counter("update_success");
    this.updateDuration = scope.histogram("update_duration", "milliseconds");
    this.updateTime = scope.gauge("update_time");
    this.version = scope.gauge("version");
    this.versionText = scope.textReadout("version_text");
  }
}

/**
 * `scope` is the subscription's root, e.g. `cluster_manager.cds` or `http.<p>.rds.<route_config>`.
 */
export function createSubscriptionStats(scope: StatsScope): SubscriptionStats {
  return new SubscriptionStats(scope);
}
