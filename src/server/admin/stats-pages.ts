/** /stats in text, JSON and Prometheus form, and /stats/prometheus. */
import { compileRegex } from "../../base/regex.ts";
import { renderStatsJson } from "../../stats/json.ts";
import { PrometheusRenderer } from "../../stats/prometheus.ts";
import { parseStatsQuery, type StatsQuery } from "../../stats/stats-query.ts";
import { TagProducer } from "../../stats/tags.ts";
import { renderStatsText } from "../../stats/text.ts";
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, type AdminRequest, type AdminResponse, json, text } from "./endpoint.ts";

const PROMETHEUS_TYPE = "text/plain; version=0.0.4";

const PARAMETERS = {
  usedonly: "only include stats that have been written by system since restart",
  filter: "regular expression (RE2) for filtering stats",
  format: "text (default), json or prometheus",
  type: "All, Counters, Gauges, Histograms or TextReadouts",
  histogram_buckets: "cumulative, disjoint, detailed or summary (default)",
  text_readouts: "render text readouts as gauges (Prometheus only)",
};

export const stats: AdminEndpoint = {
  path: "/stats",
  help: "print server stats",
  mutates: false,
  parameters: PARAMETERS,
  handle: (request, host) => answer(request, host, false),
};

export const prometheus: AdminEndpoint = {
  path: "/stats/prometheus",
  help: "print server stats in prometheus format",
  mutates: false,
  parameters: PARAMETERS,
  handle: (request, host) => answer(request, host, true),
};

const renderers = new WeakMap<AdminHost, PrometheusRenderer>();

function answer(request: AdminRequest, host: AdminHost, prometheusPath: boolean): AdminResponse {
  const parameters = { get: (name: string) => request.query.get(name) ?? null, has: (name: string) => request.query.has(name) };
  const parsed = parseStatsQuery(parameters, compileFilter, prometheusPath);
  if (!parsed.ok) return text(parsed.body, 400);
  return render(parsed.query, host);
}

function compileFilter(pattern: string): ((name: string) => boolean) | null {
  const regex = compileRegex(pattern);
  return "error" in regex ? null : (name) => regex.matchesPart(name);
}

function render(query: StatsQuery, host: AdminHost): AdminResponse {
  const { statsReader, config } = host.server;
  if (config === null) return text("Server is not ready\n", 503);
  host.server.updateServerStats(host.processFacts.memory());
  if (query.format === "prometheus") {
    return { status: 200, contentType: PROMETHEUS_TYPE, body: prometheusRenderer(host).render(query) };
  }
  const merged = statsReader.stats();
  const { buckets } = config.stats;
  if (query.format === "json") return json(renderStatsJson(merged, query, buckets));
  return text(renderStatsText(merged, query, buckets));
}

function prometheusRenderer(host: AdminHost): PrometheusRenderer {
  let renderer = renderers.get(host);
  const config = host.server.config;
  if (renderer === undefined && config !== null) {
    renderer = new PrometheusRenderer(host.server.statsReader, new TagProducer(config.stats.tags), config.stats.buckets);
    renderers.set(host, renderer);
  }
  return renderer as PrometheusRenderer;
}
