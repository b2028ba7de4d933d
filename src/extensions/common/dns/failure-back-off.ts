/**
 * How long to wait after a name could not be resolved: jittered exponential, or always the same.
 * Envoy: `JitteredExponentialBackOffStrategy`, `Config::Utility::prepareDnsRefreshStrategy`.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
import type { Duration } from "../../../proto/plain.ts";

/** Exponential from base to max. */
export interface FailureRefreshRate {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** `base_interval` when it is not set. */
const BASE_MS = 5000;
/** `max_interval` when it is not set, as a multiple of `base_interval`. */
const MAX_FACTOR = 10;

/** `dns_failure_refresh_rate`; null when it is not set. */
export function compileFailureRefreshRate(
  message: { baseInterval?: Duration; maxInterval?: Duration } | undefined,
  context: CompileContext,
): FailureRefreshRate | null {
  if (message === undefined) return null;
  const baseMs = durationMs(message.baseInterval, BASE_MS);
  const maxMs = durationMs(message.maxInterval, baseMs * MAX_FACTOR);
  if (maxMs < baseMs) {
    context
      .at("dns_failure_refresh_rate")
      .error(
        "dns_failure_refresh_rate must have max_interval greater than or equal to the base_interval",
        "raise max_interval",
      );
  }
  return { baseMs, maxMs };
}

export class FailureBackOff {
  private readonly rate: FailureRefreshRate | null;
  /** Without a rate of its own. */
  private readonly fixedMs: number;
  private readonly random: RandomGenerator;
  private intervalMs: number;

  constructor(rate: FailureRefreshRate | null, fixedMs: number, random: RandomGenerator) {
    this.rate = rate;
    this.fixedMs = fixedMs;
    this.random = random;
    this.intervalMs = rate?.baseMs ?? 0;
  }

  /** After a success. */
  reset(): void {
    this.intervalMs = this.rate?.baseMs ?? 0;
  }

  nextMs(): number {
    if (this.rate === null) return this.fixedMs;
    const intervalMs = this.intervalMs;
    this.intervalMs = Math.min(intervalMs * 2, this.rate.maxMs);
    return randomBelow(this.random, intervalMs);
  }
}
