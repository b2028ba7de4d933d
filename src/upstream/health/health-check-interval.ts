/**
 * How long until the next check of a host: by its state, by whether the cluster was ever used, with
 * jitter, within the limits of runtime. Envoy: `HealthCheckerImplBase::interval`
 * (source/extensions/health_checkers/common/health_checker_base_impl.cc).
 */
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import { type RandomGenerator, randomBelow } from "../../platform/random.ts";

/**
 * What a check changed. `pending`: the result differs from the state, but its threshold is not
 * reached. Envoy: `HealthTransition`.
 */
export type HealthTransition = "unchanged" | "changed" | "pending";

/** Configured times, in ms, defaults filled in. */
export interface HealthCheckIntervals {
  readonly intervalMs: number;
  /** While no connection was ever made to the cluster. */
  readonly noTrafficMs: number;
  /** As `noTrafficMs`, for hosts that are healthy. */
  readonly noTrafficHealthyMs: number;
  readonly unhealthyMs: number;
  /** After a failure that did not yet make the host unhealthy. */
  readonly unhealthyEdgeMs: number;
  /** After a success that did not yet make the host healthy. */
  readonly healthyEdgeMs: number;
  /** Before the first check, up to this much. */
  readonly initialJitterMs: number;
  readonly jitterMs: number;
  /** Of the interval at hand. */
  readonly jitterPercent: number;
}

const MIN_INTERVAL_KEY = "health_check.min_interval";
const MAX_INTERVAL_KEY = "health_check.max_interval";

/** `success`: how the last check ended. */
export function baseInterval(
  intervals: HealthCheckIntervals,
  success: boolean,
  transition: HealthTransition,
  usedBefore: boolean,
): number {
  const edge = transition === "pending";
  if (!usedBefore) {
    return success && !edge ? intervals.noTrafficHealthyMs : intervals.noTrafficMs;
  }
  if (success) return edge ? intervals.healthyEdgeMs : intervals.intervalMs;
  return edge ? intervals.unhealthyEdgeMs : intervals.unhealthyMs;
}

/** At least 1 ms, so that checks of one host never run into each other. */
export function withJitter(
  baseMs: number,
  jitterMs: number,
  jitterPercent: number,
  random: RandomGenerator,
  runtime: RuntimeSnapshot,
): number {
  let delayMs = baseMs;
  const share = Math.floor((jitterPercent * baseMs) / 100);
  if (share > 0) delayMs += below(random, share);
  if (jitterMs > 0) delayMs += below(random, jitterMs);
  const maxMs = runtime.getInteger(MAX_INTERVAL_KEY, Number.MAX_SAFE_INTEGER);
  const minMs = runtime.getInteger(MIN_INTERVAL_KEY, 0);
  return Math.max(1, minMs, Math.min(delayMs, maxMs));
}

/** `bound` may be more than the generator's range: jitters of more than 49 days. */
function below(random: RandomGenerator, bound: number): number {
  return randomBelow(random, Math.min(bound, 2 ** 32));
}
