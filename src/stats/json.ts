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
import type { StatKind } from "./slab.ts";
import { coversKind, isWanted, type StatsQuery } from "./stats-query.ts";
import { bucketCounts } from "./text.ts";

const STATS_PER_PIECE = 256;

/** Pieces may be empty: they are points at which the caller can let others run. */
export function* renderStatsJson(
  stats: readonly MergedStat[],
  query: StatsQuery,
  buckets: HistogramBuckets,
): Generator<string> {
  yield '{"stats":[';
  let separator = "";
  const kinds: readonly (readonly StatKind[])[] = [["textReadout"], ["counter", "gauge"]];
  for (const group of kinds) {
    for (const piece of wantedInPieces(stats, query, group)) {
      if (piece.length > 0) yield separator + piece.map(plainJson).join(",");
      if (piece.length > 0) separator = ",";
    }
  }
  yield* renderHistograms(wantedInPieces(stats, query, ["histogram"]), query, buckets, separator);
  yield "]}";
}

/** The stats that the query wants, a few at a time. */
function* wantedInPieces(
  stats: readonly MergedStat[],
  query: StatsQuery,
  kinds: readonly StatKind[],
): Generator<MergedStat[]> {
  for (let at = 0; at < stats.length; at += STATS_PER_PIECE) {
    const piece = stats.slice(at, at + STATS_PER_PIECE);
    yield piece.filter(({ entry }, i) => {
      if (!kinds.includes(entry.kind) || !coversKind(query, entry.kind)) return false;
      return isWanted(query, piece[i] as MergedStat);
    });
  }
}

function plainJson(stat: MergedStat): string {
  const value = stat.entry.kind === "textReadout" ? stat.text() : stat.value();
  return JSON.stringify({ name: stat.name, value });
}

/** The last element of the list carries all histograms; its shape depends on the bucket mode. */
function* renderHistograms(
  pieces: Iterable<readonly MergedStat[]>,
  query: StatsQuery,
  buckets: HistogramBuckets,
  separator: string,
): Generator<string> {
  const [open, close] = ENVELOPES[query.histogramBuckets];
  let before = `${separator}{"histograms":${open}`;
  let some = false;
  for (const piece of pieces) {
    let text = "";
    for (const stat of piece) {
      text += before + JSON.stringify(histogramJson(stat, query, buckets));
      before = ",";
      some = true;
    }
    yield text;
  }
  if (some) yield `${close}}`;
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
