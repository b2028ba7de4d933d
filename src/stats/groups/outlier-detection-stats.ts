/**
 * Stats of outlier detection, `cluster.<name>.outlier_detection.*`. Envoy:
 * ALL_OUTLIER_DETECTION_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Each data plane counts the decisions that it takes. */
export class OutlierDetectionStats {
  readonly ejectionsConsecutive5xx: Counter;
  readonly ejectionsDetectedConsecutive5xx: Counter;
  readonly ejectionsDetectedConsecutiveGatewayFailure: Counter;
  readonly ejectionsDetectedConsecutiveLocalOriginFailure: Counter;
  readonly ejectionsDetectedFailurePercentage: Counter;
  readonly ejectionsDetectedLocalOriginFailurePercentage: Counter;
  readonly ejectionsDetectedLocalOriginSuccessRate: Counter;
  readonly ejectionsDetectedSuccessRate: Counter;
  readonly ejectionsEnforcedConsecutive5xx: Counter;
  readonly ejectionsEnforcedConsecutiveGatewayFailure: Counter;
  readonly ejectionsEnforcedConsecutiveLocalOriginFailure: Counter;
  readonly ejectionsEnforcedFailurePercentage: Counter;
  readonly ejectionsEnforcedLocalOriginFailurePercentage: Counter;
  readonly ejectionsEnforcedLocalOriginSuccessRate: Counter;
  readonly ejectionsEnforcedSuccessRate: Counter;
  readonly ejectionsEnforcedTotal: Counter;
  readonly ejectionsOverflow: Counter;
  readonly ejectionsSuccessRate: Counter;
  readonly ejectionsTotal: Counter;
  /** Of all data planes together: the one that speaks for all shows it. */
  readonly ejectionsActive: Gauge;

  constructor(scope: StatsScope, sharedScope: StatsScope) {
    this.ejectionsConsecutive5xx = scope.counter("ejections_consecutive_5xx");
    this.ejectionsDetectedConsecutive5xx = scope.counter("ejections_detected_consecutive_5xx");
    this.ejectionsDetectedConsecutiveGatewayFailure = scope.counter(
      "ejections_detected_consecutive_gateway_failure",
    );
    this.ejectionsDetectedConsecutiveLocalOriginFailure = scope.counter(
      "ejections_detected_consecutive_local_origin_failure",
    );
    this.ejectionsDetectedFailurePercentage = scope.counter(
      "ejections_detected_failure_percentage",
    );
    this.ejectionsDetectedLocalOriginFailurePercentage = scope.counter(
      "ejections_detected_local_origin_failure_percentage",
    );
    this.ejectionsDetectedLocalOriginSuccessRate = scope.counter(
      "ejections_detected_local_origin_success_rate",
    );
    this.ejectionsDetectedSuccessRate = scope.counter("ejections_detected_success_rate");
    this.ejectionsEnforcedConsecutive5xx = scope.counter("ejections_enforced_consecutive_5xx");
    this.ejectionsEnforcedConsecutiveGatewayFailure = scope.counter(
      "ejections_enforced_consecutive_gateway_failure",
    );
    this.ejectionsEnforcedConsecutiveLocalOriginFailure = scope.counter(
      "ejections_enforced_consecutive_local_origin_failure",
    );
    this.ejectionsEnforcedFailurePercentage = scope.counter(
      "ejections_enforced_failure_percentage",
    );
    this.ejectionsEnforcedLocalOriginFailurePercentage = scope.counter(
      "ejections_enforced_local_origin_failure_percentage",
    );
    this.ejectionsEnforcedLocalOriginSuccessRate = scope.counter(
      "ejections_enforced_local_origin_success_rate",
    );
    this.ejectionsEnforcedSuccessRate = scope.counter("ejections_enforced_success_rate");
    this.ejectionsEnforcedTotal = scope.counter("ejections_enforced_total");
    this.ejectionsOverflow = scope.counter("ejections_overflow");
    this.ejectionsSuccessRate = scope.counter("ejections_success_rate");
    this.ejectionsTotal = scope.counter("ejections_total");
    this.ejectionsActive = sharedScope.gauge("ejections_active", "max");
  }
}

/** Both scopes are `cluster.<name>.outlier_detection`, of this data plane and of all. */
export function createOutlierDetectionStats(
  scope: StatsScope,
  sharedScope: StatsScope,
): OutlierDetectionStats {
  return new OutlierDetectionStats(scope, sharedScope);
}
