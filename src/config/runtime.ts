/**
 * Runtime values as their readers see them. The server implements it over the layered runtime.
 * Envoy: `Runtime::Snapshot` (envoy/runtime/runtime.h).
 */
import type { RuntimeFractionalPercent } from "../proto/generated/envoy/config/core/v3.ts";

/** Size of the space that a fractional percent is drawn from: HUNDRED, TEN_THOUSAND or MILLION. */
export type PercentDenominator = 100 | 10_000 | 1_000_000;

export interface RuntimeSnapshot {
  /** The integer under a key, or the default when the key is absent or holds something else. */
  getInteger(key: string, defaultValue: number): number;
  /** The number under a key, or the default when the key is absent or holds something else. */
  getDouble(key: string, defaultValue: number): number;
  /** The boolean under a key, or the default when the key is absent or holds something else. */
  getBoolean(key: string, defaultValue: boolean): boolean;
  /**
   * Draws a fraction: true when `random mod denominator` is below the numerator. An integer under
   * the key replaces the fraction as a percentage; a FractionalPercent under it replaces both
   * parts. `random` is a uniform 32-bit number; give the stream's own number for a stable answer.
   */
  featureEnabled(
    key: string,
    numerator: number,
    denominator: PercentDenominator,
    random: number,
  ): boolean;
}

/** A runtime without layers: every key has its default. */
export const DEFAULT_RUNTIME: RuntimeSnapshot = {
  getInteger: (_key: string, defaultValue: number): number => defaultValue,
  getDouble: (_key: string, defaultValue: number): number => defaultValue,
  getBoolean: (_key: string, defaultValue: boolean): boolean => defaultValue,
  featureEnabled: (
    _key: string,
    numerator: number,
    denominator: PercentDenominator,
    random: number,
  ): boolean => random % denominator < numerator,
};

/** A RuntimeFractionalPercent, compiled. */
export interface RuntimeFraction {
  /** "" when only the default counts. */
  readonly key: string;
  readonly numerator: number;
  readonly denominator: PercentDenominator;
}

/** Unset numerator is 0, unset denominator HUNDRED, as in the message. */
export function compileRuntimeFraction(message: RuntimeFractionalPercent): RuntimeFraction {
  const { numerator = 0, denominator = "HUNDRED" } = message.defaultValue ?? {};
  return {
    key: message.runtimeKey ?? "",
    numerator,
    denominator: DENOMINATORS[denominator] ?? 100,
  };
}

const DENOMINATORS: Readonly<Record<string, PercentDenominator>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};
