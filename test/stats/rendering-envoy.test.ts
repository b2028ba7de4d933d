// Feeds the stats of a real Envoy into our slab and compares our pages with Envoy's own.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { HistogramBuckets } from "../../src/stats/histogram-buckets.ts";
import { renderStatsJson } from "../../src/stats/json.ts";
import { PrometheusRenderer } from "../../src/stats/prometheus.ts";
import type { HistogramUnit } from "../../src/stats/slab.ts";
import { StatSlab } from "../../src/stats/slab.ts";
import { DEFAULT_STATS_QUERY, type StatsQuery } from "../../src/stats/stats-query.ts";
import { StatsReader } from "../../src/stats/stats-reader.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";
import { TagProducer } from "../../src/stats/tags.ts";
import { renderStatsText } from "../../src/stats/text.ts";
import { requirePeer } from "../kit/find-envoy.ts";
import { envoyCommand, freePorts, ProxyProcess } from "../kit/proxy-process.ts";
import { reply, ScriptedUpstream } from "../kit/scripted-upstream.ts";
import { routesFile, secretFile, statsBootstrap } from "./envoy-bootstrap.ts";

const envoy = requirePeer("envoy");
const BODY_SIZES = [0, 1, 7, 10, 99, 100, 105, 115, 495, 1234, 15_000];
const BUCKETS = new HistogramBuckets([
  {
    matches: (name) => name.endsWith("upstream_rq_body_size"),
    bounds: [1, 1.1, 2, 10, 11, 100, 110, 120, 500, 2000],
  },
]);

const PROMETHEUS_QUERIES: readonly (readonly [string, Partial<StatsQuery>])[] = [
  ["", {}],
  ["?usedonly", { usedOnly: true }],
  ["?filter=cluster.*_rq", { filter: (name) => /cluster.*_rq/.test(name) }],
  ["?text_readouts", { textReadouts: true }],
  ["?histogram_buckets=summary", { histogramBuckets: "summary" }],
];

interface NamedValue {
  readonly name: string;
  readonly value: number | string;
}

interface NamedBins {
  readonly name: string;
  readonly totals: readonly { readonly lower_bound: number; readonly count: number }[];
}

/** Everything that Envoy tells about its stats, at one moment. */
interface Pages {
  readonly counters: readonly NamedValue[];
  readonly gauges: readonly NamedValue[];
  readonly histograms: readonly NamedBins[];
  readonly texts: readonly NamedValue[];
  /** Names of counters and gauges that were ever written. */
  readonly used: ReadonlySet<string>;
}

describe("stats pages beside a real Envoy", { skip: envoy.skip }, () => {
  const upstream = new ScriptedUpstream("backend");
  let folder = "";
  let proxy: ProxyProcess;
  let reader: StatsReader;
  /** Names whose values stand still while we look: not those that our own looking changes. */
  let stable: (name: string) => boolean;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "stats-"));
    await upstream.start();
    upstream.play({ replies: [200, 204, 302, 404, 503].map((status) => reply(status, "")) });
    const ports = await freePorts(5);
    proxy = await startEnvoy(folder, ports, upstream.port);
    await sendTraffic(ports[1] as number, ports[2] as number);
    await proxy.admin("/stats");
    const pages = await fetchPages(proxy);
    reader = readerOf(pages);
    const later = valuesByName(await fetchPages(proxy));
    const earlier = valuesByName(pages);
    stable = (name) =>
      !/admin|^server\.|filesystem/.test(name) && earlier.get(name) === later.get(name);
  });

  after(async () => {
    await proxy?.stop();
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("sees internal requests and names of the caller's choice in this traffic", async () => {
    const page = (await proxy.admin("/stats/prometheus")).body;
    assert.match(page, /envoy_grpc_bridge_method="Method",envoy_grpc_bridge_service="svc"/);
    assert.match(page, /envoy_cluster_internal_upstream_rq_completed\S* [1-9]/);
    assert.match(page, /envoy_rbac_policy_name="shadowed"/);
  });

  it("writes the same text page", async () => {
    for (const mode of ["summary", "cumulative", "disjoint", "detailed"] as const) {
      const theirs = (await proxy.admin(`/stats?histogram_buckets=${mode}`)).body;
      const query: StatsQuery = { ...DEFAULT_STATS_QUERY, histogramBuckets: mode };
      const ours = [...renderStatsText(reader.stats(), query, BUCKETS)].join("");
      assert.deepEqual(lines(ours, stable), lines(theirs, stable), mode);
    }
  });

  it("writes the same JSON page", async () => {
    for (const mode of ["summary", "cumulative", "disjoint", "detailed"] as const) {
      const path = `/stats?format=json&usedonly&filter=cluster&histogram_buckets=${mode}`;
      const theirs = JSON.parse((await proxy.admin(path)).body) as object;
      const query: StatsQuery = {
        ...DEFAULT_STATS_QUERY,
        usedOnly: true,
        filter: (name) => name.includes("cluster"),
        histogramBuckets: mode,
      };
      const ours = JSON.parse(
        [...renderStatsJson(reader.stats(), query, BUCKETS)].join(""),
      ) as object;
      assert.deepEqual(ours, theirs, mode);
    }
  });

  for (const [path, change] of PROMETHEUS_QUERIES) {
    it(`exposes the same samples for /stats/prometheus${path}`, async () => {
      const theirs = (await proxy.admin(`/stats/prometheus${path}`)).body;
      const renderer = new PrometheusRenderer(reader, new TagProducer(), BUCKETS);
      const query: StatsQuery = {
        ...DEFAULT_STATS_QUERY,
        histogramBuckets: "cumulative",
        ...change,
      };
      let ours = "";
      for await (const piece of renderer.render(query)) ours += piece;
      const unstable = unstableFamilies(reader, stable);
      // What our own looking changes may be used for the first time between two looks.
      const moving = query.usedOnly ? "drop" : "keep";
      const parse = (page: string): Record<string, Family> =>
        parseExposition(page, unstable, moving);
      assert.deepEqual(parse(ours), parse(theirs));
    });
  }
});

async function startEnvoy(
  folder: string,
  ports: readonly number[],
  upstreamPort: number,
): Promise<ProxyProcess> {
  const files = { routes: join(folder, "routes.json"), secret: join(folder, "secret.json") };
  writeFileSync(files.routes, JSON.stringify(routesFile()));
  writeFileSync(files.secret, JSON.stringify(secretFile()));
  const config = join(folder, "bootstrap.json");
  writeFileSync(config, JSON.stringify(statsBootstrap(ports, upstreamPort, files)));
  const extra = ["--use-dynamic-base-id", "--concurrency", "2"];
  return ProxyProcess.start(envoyCommand(envoy.path), config, ports[0] as number, extra);
}

/** Several codes, body sizes, categories and paths, one after the other. */
async function sendTraffic(first: number, second: number): Promise<void> {
  for (const [i, size] of BODY_SIZES.entries()) {
    const port = i % 2 === 0 ? first : second;
    const headers = {
      "x-envoy-upstream-alt-stat-name": "grpc.svc.Method",
      connection: "close",
      // An internal request may choose the alternative name and counts under `internal.`.
      ...(i % 2 === 0 ? { "x-forwarded-for": "10.0.0.1" } : {}),
    };
    const path = ["/vc/x", "/", "/other"][i % 3];
    const request = {
      method: "POST",
      body: "x".repeat(size),
      headers,
      redirect: "manual" as const,
    };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, request);
    await answer.arrayBuffer();
  }
  await fetch(`http://127.0.0.1:${first}/direct`, { headers: { connection: "close" } });
}

async function fetchPages(proxy: ProxyProcess): Promise<Pages> {
  const usedPage = JSON.parse((await proxy.admin("/stats?format=json&usedonly")).body) as {
    stats: NamedValue[];
  };
  const list = async (type: string): Promise<readonly NamedValue[]> => {
    const { body } = await proxy.admin(`/stats?format=json&type=${type}`);
    return (JSON.parse(body) as { stats: NamedValue[] }).stats;
  };
  const path = "/stats?format=json&type=Histograms&histogram_buckets=detailed";
  const page = JSON.parse((await proxy.admin(path)).body) as {
    stats: [{ histograms: { details: NamedBins[] } }];
  };
  return {
    counters: await list("Counters"),
    gauges: await list("Gauges"),
    texts: await list("TextReadouts"),
    used: new Set(usedPage.stats.map((stat) => stat.name)),
    histograms: page.stats[0].histograms.details,
  };
}

function valuesByName(pages: Pages): Map<string, string> {
  const plain = [...pages.counters, ...pages.gauges, ...pages.texts];
  return new Map([
    ...plain.map(({ name, value }) => [name, String(value)] as const),
    ...pages.histograms.map(({ name, totals }) => [name, JSON.stringify(totals)] as const),
  ]);
}

/** Our own store with the same contents. */
function readerOf(pages: Pages): StatsReader {
  const store = new StatsStore(new StatSlab());
  const { root } = store;
  for (const { name, value } of pages.counters) {
    const counter = root.counter(name);
    if (pages.used.has(name)) counter.add(Number(value));
  }
  for (const { name, value } of pages.gauges) {
    const gauge = root.gauge(name);
    if (pages.used.has(name)) gauge.set(Number(value));
  }
  for (const { name, value } of pages.texts) root.textReadout(name).set(String(value));
  for (const { name, totals } of pages.histograms) {
    const unit: HistogramUnit = name.includes("percent") ? "percent" : "unspecified";
    const histogram = root.histogram(name, unit);
    for (const bin of totals) {
      const value = Math.round(bin.lower_bound * (unit === "percent" ? 1e6 : 1));
      for (let i = 0; i < bin.count; i++) histogram.record(value);
    }
  }
  const reader = new StatsReader();
  reader.addSlab(store.slab);
  for (let i = 0; i < 2; i++) reader.rotateIntervals();
  return reader;
}

/** Lines about stable names; the indented lines of the detailed form belong to the name above. */
function lines(page: string, stable: (name: string) => boolean): string[] {
  let keep = false;
  const kept = page.split("\n").filter((line) => {
    if (!line.startsWith("  ")) keep = stable(line.slice(0, line.indexOf(":")));
    return keep;
  });
  // Our cells are doubles: hashes and "unlimited" lose their last digits.
  return kept.map((line) => line.replace(/: (\d{17,})$/, (_, digits) => `: ${Number(digits)}`));
}

/** The Prometheus families that hold a stat whose value moves. */
function unstableFamilies(
  reader: StatsReader,
  stable: (name: string) => boolean,
): (family: string) => boolean {
  const producer = new TagProducer();
  const moving = reader.stats().filter((stat) => !stable(stat.name));
  const families = new Set(
    moving.map((stat) => `envoy_${producer.produce(stat.name).family.replace(/\W/g, "_")}`),
  );
  return (family) => families.has(family);
}

type Family = { readonly type: string; readonly samples: Record<string, number | string> };

/** Families by name; samples by name and labels in their order. Moving values are left out. */
function parseExposition(
  page: string,
  unstable: (family: string) => boolean,
  movingFamilies: "keep" | "drop",
): Record<string, Family> {
  const families: Record<string, Family> = {};
  let current: Family = { type: "", samples: {} };
  let moving = false;
  for (const line of page.split("\n")) {
    if (line.startsWith("# TYPE ")) {
      const [, , name = "", type = ""] = line.split(" ");
      current = { type, samples: {} };
      moving = unstable(name);
      if (!moving || movingFamilies === "keep") families[name] = current;
    } else if (line !== "" && !line.startsWith("#")) {
      const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
      assert.ok(match, `a sample: ${line}`);
      const key = `${match[1]}{${plainNumbers(match[2] ?? "")}}`;
      current.samples[key] = moving ? "moving" : Number(match[3]?.replace(/^nan$/i, "NaN"));
    }
  }
  return families;
}

/** Envoy writes bounds with 32 digits. */
function plainNumbers(labels: string): string {
  return labels.replace(/(le|quantile)="([\d.]+)"/g, (_, name, n) => `${name}="${Number(n)}"`);
}
