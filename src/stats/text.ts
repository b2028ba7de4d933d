/**
 * The text form of `/stats`: `name: value` by name, text readouts first, histograms last, rendered
 * in pieces so that a long page does not hold up anything else. Envoy: Server::StatsTextRender.
 */
import {
  HISTOGRAM_PERCENTILES,
  HISTOGRAM_QUANTILES,
  type HistogramBuckets,
} from "./histogram-buckets.ts";
import { binLowerBound, binWidth, type HistogramSnapshot } from "./histogram-snapshot.ts";
import type { MergedStat } from "./merged-stat.ts";
import type { StatKind } from "./slab.ts";
import { coversKind, isWanted, type StatsQuery } from "./stats-query.ts";

/** Stats looked at between two pieces. */
const STATS_PER_PIECE = 256;

/** Pieces may be empty: they are points at which the caller can let others run. */
export function* renderStatsText(
  stats: readonly MergedStat[],
  query: StatsQuery,
  buckets: HistogramBuckets,
): Generator<string> {
  yield* renderKinds(stats, query, ["textReadout"], (stat) => `${stat.name}: "${stat.text()}"\n`);
  yield* renderKinds(
    stats,
    query,
    ["counter", "gauge"],
    (stat) => `${stat.name}: ${stat.value()}\n`,
  );
  yield* renderKinds(stats, query, ["histogram"], (stat) => histogramText(stat, query, buckets));
}

function* renderKinds(
  stats: readonly MergedStat[],
  query: StatsQuery,
  kinds: readonly StatKind[],
  line: (stat: MergedStat) => string,
): Generator<string> {
  let piece = "";
  for (const [i, stat] of stats.entries()) {
    const { kind } = stat.entry;
    if (kinds.includes(kind) && coversKind(query, kind) && isWanted(query, stat)) {
      piece += line(stat);
    }
    if (i % STATS_PER_PIECE === STATS_PER_PIECE - 1) {
      yield piece;
      piece = "";
    }
  }
  yield piece;
}

function histogramText(stat: MergedStat, query: StatsQuery, buckets: HistogramBuckets): string {
  const total = stat.snapshot();
  if (total.sampleCount === 0) return `${stat.name}: No recorded values\n`;
  const interval = stat.intervalSnapshot();
  if (query.histogramBuckets === "detailed") return detailedText(stat.name, total, interval);
  const summary =
    query.histogramBuckets === "summary"
      ? summaryText(total, interval)
      : bucketsText(stat.name, total, interval, query, buckets);
  return `${stat.name}: ${summary}\n`;
}

/** `P50(interval,total)` per quantile. */
function summaryText(total: HistogramSnapshot, interval: HistogramSnapshot): string {
  const totals = total.quantiles(HISTOGRAM_QUANTILES);
  const intervals = interval.quantiles(HISTOGRAM_QUANTILES);
  return HISTOGRAM_PERCENTILES.map(
    (percent, i) => `P${percent}(${numberText(intervals[i])},${numberText(totals[i])})`,
  ).join(" ");
}

/** `B10(interval,total)` per bound. */
function bucketsText(
  name: string,
  total: HistogramSnapshot,
  interval: HistogramSnapshot,
  query: StatsQuery,
  buckets: HistogramBuckets,
): string {
  const bounds = buckets.boundsFor(name);
  const totals = bucketCounts(total, bounds, query);
  const intervals = bucketCounts(interval, bounds, query);
  return bounds.map((bound, i) => `B${sixDigits(bound)}(${intervals[i]},${totals[i]})`).join(" ");
}

/** Counts per bound, of all samples below it or of those since the bound before. */
export function bucketCounts(
  snapshot: HistogramSnapshot,
  bounds: readonly number[],
  query: StatsQuery,
): number[] {
  const counts = snapshot.countsBelow(bounds);
  if (query.histogramBuckets === "cumulative") return counts;
  return counts.map((count, i) => count - (counts[i - 1] ?? 0));
}

function detailedText(name: string, total: HistogramSnapshot, interval: HistogramSnapshot): string {
  const summary = summaryText(total, interval);
  return `${name}:\n  totals=${binsText(total)}\n  intervals=${binsText(interval)}\n  summary=${summary}\n`;
}

/** `lower bound,width:count` per bin. */
function binsText(snapshot: HistogramSnapshot): string {
  const scale = snapshot.scale();
  return snapshot.bins
    .map((bin, i) => {
      const lower = sixDigits(binLowerBound(bin) / scale);
      return `${lower},${sixDigits(binWidth(bin) / scale)}:${snapshot.counts[i]}`;
    })
    .join(", ");
}

function numberText(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "nan" : `${value}`;
}

/** As C prints `%g`: six significant digits, an exponent of at least two digits from 10^6 on. */
export function sixDigits(value: number): string {
  const rounded = Number(value.toPrecision(6));
  if (rounded !== 0 && (Math.abs(rounded) >= 1e6 || Math.abs(rounded) < 1e-4)) {
    return rounded.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return `${rounded}`;
}
