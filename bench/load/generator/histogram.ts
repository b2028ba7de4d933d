// Latency histograms: HdrHistogram in µs, three digits, up to ten minutes.
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from "hdr-histogram-js";
import type { LatencyMicros } from "../engines/load-result.ts";

const HIGHEST_MICROS = 600_000_000;

export function createHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    highestTrackableValue: HIGHEST_MICROS,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
}

/** Records a latency; negative clock noise counts as 0, the unthinkable as the maximum. */
export function recordMicros(histogram: Histogram, micros: number): void {
  histogram.recordValue(Math.min(HIGHEST_MICROS, Math.max(0, Math.round(micros))));
}

export function summarise(histogram: Histogram): LatencyMicros | null {
  if (histogram.totalCount === 0) return null;
  return {
    p50: histogram.getValueAtPercentile(50),
    p90: histogram.getValueAtPercentile(90),
    p99: histogram.getValueAtPercentile(99),
    p999: histogram.getValueAtPercentile(99.9),
    max: histogram.maxValue,
  };
}

export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** Adds encoded histograms of several rounds into one; null when there is none. */
export function mergeHistograms(encoded: readonly string[]): Histogram | null {
  if (encoded.length === 0) return null;
  const sum = createHistogram();
  for (const text of encoded) sum.add(decodeFromCompressedBase64(text, 32, false));
  return sum;
}
