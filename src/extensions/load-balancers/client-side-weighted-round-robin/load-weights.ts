/**
 * Weights from load reports: requests per second over utilization, valid once a host has reported
 * for a while, and until it has not for long. Kept per data plane, from the responses it saw.
 * Envoy: `OrcaWeightManager`, `OrcaLoadReportHandler`.
 */
import type { HeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { Host, HostFeedback } from "../../../upstream/host.ts";
import { maxUtilization, type OrcaReport, readOrcaReport } from "./orca-report.ts";

export interface LoadWeightConfig {
  readonly blackoutMs: number;
  readonly expirationMs: number;
  readonly updateMs: number;
  readonly errorPenalty: number;
  /** Read when the report has no `application_utilization`. */
  readonly metricNames: readonly string[];
}

const WEIGHT_MAX = 2 ** 32 - 1;
const NEVER = -1;

/** Null when the report gives no weight. */
export function weightOf(report: OrcaReport, config: LoadWeightConfig): number | null {
  const rate = report.get("rps_fractional") ?? 0;
  if (rate <= 0) return null;
  let utilization = report.get("application_utilization") ?? 0;
  if (utilization <= 0) utilization = maxUtilization(report, config.metricNames);
  if (utilization <= 0) utilization = report.get("cpu_utilization") ?? 0;
  utilization += (config.errorPenalty * (report.get("eps") ?? 0)) / rate;
  if (utilization <= 0) return null;
  return Math.floor(Math.min(rate / utilization, WEIGHT_MAX));
}

/** What one host reports. */
export class LoadReports implements HostFeedback {
  /** What the balancer uses; at least 1. */
  weight = 1;
  private readonly config: LoadWeightConfig;
  private readonly dispatcher: Dispatcher;
  private reported = 0;
  private sinceMs: number = NEVER;
  private lastMs = 0;

  constructor(config: LoadWeightConfig, dispatcher: Dispatcher) {
    this.config = config;
    this.dispatcher = dispatcher;
  }

  /** Null too early, too late, or without a report. */
  validWeight(nowMs: number): number | null {
    const { blackoutMs, expirationMs } = this.config;
    if (this.sinceMs === NEVER || nowMs - this.sinceMs < blackoutMs) return null;
    if (nowMs - this.lastMs <= expirationMs) return this.reported;
    this.sinceMs = NEVER;
    return null;
  }

  requestStarted(): void {
    // Only answers teach.
  }

  responseReceived(headers: ResponseHeaderMap): void {
    this.take(headers);
  }

  trailersReceived(trailers: HeaderMap): void {
    this.take(trailers);
  }

  requestEnded(): void {
    // Only answers teach.
  }

  private take(headers: HeaderMap): void {
    const report = readOrcaReport(headers);
    const weight = report === null ? null : weightOf(report, this.config);
    if (weight === null) return;
    const nowMs = this.dispatcher.monotonicMs();
    if (this.sinceMs === NEVER) this.sinceMs = nowMs;
    this.lastMs = nowMs;
    this.reported = weight;
  }
}

/**
 * Gives every host its weight; those without a valid one get the median of the others. True when
 * any changed.
 */
export function updateWeights(hosts: readonly Host[], nowMs: number): boolean {
  const valid: number[] = [];
  const weights = hosts.map((host) => {
    const weight = (host.feedback as LoadReports).validWeight(nowMs);
    if (weight !== null) valid.push(weight);
    return weight;
  });
  const unknown = median(valid);
  let changed = false;
  hosts.forEach((host, index) => {
    const reports = host.feedback as LoadReports;
    const weight = Math.max(1, weights[index] ?? unknown);
    if (reports.weight === weight) return;
    reports.weight = weight;
    changed = true;
  });
  return changed;
}

function median(values: number[]): number {
  if (values.length === 0) return 1;
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  if (values.length % 2 === 1) return values[middle] as number;
  return Math.floor(((values[middle - 1] as number) + (values[middle] as number)) / 2);
}
