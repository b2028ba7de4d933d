/**
 * Which counters an ejection moves. Envoy: `updateDetectedEjectionStats`,
 * `updateEnforcedEjectionStats`.
 */
import type { OutlierDetectionStats } from "../../stats/groups/outlier-detection-stats.ts";
import type { Detector } from "./outlier-config.ts";

const DETECTED = {
  CONSECUTIVE_5XX: "ejectionsDetectedConsecutive5xx",
  CONSECUTIVE_GATEWAY_FAILURE: "ejectionsDetectedConsecutiveGatewayFailure",
  CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "ejectionsDetectedConsecutiveLocalOriginFailure",
  SUCCESS_RATE: "ejectionsDetectedSuccessRate",
  SUCCESS_RATE_LOCAL_ORIGIN: "ejectionsDetectedLocalOriginSuccessRate",
  FAILURE_PERCENTAGE: "ejectionsDetectedFailurePercentage",
  FAILURE_PERCENTAGE_LOCAL_ORIGIN: "ejectionsDetectedLocalOriginFailurePercentage",
} as const satisfies Record<Detector, keyof OutlierDetectionStats>;

const ENFORCED = {
  CONSECUTIVE_5XX: "ejectionsEnforcedConsecutive5xx",
  CONSECUTIVE_GATEWAY_FAILURE: "ejectionsEnforcedConsecutiveGatewayFailure",
  CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "ejectionsEnforcedConsecutiveLocalOriginFailure",
  SUCCESS_RATE: "ejectionsEnforcedSuccessRate",
  SUCCESS_RATE_LOCAL_ORIGIN: "ejectionsEnforcedLocalOriginSuccessRate",
  FAILURE_PERCENTAGE: "ejectionsEnforcedFailurePercentage",
  FAILURE_PERCENTAGE_LOCAL_ORIGIN: "ejectionsEnforcedLocalOriginFailurePercentage",
} as const satisfies Record<Detector, keyof OutlierDetectionStats>;

/** An outlier was found. */
export function countDetected(stats: OutlierDetectionStats, detector: Detector): void {
  stats[DETECTED[detector]].inc();
}

/** It was ejected. */
export function countEnforced(stats: OutlierDetectionStats, detector: Detector): void {
  stats.ejectionsEnforcedTotal.inc();
  stats[ENFORCED[detector]].inc();
}
