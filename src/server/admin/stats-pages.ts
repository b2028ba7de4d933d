/** /stats in text, JSON, HTML and Prometheus form, /stats/prometheus and POST /reset_counters. */
import { compileRegex } from "../../base/regex.ts";
import { renderStatsJson } from "../../stats/json.ts";
import { PrometheusRenderer } from "../../stats/prometheus.ts";
import {
  type HistogramBucketsMode,
  parseStatsQuery,
  type StatsQuery,
} from "../../stats/stats-query.ts";
import { TagProducer } from "../../stats/tags.ts";
import { renderStatsText } from "../../stats/text.ts";
import type { BootstrapConfig } from "../bootstrap-config.ts";
import type { AdminHost } from "./admin-host.ts";
import {
  type AdminEndpoint,
  type AdminParameter,
  type AdminRequest,
  type AdminResponse,
  command,
  html,
  json,
  text,
} from "./endpoint.ts";
import { escapeHtml } from "./help-page.ts";

/** Envoy sends no version; scrapers like one. */
const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=UTF-8";

const PROMETHEUS_MODES: readonly HistogramBucketsMode[] = ["cumulative", "summary"];

const USED_ONLY: AdminParameter = {
  name: "usedonly",
  help: "Only include stats that have been written by system since restart",
  kind: "flag",
};
const FILTER: AdminParameter = {
  name: "filter",
  help: "Regular expression (Google re2) for filtering stats",
  kind: "text",
};
const TEXT_READOUTS: AdminParameter = {
  name: "text_readouts",
  help: "Render text_readouts as new gaugues with value 0 (increases Prometheus data size)",
  kind: "flag",
};

function choice(name: string, help: string, choices: readonly string[]): AdminParameter {
  return { name, help, kind: "choice", choices };
}

function bucketModes(...modes: readonly string[]): AdminParameter {
  return choice("histogram_buckets", "Histogram bucket display mode", modes);
}

export const stats: AdminEndpoint = {
  path: "/stats",
  help: "print server stats",
  mutates: false,
  parameters: [
    USED_ONLY,
    FILTER,
    choice("format", "Format to use", ["html", "text", "json"]),
    choice("type", "Stat types to include.", [
      "All",
      "Counters",
      "Histograms",
      "Gauges",
      "TextReadouts",
    ]),
    bucketModes("cumulative", "disjoint", "detailed", "summary"),
  ],
  handle: (request, host) => answer(request, host, false),
};

export const prometheus: AdminEndpoint = {
  path: "/stats/prometheus",
  help: "print server stats in prometheus format",
  mutates: false,
  parameters: [USED_ONLY, TEXT_READOUTS, FILTER, bucketModes("cumulative", "summary")],
  handle: (request, host) => answer(request, host, true),
};

export const resetCounters: AdminEndpoint = command(
  "/reset_counters",
  "reset all counters to zero",
  ({ server }) => server.statsReader.resetCounters(),
);

const renderers = new WeakMap<AdminHost, PrometheusRenderer>();

async function answer(
  request: AdminRequest,
  host: AdminHost,
  prometheusPath: boolean,
): Promise<AdminResponse> {
  const { query } = request;
  const asPage = query.get("format") === "html" && !prometheusPath;
  const parameters = {
    get: (name: string) => (asPage && name === "format" ? null : (query.get(name) ?? null)),
    has: (name: string) => query.has(name),
  };
  const parsed = parseStatsQuery(parameters, compileFilter, prometheusPath);
  if (!parsed.ok) return text(parsed.body, 400);
  const { format, histogramBuckets } = parsed.query;
  if (format === "prometheus" && !PROMETHEUS_MODES.includes(histogramBuckets)) {
    return text("unsupported prometheus histogram bucket mode", 400);
  }
  const { config } = host.server;
  if (config === null) return text("Server is not ready\n", 503);
  await host.server.updateServerStats(host.processFacts.memory());
  return render(parsed.query, host, config, asPage);
}

function compileFilter(pattern: string): ((name: string) => boolean) | null {
  const regex = compileRegex(pattern);
  return "error" in regex ? null : (name) => regex.matchesPart(name);
}

function render(
  query: StatsQuery,
  host: AdminHost,
  config: BootstrapConfig,
  asPage: boolean,
): AdminResponse {
  const { statsReader } = host.server;
  if (config.statsFlushOnAdmin) statsReader.rotateIntervals();
  if (query.format === "prometheus") {
    const body = prometheusRenderer(host, config).render(query);
    return { status: 200, contentType: PROMETHEUS_TYPE, body };
  }
  const merged = statsReader.stats();
  const { buckets } = config.stats;
  if (query.format === "json") return json(renderStatsJson(merged, query, buckets));
  const lines = renderStatsText(merged, query, buckets);
  return asPage ? html(statsPage(lines)) : text(lines);
}

function* statsPage(lines: Iterable<string>): Generator<string> {
  yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Stats</title></head>\n';
  yield "<body><pre>\n";
  for (const piece of lines) yield escapeHtml(piece);
  yield "</pre></body></html>\n";
}

function prometheusRenderer(host: AdminHost, config: BootstrapConfig): PrometheusRenderer {
  let renderer = renderers.get(host);
  if (renderer === undefined) {
    const { tags, buckets } = config.stats;
    renderer = new PrometheusRenderer(host.server.statsReader, new TagProducer(tags), buckets);
    renderers.set(host, renderer);
  }
  return renderer;
}
