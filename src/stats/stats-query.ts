/**
 * What a reader of stats asks for: the query parameters of `/stats` and `/stats/prometheus`, with
 * Envoy's names, values and complaints. Envoy: Server::StatsParams.
 */
import type { MergedStat } from "./merged-stat.ts";

export type StatsFormat = "text" | "json" | "prometheus";
export type StatsType = "All" | "Counters" | "Gauges" | "Histograms" | "TextReadouts";
/**
 * `summary`: quantiles. The others list buckets: all samples up to a bound, those between two
 * bounds, all bins.
 */
export type HistogramBucketsMode = "summary" | "cumulative" | "disjoint" | "detailed";

export interface StatsQuery {
  readonly format: StatsFormat;
  readonly type: StatsType;
  /** Only stats that were written since the process started. */
  readonly usedOnly: boolean;
  /** Null: all names. */
  readonly filter: ((name: string) => boolean) | null;
  readonly histogramBuckets: HistogramBucketsMode;
  /** Prometheus only: text readouts as gauges with value 0. */
  readonly textReadouts: boolean;
}

export const DEFAULT_STATS_QUERY: StatsQuery = {
  format: "text",
  type: "All",
  usedOnly: false,
  filter: null,
  histogramBuckets: "summary",
  textReadouts: false,
};

/**
 * Compiles an RE2 expression to a search; null when it is not valid. Given by the caller, who owns
 * the engine.
 */
export type CompileFilter = (pattern: string) => ((text: string) => boolean) | null;

/** The part of URLSearchParams that is needed here. */
export interface QueryParameters {
  get(name: string): string | null;
  has(name: string): boolean;
}

/** Either the query, or the body of a 400 answer. */
export type ParsedStatsQuery =
  | { readonly ok: true; readonly query: StatsQuery }
  | { readonly ok: false; readonly body: string };

const TYPES: readonly StatsType[] = ["All", "Counters", "Gauges", "Histograms", "TextReadouts"];
const FORMATS: readonly StatsFormat[] = ["text", "json", "prometheus"];
const BUCKET_MODES: Readonly<Record<string, HistogramBucketsMode>> = {
  none: "summary",
  summary: "summary",
  cumulative: "cumulative",
  disjoint: "disjoint",
  detailed: "detailed",
};

/**
 * `prometheusPath` says that the path was /stats/prometheus, whose buckets are cumulative by
 * default. Differs from Envoy: no HTML formats.
 */
export function parseStatsQuery(
  parameters: QueryParameters,
  compileFilter: CompileFilter,
  prometheusPath: boolean,
): ParsedStatsQuery {
  const format = FORMATS.find((name) => name === (parameters.get("format") ?? "text"));
  if (format === undefined) return refused("usage: /stats?format=(json|prometheus|text)\n\n");
  const isPrometheus = prometheusPath || format === "prometheus";
  const type = TYPES.find((name) => name === (parameters.get("type") ?? "All"));
  if (type === undefined) return refused("invalid &type= param");
  const mode = parameters.get("histogram_buckets") ?? (isPrometheus ? "cumulative" : "summary");
  const histogramBuckets = BUCKET_MODES[mode];
  if (histogramBuckets === undefined) {
    const modes = "(cumulative|disjoint|detailed|summary)";
    return refused(`usage: /stats?histogram_buckets=${modes}\n`);
  }
  const pattern = parameters.get("filter") ?? "";
  const filter = pattern === "" ? null : compileFilter(pattern);
  if (pattern !== "" && filter === null) return refused("Invalid re2 regex");
  const query: StatsQuery = {
    format: isPrometheus ? "prometheus" : format,
    type,
    usedOnly: parameters.has("usedonly"),
    filter,
    histogramBuckets,
    textReadouts: parameters.has("text_readouts"),
  };
  return { ok: true, query };
}

function refused(body: string): ParsedStatsQuery {
  return { ok: false, body };
}

/** Whether the query wants this stat; the type is checked elsewhere. */
export function isWanted(query: StatsQuery, stat: MergedStat): boolean {
  if (query.filter !== null && !query.filter(stat.name)) return false;
  return !query.usedOnly || stat.isUsed();
}

/** Whether the query's type covers a stat of this kind. */
export function coversKind(query: StatsQuery, kind: MergedStat["entry"]["kind"]): boolean {
  switch (query.type) {
    case "All":
      return true;
    case "Counters":
      return kind === "counter";
    case "Gauges":
      return kind === "gauge";
    case "Histograms":
      return kind === "histogram";
    default:
      return kind === "textReadout";
  }
}
