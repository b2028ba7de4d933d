// hot: per request
/**
 * Slow start: a host that is new, or passes its health check again, begins with a part of its
 * weight and gets all of it within a window. Envoy: `EdfLoadBalancerBase::applySlowStartFactor`.
 */
import type { CompileContext } from "../../config/compile-context.ts";
import { durationMs } from "../../config/duration.ts";
import type { Cluster_SlowStartConfig } from "../../proto/generated/envoy/config/cluster/v3.ts";
import type { SlowStartConfig as SlowStartMessage } from "../../proto/generated/envoy/extensions/load_balancing_policies/common/v3.ts";
import type { Weigher } from "../../upstream/edf-scheduler.ts";
import { coarseHealth, HealthFlag, type Host } from "../../upstream/host.ts";
import type { HostSet } from "../../upstream/host-set.ts";
import type { LoadBalancerServices } from "../../upstream/load-balancer.ts";
import { compileRuntimeDouble, type RuntimeDouble, runtimeDouble } from "./runtime-double.ts";

const AGGRESSION = 1;
const MIN_WEIGHT_PERCENT = 10;

export interface SlowStartConfig {
  readonly windowMs: number;
  /** 1 grows evenly; larger grows fast at first. */
  readonly aggression: RuntimeDouble;
  /** Share of the weight that a host has at least, 0 … 1. */
  readonly minShare: number;
}

/** Null when it is off. */
export function compileSlowStart(
  message: SlowStartMessage | Cluster_SlowStartConfig | undefined,
  context: CompileContext,
): SlowStartConfig | null {
  if (message === undefined) return null;
  const windowMs = durationMs(message.slowStartWindow, 0);
  if (windowMs <= 0) {
    context
      .at("slow_start_config")
      .at("slow_start_window")
      .warn("Without a window slow start is off", "write a duration such as 60s");
    return null;
  }
  const { minWeightPercent, aggression } = message;
  return {
    windowMs,
    aggression: compileRuntimeDouble(aggression, AGGRESSION),
    minShare:
      (minWeightPercent === undefined ? MIN_WEIGHT_PERCENT : (minWeightPercent.value ?? 0)) / 100,
  };
}

/** Not yet healthy since it is known. */
const FAILED = -1;

/** Since when each host of one load balancer serves. */
export class SlowStart {
  private readonly config: SlowStartConfig;
  private readonly services: LoadBalancerServices;
  /** Dispatcher time in ms, or `FAILED`. */
  private readonly since = new WeakMap<Host, number>();
  private latestMs: number;
  private exponent = 1;

  constructor(config: SlowStartConfig, services: LoadBalancerServices) {
    this.config = config;
    this.services = services;
    this.latestMs = services.dispatcher.monotonicMs();
  }

  /** Notes who is new, and who passes its health check again. */
  update(sets: readonly HostSet[]): void {
    const nowMs = this.services.dispatcher.monotonicMs();
    const aggression = runtimeDouble(this.config.aggression, this.services.runtime);
    this.exponent = aggression > 0 ? 1 / aggression : 1;
    for (const set of sets) {
      for (const host of set.hosts) this.note(host, nowMs);
    }
  }

  /** True while any host may be in its window. */
  active(): boolean {
    return this.services.dispatcher.monotonicMs() - this.latestMs <= this.config.windowMs;
  }

  /** The share of its weight that a host gets now, 0 … 1. */
  share(host: Host): number {
    const since = this.since.get(host) ?? FAILED;
    if (since === FAILED || coarseHealth(host.healthFlags()) !== "healthy") return 1;
    const { windowMs, minShare } = this.config;
    const servedMs = Math.floor(this.services.dispatcher.monotonicMs() - since);
    if (servedMs >= windowMs) return 1;
    const part = Math.max(1, servedMs) / windowMs;
    return Math.max(this.exponent === 1 ? part : part ** this.exponent, minShare);
  }

  private note(host: Host, nowMs: number): void {
    const flags = host.healthFlags();
    if ((flags & HealthFlag.FailedActiveHealthCheck) !== 0) {
      this.since.set(host, FAILED);
      return;
    }
    const before = this.since.get(host) ?? FAILED;
    if (before !== FAILED || coarseHealth(flags) !== "healthy") return;
    this.since.set(host, nowMs);
    this.latestMs = nowMs;
  }
}

/** The configured weight, as far as slow start gives it. */
export class SlowStartWeigher implements Weigher<Host> {
  private readonly slowStart: SlowStart;

  constructor(slowStart: SlowStart) {
    this.slowStart = slowStart;
  }

  weight(host: Host): number {
    return host.description.weight * this.slowStart.share(host);
  }
}
