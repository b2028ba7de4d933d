/**
 * Compiles `Cluster.outlier_detection`, and reads what runtime overrides of it. Envoy:
 * `DetectorConfig` (source/common/upstream/outlier_detection_impl.cc).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import { durationMs } from "../../config/duration.ts";
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { OutlierDetection } from "../../proto/generated/envoy/config/cluster/v3.ts";

/** What runtime may override: keys `outlier_detection.<name>`. Durations in ms. */
export interface OutlierSettings {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionTimeMs: number;
  readonly maxEjectionTimeJitterMs: number;
  /** Percent of the cluster's hosts. */
  readonly maxEjectionPercent: number;
  readonly successRateMinimumHosts: number;
  /** Requests in one interval. */
  readonly successRateRequestVolume: number;
  /** Thousandths of a standard deviation. */
  readonly successRateStdevFactor: number;
  /** Percent of failures. */
  readonly failurePercentageThreshold: number;
  readonly failurePercentageMinimumHosts: number;
  readonly failurePercentageRequestVolume: number;
}

/** Which detector found an outlier. Envoy: `OutlierEjectionType`. */
export type Detector =
  | "CONSECUTIVE_5XX"
  | "CONSECUTIVE_GATEWAY_FAILURE"
  | "CONSECUTIVE_LOCAL_ORIGIN_FAILURE"
  | "SUCCESS_RATE"
  | "SUCCESS_RATE_LOCAL_ORIGIN"
  | "FAILURE_PERCENTAGE"
  | "FAILURE_PERCENTAGE_LOCAL_ORIGIN";

export interface OutlierConfig {
  readonly settings: OutlierSettings;
  /** Percent of the outliers found that are ejected. Runtime: `ENFORCING_KEYS`. */
  readonly enforcing: Readonly<Record<Detector, number>>;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly alwaysEjectOneHost: boolean;
  readonly successfulActiveHealthCheckUnejectHost: boolean;
}

const DEFAULTS: OutlierSettings = {
  consecutive5xx: 5,
  consecutiveGatewayFailure: 5,
  consecutiveLocalOriginFailure: 5,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionTimeJitterMs: 0,
  maxEjectionPercent: 10,
  successRateMinimumHosts: 5,
  successRateRequestVolume: 100,
  successRateStdevFactor: 1900,
  failurePercentageThreshold: 85,
  failurePercentageMinimumHosts: 5,
  failurePercentageRequestVolume: 50,
};

const RUNTIME_KEYS: Readonly<Record<keyof OutlierSettings, string>> = {
  consecutive5xx: "outlier_detection.consecutive_5xx",
  consecutiveGatewayFailure: "outlier_detection.consecutive_gateway_failure",
  consecutiveLocalOriginFailure: "outlier_detection.consecutive_local_origin_failure",
  intervalMs: "outlier_detection.interval_ms",
  baseEjectionTimeMs: "outlier_detection.base_ejection_time_ms",
  maxEjectionTimeMs: "outlier_detection.max_ejection_time_ms",
  maxEjectionTimeJitterMs: "outlier_detection.max_ejection_time_jitter_ms",
  maxEjectionPercent: "outlier_detection.max_ejection_percent",
  successRateMinimumHosts: "outlier_detection.success_rate_minimum_hosts",
  successRateRequestVolume: "outlier_detection.success_rate_request_volume",
  successRateStdevFactor: "outlier_detection.success_rate_stdev_factor",
  failurePercentageThreshold: "outlier_detection.failure_percentage_threshold",
  failurePercentageMinimumHosts: "outlier_detection.failure_percentage_minimum_hosts",
  failurePercentageRequestVolume: "outlier_detection.failure_percentage_request_volume",
};

/** Runtime keys of the percentages in `OutlierConfig.enforcing`. */
export const ENFORCING_KEYS: Readonly<Record<Detector, string>> = {
  CONSECUTIVE_5XX: "outlier_detection.enforcing_consecutive_5xx",
  CONSECUTIVE_GATEWAY_FAILURE: "outlier_detection.enforcing_consecutive_gateway_failure",
  CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "outlier_detection.enforcing_consecutive_local_origin_failure",
  SUCCESS_RATE: "outlier_detection.enforcing_success_rate",
  SUCCESS_RATE_LOCAL_ORIGIN: "outlier_detection.enforcing_local_origin_success_rate",
  FAILURE_PERCENTAGE: "outlier_detection.enforcing_failure_percentage",
  FAILURE_PERCENTAGE_LOCAL_ORIGIN: "outlier_detection.enforcing_failure_percentage_local_origin",
};

/** Null when the cluster has none. */
export function compileOutlierDetection(
  message: OutlierDetection | undefined,
  context: CompileContext,
): OutlierConfig | null {
  if (message === undefined) return null;
  if ((message.monitors ?? []).length > 0) {
    context
      .at("monitors")
      .warn("No outlier detection monitor is known: only the built-in detectors watch");
  }
  const settings = compileSettings(message);
  if (settings.maxEjectionTimeMs < settings.baseEjectionTimeMs) {
    context
      .at("max_ejection_time")
      .error(
        "outlier detector's max_ejection_time cannot be smaller than base_ejection_time",
        "set it to at least base_ejection_time",
      );
  }
  return Object.freeze({
    settings,
    enforcing: compileEnforcing(message),
    splitExternalLocalOriginErrors: message.splitExternalLocalOriginErrors === true,
    alwaysEjectOneHost: message.alwaysEjectOneHost === true,
    successfulActiveHealthCheckUnejectHost: message.successfulActiveHealthCheckUnejectHost ?? true,
  });
}

function compileSettings(message: OutlierDetection): OutlierSettings {
  const baseEjectionTimeMs = durationMs(message.baseEjectionTime, DEFAULTS.baseEjectionTimeMs);
  return {
    consecutive5xx: message.consecutive5xx ?? DEFAULTS.consecutive5xx,
    consecutiveGatewayFailure:
      message.consecutiveGatewayFailure ?? DEFAULTS.consecutiveGatewayFailure,
    consecutiveLocalOriginFailure:
      message.consecutiveLocalOriginFailure ?? DEFAULTS.consecutiveLocalOriginFailure,
    intervalMs: durationMs(message.interval, DEFAULTS.intervalMs),
    baseEjectionTimeMs,
    maxEjectionTimeMs: durationMs(
      message.maxEjectionTime,
      Math.max(DEFAULTS.maxEjectionTimeMs, baseEjectionTimeMs),
    ),
    maxEjectionTimeJitterMs: durationMs(
      message.maxEjectionTimeJitter,
      DEFAULTS.maxEjectionTimeJitterMs,
    ),
    maxEjectionPercent: message.maxEjectionPercent ?? DEFAULTS.maxEjectionPercent,
    successRateMinimumHosts: message.successRateMinimumHosts ?? DEFAULTS.successRateMinimumHosts,
    successRateRequestVolume: message.successRateRequestVolume ?? DEFAULTS.successRateRequestVolume,
    successRateStdevFactor: message.successRateStdevFactor ?? DEFAULTS.successRateStdevFactor,
    failurePercentageThreshold:
      message.failurePercentageThreshold ?? DEFAULTS.failurePercentageThreshold,
    failurePercentageMinimumHosts:
      message.failurePercentageMinimumHosts ?? DEFAULTS.failurePercentageMinimumHosts,
    failurePercentageRequestVolume:
      message.failurePercentageRequestVolume ?? DEFAULTS.failurePercentageRequestVolume,
  };
}

function compileEnforcing(message: OutlierDetection): Record<Detector, number> {
  return {
    CONSECUTIVE_5XX: message.enforcingConsecutive5xx ?? 100,
    CONSECUTIVE_GATEWAY_FAILURE: message.enforcingConsecutiveGatewayFailure ?? 0,
    CONSECUTIVE_LOCAL_ORIGIN_FAILURE: message.enforcingConsecutiveLocalOriginFailure ?? 100,
    SUCCESS_RATE: message.enforcingSuccessRate ?? 100,
    SUCCESS_RATE_LOCAL_ORIGIN: message.enforcingLocalOriginSuccessRate ?? 100,
    FAILURE_PERCENTAGE: message.enforcingFailurePercentage ?? 0,
    FAILURE_PERCENTAGE_LOCAL_ORIGIN: message.enforcingFailurePercentageLocalOrigin ?? 0,
  };
}

/** The settings as runtime has them now. */
export function readOutlierSettings(
  configured: OutlierSettings,
  runtime: RuntimeSnapshot,
): OutlierSettings {
  const settings: Record<string, number> = {};
  for (const [name, key] of Object.entries(RUNTIME_KEYS)) {
    settings[name] = runtime.getInteger(key, configured[name as keyof OutlierSettings]);
  }
  return settings as unknown as OutlierSettings;
}
