// hot: per request
/** A share of requests that the runtime may change. Envoy: `RuntimeFractionalPercent`. */
import {
  compileRuntimeFraction,
  type RuntimeFraction,
  type RuntimeSnapshot,
} from "../../config/runtime.ts";
import type { RandomGenerator } from "../../platform/random.ts";
import type { RuntimeFractionalPercent } from "../../proto/generated/envoy/config/core/v3.ts";

/** What drawing needs. */
export interface RuntimeDraw {
  readonly runtime: RuntimeSnapshot;
  readonly random: RandomGenerator;
}

/** `absent` stands for a field that is not set: all requests, or none. */
export function compileRuntimePercent(
  message: RuntimeFractionalPercent | undefined,
  absent: boolean,
): RuntimeFraction {
  if (message !== undefined) return compileRuntimeFraction(message);
  return { key: "", numerator: absent ? 100 : 0, denominator: 100 };
}

/** Draws anew at each call. */
export function draws({ key, numerator, denominator }: RuntimeFraction, by: RuntimeDraw): boolean {
  if (key === "" && numerator === 0) return false;
  if (key === "" && numerator >= denominator) return true;
  return by.runtime.featureEnabled(key, numerator, denominator, by.random.uint32());
}
