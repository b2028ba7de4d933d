/**
 * What a histogram held at one moment, and what Envoy computes from it: quantiles by interpolation
 * within bins, sums by bin midpoints, counts below a bound. The formulas are those of circllhist
 * (hist_approx_*), so that numbers agree with Envoy's for the same samples.
 */
import { PERCENT_SCALE } from "./histogram.ts";
import {
  HISTOGRAM_BLOCKS,
  type HistogramUnit,
  offsetOf,
  pageOf,
  readCell,
  type SlabView,
} from "./slab.ts";

const BLOCK_WORDS = 100;
/** Bins are numbered block × 100 + leading digits. */
export const HISTOGRAM_BINS: number = HISTOGRAM_BLOCKS * BLOCK_WORDS;

/**
 * Left edge of a bin. Single digits stand for their own tenth: 7 means [7, 7.1), as in circllhist,
 * whose order of operations is kept for the sake of the last bit.
 */
export function binLowerBound(bin: number): number {
  if (bin < 10) return bin;
  return ((bin % BLOCK_WORDS) / 10) * 10 ** (Math.floor(bin / BLOCK_WORDS) + 1);
}

export function binWidth(bin: number): number {
  if (bin === 0) return 0;
  return bin < 10 ? 0.1 : 10 ** Math.floor(bin / BLOCK_WORDS);
}

function binUpperBound(bin: number): number {
  return binLowerBound(bin) + binWidth(bin);
}

/** Only bins with samples, in ascending order. Immutable. */
export class HistogramSnapshot {
  readonly bins: readonly number[];
  readonly counts: readonly number[];
  readonly unit: HistogramUnit;
  readonly sampleCount: number;

  constructor(bins: readonly number[], counts: readonly number[], unit: HistogramUnit) {
    this.bins = bins;
    this.counts = counts;
    this.unit = unit;
    this.sampleCount = counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Each sample counts as the middle of its bin, so the sum may be off by up to 5 %, as Envoy's is.
   */
  approximateSum(): number {
    let sum = 0;
    for (const [i, bin] of this.bins.entries()) {
      sum += (binLowerBound(bin) + binWidth(bin) / 2) * (this.counts[i] as number);
    }
    return sum / this.scale();
  }

  /** Values at ascending quantiles 0…1; all NaN when nothing was recorded. */
  quantiles(quantiles: readonly number[]): number[] {
    if (this.sampleCount === 0) return quantiles.map(() => Number.NaN);
    let at = 0;
    let below = 0;
    let upTo = this.counts[0] as number;
    return quantiles.map((quantile) => {
      const target = this.sampleCount * quantile;
      while (at < this.bins.length - 1 && upTo < target) {
        at++;
        below = upTo;
        upTo += this.counts[at] as number;
      }
      const bin = this.bins[at] as number;
      const left = binLowerBound(bin);
      if (target === below) return left / this.scale();
      if (target === upTo) return binUpperBound(bin) / this.scale();
      return (left + ((target - below) / (upTo - below)) * binWidth(bin)) / this.scale();
    });
  }

  /** Per ascending bound, how many samples lie in bins that end at or below it. */
  countsBelow(bounds: readonly number[]): number[] {
    let at = 0;
    let count = 0;
    return bounds.map((bound) => {
      const scaled = bound * this.scale();
      while (at < this.bins.length && binUpperBound(this.bins[at] as number) <= scaled) {
        count += this.counts[at] as number;
        at++;
      }
      return count;
    });
  }

  /** What was recorded since `earlier`, a snapshot of the same histogram. */
  since(earlier: HistogramSnapshot): HistogramSnapshot {
    const totals = new Map<number, number>();
    for (const [i, bin] of this.bins.entries()) totals.set(bin, this.counts[i] as number);
    for (const [i, bin] of earlier.bins.entries()) {
      totals.set(bin, (totals.get(bin) ?? 0) - (earlier.counts[i] as number));
    }
    const grown = this.bins.filter((bin) => (totals.get(bin) as number) > 0);
    const counts = grown.map((bin) => totals.get(bin) as number);
    return new HistogramSnapshot(grown, counts, this.unit);
  }

  /** What bounds and values are divided by when shown. */
  scale(): number {
    return this.unit === "percent" ? PERCENT_SCALE : 1;
  }
}

/** Adds the bins of one data plane's histogram to `totals` (HISTOGRAM_BINS long). */
export function addHistogramBins(view: SlabView, cell: number, totals: Float64Array): void {
  const table = readCell(view.pages, cell + 2);
  if (table === 0) return;
  for (let block = 0; block < HISTOGRAM_BLOCKS; block++) {
    addBlock(view, readCell(view.pages, table + block), block, 1, totals);
    addBlock(view, readCell(view.pages, table + HISTOGRAM_BLOCKS + block), block, 2 ** 32, totals);
  }
}

function addBlock(
  view: SlabView,
  cell: number,
  block: number,
  weight: number,
  totals: Float64Array,
): void {
  const words = view.pages[pageOf(cell)]?.words;
  if (cell === 0 || words === undefined) return;
  const start = offsetOf(cell) * 2;
  for (let digits = 0; digits < BLOCK_WORDS; digits++) {
    const bin = block * BLOCK_WORDS + digits;
    totals[bin] = (totals[bin] as number) + (words[start + digits] as number) * weight;
  }
}

/** Adds an earlier snapshot back into `totals`. */
export function addSnapshot(snapshot: HistogramSnapshot, totals: Float64Array): void {
  for (const [i, bin] of snapshot.bins.entries()) {
    totals[bin] = (totals[bin] as number) + (snapshot.counts[i] as number);
  }
}

/** Keeps the bins with samples; `totals` may be used again afterwards. */
export function createHistogramSnapshot(
  totals: Float64Array,
  unit: HistogramUnit,
): HistogramSnapshot {
  const bins: number[] = [];
  const counts: number[] = [];
  for (let bin = 0; bin < totals.length; bin++) {
    const count = totals[bin] as number;
    if (count === 0) continue;
    bins.push(bin);
    counts.push(count);
  }
  return new HistogramSnapshot(bins, counts, unit);
}
