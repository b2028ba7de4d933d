/**
 * The two kinds of success rate: what the hosts answered, and what became of our connections to
 * them. Envoy: `SuccessRateMonitorType`, `SuccessRateAccumulator`.
 */
import { ClusterFact, HostCell, HostFact } from "../health-slots.ts";
import type { Detector } from "./outlier-config.ts";
import type { OutlierMonitor } from "./outlier-monitor.ts";
import type { HostSample } from "./success-rate.ts";

/** Where the numbers of one kind are, and which detectors read them. */
export interface Origin {
  readonly successCell: number;
  readonly failureCell: number;
  /** The cells as they were when the interval began. */
  readonly successBefore: number;
  readonly failureBefore: number;
  readonly rateFact: number;
  readonly averageFact: number;
  readonly thresholdFact: number;
  readonly successRate: Detector;
  readonly failurePercentage: Detector;
}

export const EXTERNAL_ORIGIN: Origin = {
  successCell: HostCell.ExternalSuccess,
  failureCell: HostCell.ExternalFailure,
  successBefore: HostFact.ExternalSuccess,
  failureBefore: HostFact.ExternalFailure,
  rateFact: HostFact.ExternalSuccessRate,
  averageFact: ClusterFact.ExternalAverage,
  thresholdFact: ClusterFact.ExternalThreshold,
  successRate: "SUCCESS_RATE",
  failurePercentage: "FAILURE_PERCENTAGE",
};

export const LOCAL_ORIGIN: Origin = {
  successCell: HostCell.LocalSuccess,
  failureCell: HostCell.LocalFailure,
  successBefore: HostFact.LocalSuccess,
  failureBefore: HostFact.LocalFailure,
  rateFact: HostFact.LocalSuccessRate,
  averageFact: ClusterFact.LocalAverage,
  thresholdFact: ClusterFact.LocalThreshold,
  successRate: "SUCCESS_RATE_LOCAL_ORIGIN",
  failurePercentage: "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
};

/** What a host did since the last call; nothing is counted twice or lost. The leader calls it. */
export function takeSample(host: OutlierMonitor, origin: Origin): HostSample<OutlierMonitor> {
  const { slot } = host;
  const success = slot.sum(origin.successCell);
  const failure = slot.sum(origin.failureCell);
  const successes = success - slot.fact(origin.successBefore);
  const failures = failure - slot.fact(origin.failureBefore);
  slot.setFact(origin.successBefore, success);
  slot.setFact(origin.failureBefore, failure);
  return { host, successes, total: successes + failures };
}
