/**
 * google.protobuf.Duration as the data path counts: whole milliseconds. Envoy:
 * `DurationUtil::durationToMilliseconds`.
 */
import type { Duration } from "../proto/plain.ts";

/** Fractions of a millisecond are cut off; `unset` is the answer for an absent field. */
export function durationMs(duration: Duration | undefined, unset: number): number {
  if (duration === undefined) return unset;
  return duration.seconds * 1000 + Math.trunc(duration.nanos / 1_000_000);
}
