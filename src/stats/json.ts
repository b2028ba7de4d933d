/**
 * The JSON form of `/stats?format=json`, rendered in pieces. Envoy: Server::StatsJsonRender.
 */
import {
  HISTOGRAM_PERCENTILES,
  HISTOGRAM_QUANTILES,
  type HistogramBuckets,
} from "./histogram-buckets.ts";
import { binLowerBound, binWidth, type HistogramSnapshot } from "./histogram-snapshot.ts";
import type { MergedStat } from "./merged-stat.ts";
import { coversKind, isWanted, type StatsQuery } from "./stats-query.ts";
import { bucketCounts } from "./text.ts";

const STATS_PER_PIECE = 256;

/** Pieces may be empty: they are points at which the caller can let others run. */
export function* renderStatsJson(
  stats: readonly MergedStat[],
  query: StatsQuery,
  buckets: HistogramBuckets,
): Generator<string> {
  const histograms: MergedStat[] = [];
  let piece = '{"stats":[';
  let separator = "";
  for (const [i, stat] of stats.entries()) {
    if (coversKind(query, stat.entry.kind) && isWanted(query, stat)) {
      if (stat.entry.kind === "histogram") histograms.push(stat);
      else {
        piece += separator + JSON.stringify({ name: stat.name, value: jsonValue(stat) });
        separator = ",";
      }
    }
    if (i % STATS_PER_PIECE === STATS_PER_PIECE - 1) {
      yield piece;
      piece = "";
    }
  }
  yield piece;
  if (histograms.length > 0) yield* renderHistograms(histograms, query, buckets, separator);
  yield "]}";
}

function jsonValue(stat: MergedStat): string | number {
  return stat.entry.kind === "textReadout" ? stat.text() : stat.value();
}

/** The last element of the list carries all histograms; its shape depends on the bucket mode. */
function* renderHistograms(
  histograms: readonly MergedStat[],
  query: StatsQuery,
  buckets: HistogramBuckets,
  separator: string,
): Generator<string> {
  const [open, close] = ENVELOPES[query.histogramBuckets];
  yield `${separator}{"histograms":${open}`;
  for (const [i, stat] of histograms.entries()) {
    yield (i === 0 ? "" : ",") + JSON.stringify(histogramJson(stat, query, buckets));
  }
  yield `${close}}`;
}

const PERCENTILES = JSON.stringify(HISTOGRAM_PERCENTILES);
const ENVELOPES: Readonly<Record<StatsQuery["histogramBuckets"], readonly [string, string]>> = {
  summary: [`{"supported_quantiles":${PERCENTILES},"computed_quantiles":[`, "]}"],
  detailed: [`{"supported_percentiles":${PERCENTILES},"details":[`, "]}"],
  cumulative: ["[", "]"],
  disjoint: ["[", "]"],
};

function histogramJson(stat: MergedStat, query: StatsQuery, buckets: HistogramBuckets): object {
  const { name } = stat;
  const total = stat.snapshot();
  const interval = stat.intervalSnapshot();
  switch (query.histogramBuckets) {
    case "summary":
      return { name, values: quantilesJson(total, interval) };
    case "detailed":
      return {
        name,
        totals: binsJson(total),
        intervals: binsJson(interval),
        percentiles: quantilesJson(total, interval),
      };
    default: {
      const bounds = buckets.boundsFor(name);
      const totals = bucketCounts(total, bounds, query);
      const intervals = bucketCounts(interval, bounds, query);
      return {
        name,
        buckets: bounds.map((bound, i) => ({
          upper_bound: bound,
          interval: intervals[i],
          cumulative: totals[i],
        })),
      };
    }
  }
}

/** NaN becomes null, as in Envoy. */
function quantilesJson(total: HistogramSnapshot, interval: HistogramSnapshot): object[] {
  const totals = total.quantiles(HISTOGRAM_QUANTILES);
  const intervals = interval.quantiles(HISTOGRAM_QUANTILES);
  return totals.map((cumulative, i) => ({ cumulative, interval: intervals[i] }));
}

function binsJson(snapshot: HistogramSnapshot): object[] {
  const scale = snapshot.scale();
  return snapshot.bins.map((bin, i) => ({
    lower_bound: binLowerBound(bin) / scale,
    width: binWidth(bin) / scale,
    count: snapshot.counts[i],
  }));
}
