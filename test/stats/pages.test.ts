import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HistogramBuckets } from "../../src/stats/histogram-buckets.ts";
import { renderStatsJson } from "../../src/stats/json.ts";
import { PrometheusRenderer } from "../../src/stats/prometheus.ts";
import { StatSlab } from "../../src/stats/slab.ts";
import {
  DEFAULT_STATS_QUERY,
  parseStatsQuery,
  type StatsQuery,
} from "../../src/stats/stats-query.ts";
import { StatsReader } from "../../src/stats/stats-reader.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";
import { TagProducer } from "../../src/stats/tags.ts";
import { renderStatsText, sixDigits } from "../../src/stats/text.ts";

const BUCKETS = new HistogramBuckets([{ matches: () => true, bounds: [1, 50, 2000000] }]);

function filled(): { store: StatsStore; reader: StatsReader } {
  const store = new StatsStore(new StatSlab());
  const { root } = store;
  root.counter("cluster.b.upstream_rq_200").add(3);
  root.counter("cluster.a.upstream_rq_503").add(1);
  root.counter("cluster.a.unused");
  root.gauge("server.live").set(1);
  root.textReadout("control_plane.identifier").set('say "hi"');
  root.histogram("cluster.a.upstream_rq_time", "milliseconds").record(10);
  root.histogram("http.h.downstream_rq_time", "milliseconds");
  const reader = new StatsReader();
  reader.addSlab(store.slab);
  return { store, reader };
}

function query(change: Partial<StatsQuery> = {}): StatsQuery {
  return { ...DEFAULT_STATS_QUERY, ...change };
}

function text(change: Partial<StatsQuery> = {}): string[] {
  const page = [...renderStatsText(filled().reader.stats(), query(change), BUCKETS)].join("");
  return page.split("\n").slice(0, -1);
}

function json(change: Partial<StatsQuery> = {}): unknown {
  const page = [...renderStatsJson(filled().reader.stats(), query(change), BUCKETS)].join("");
  return JSON.parse(page);
}

async function prometheus(change: Partial<StatsQuery> = {}): Promise<string[]> {
  const renderer = new PrometheusRenderer(filled().reader, new TagProducer(), BUCKETS);
  return pageLines(renderer, { histogramBuckets: "cumulative", ...change });
}

async function pageLines(
  renderer: PrometheusRenderer,
  change: Partial<StatsQuery>,
): Promise<string[]> {
  let page = "";
  for await (const piece of renderer.render(query(change))) page += piece;
  return page.split("\n").filter((line) => line !== "" && !line.startsWith("# HELP"));
}

describe("the text page", () => {
  it("lists text readouts, then counters and gauges, then histograms, each by name", () => {
    assert.deepEqual(text(), [
      'control_plane.identifier: "say "hi""',
      "cluster.a.unused: 0",
      "cluster.a.upstream_rq_503: 1",
      "cluster.b.upstream_rq_200: 3",
      "server.live: 1",
      "cluster.a.upstream_rq_time: P0(nan,10) P25(nan,10.25) P50(nan,10.5) P75(nan,10.75) P90(nan,10.9) P95(nan,10.95) P99(nan,10.99) P99.5(nan,10.995) P99.9(nan,10.999) P100(nan,11)",
      "http.h.downstream_rq_time: No recorded values",
    ]);
  });

  it("obeys usedonly, filter and type", () => {
    assert.ok(!text({ usedOnly: true }).some((line) => /unused|No recorded/.test(line)));
    assert.deepEqual(text({ filter: (name) => name.includes("live") }), ["server.live: 1"]);
    assert.deepEqual(text({ type: "Gauges" }), ["server.live: 1"]);
    assert.equal(text({ type: "Histograms" }).length, 2);
    assert.equal(text({ type: "TextReadouts" }).length, 1);
    assert.equal(text({ type: "Counters" }).length, 3);
  });

  it("shows buckets in each mode", () => {
    const only = (histogramBuckets: StatsQuery["histogramBuckets"]): string[] =>
      text({ histogramBuckets, type: "Histograms", usedOnly: true });
    const name = "cluster.a.upstream_rq_time:";
    assert.deepEqual(only("cumulative"), [`${name} B1(0,0) B50(0,1) B2e+06(0,1)`]);
    assert.deepEqual(only("disjoint"), [`${name} B1(0,0) B50(0,1) B2e+06(0,0)`]);
    assert.deepEqual(only("detailed").slice(0, 3), [name, "  totals=10,1:1", "  intervals="]);
  });

  it("yields between pieces of a long page", () => {
    const store = new StatsStore(new StatSlab());
    for (let i = 0; i < 2000; i++) store.root.counter(`c${i}`);
    const reader = new StatsReader();
    reader.addSlab(store.slab);
    const pieces = [...renderStatsText(reader.stats(), query(), BUCKETS)];
    assert.ok(pieces.length > 8);
    assert.ok(pieces.every((piece) => piece.length < 10_000));
  });

  it("prints numbers as %g does", () => {
    const cases: [number, string][] = [
      [0, "0"],
      [0.5, "0.5"],
      [300000, "300000"],
      [1800000, "1.8e+06"],
      [1234567, "1.23457e+06"],
      [1e15, "1e+15"],
      [0.00001, "1e-05"],
      [409.99999999999994, "410"],
    ];
    for (const [value, expected] of cases) assert.equal(sixDigits(value), expected);
  });
});

describe("the JSON page", () => {
  it("holds values, then one object with all histograms", () => {
    const { stats } = json() as { stats: Record<string, unknown>[] };
    assert.deepEqual(stats.slice(0, 5), [
      { name: "control_plane.identifier", value: 'say "hi"' },
      { name: "cluster.a.unused", value: 0 },
      { name: "cluster.a.upstream_rq_503", value: 1 },
      { name: "cluster.b.upstream_rq_200", value: 3 },
      { name: "server.live", value: 1 },
    ]);
    const { histograms } = stats[5] as {
      histograms: { computed_quantiles: { name: string; values: unknown[] }[] };
    };
    const [used, unused] = histograms.computed_quantiles;
    assert.equal(used?.name, "cluster.a.upstream_rq_time");
    assert.deepEqual(used?.values[1], { cumulative: 10.25, interval: null });
    assert.deepEqual(unused?.values[0], { cumulative: null, interval: null });
  });

  it("is an empty list when nothing matches", () => {
    assert.deepEqual(json({ filter: () => false }), { stats: [] });
  });

  it("is valid with histograms only, and without any", () => {
    assert.equal((json({ type: "Histograms" }) as { stats: unknown[] }).stats.length, 1);
    assert.equal((json({ type: "Counters" }) as { stats: unknown[] }).stats.length, 3);
  });

  it("shows buckets in each mode", () => {
    const only = (histogramBuckets: StatsQuery["histogramBuckets"]): unknown =>
      json({ histogramBuckets, type: "Histograms", usedOnly: true });
    const name = "cluster.a.upstream_rq_time";
    const buckets = (counts: readonly number[]): object[] =>
      [1, 50, 2000000].map((bound, i) => ({
        upper_bound: bound,
        interval: 0,
        cumulative: counts[i],
      }));
    assert.deepEqual(only("cumulative"), {
      stats: [{ histograms: [{ name, buckets: buckets([0, 1, 1]) }] }],
    });
    assert.deepEqual(only("disjoint"), {
      stats: [{ histograms: [{ name, buckets: buckets([0, 1, 0]) }] }],
    });
    const detailed = JSON.stringify(only("detailed"));
    assert.match(
      detailed,
      /"totals":\[\{"lower_bound":10,"width":1,"count":1\}\],"intervals":\[\]/,
    );
  });
});

describe("the Prometheus page", () => {
  it("groups stats into families with labels from their names", async () => {
    assert.deepEqual((await prometheus({ filter: (name) => !name.includes("time") })).sort(), [
      "# TYPE envoy_cluster_unused counter",
      "# TYPE envoy_cluster_upstream_rq counter",
      "# TYPE envoy_server_live gauge",
      'envoy_cluster_unused{envoy_cluster_name="a"} 0',
      'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="b"} 3',
      'envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="a"} 1',
      "envoy_server_live 1",
    ]);
  });

  it("writes histograms as buckets with sum and count", async () => {
    assert.deepEqual(
      await prometheus({ usedOnly: true, filter: (name) => name.includes("time") }),
      [
        "# TYPE envoy_cluster_upstream_rq_time histogram",
        'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="1"} 0',
        'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="50"} 1',
        'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="2000000"} 1',
        'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="+Inf"} 1',
        'envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="a"} 10.5',
        'envoy_cluster_upstream_rq_time_count{envoy_cluster_name="a"} 1',
      ],
    );
  });

  it("writes summaries when asked", async () => {
    const lines = await prometheus({
      histogramBuckets: "summary",
      filter: (n) => n.includes("h.d"),
    });
    assert.equal(lines[0], "# TYPE envoy_http_downstream_rq_time summary");
    assert.match(lines[1] ?? "", /\{envoy_http_conn_manager_prefix="h",quantile="0"\} nan$/i);
  });

  it("writes text readouts only when asked, with escaped text", async () => {
    const name = "envoy_control_plane_identifier";
    assert.ok(!(await prometheus()).some((line) => line.includes(name)));
    const lines = await prometheus({ textReadouts: true });
    assert.ok(lines.includes(`${name}{text_value="say \\"hi\\""} 0`));
  });

  it("shows new names and new values on the next look", async () => {
    const { store, reader } = filled();
    const renderer = new PrometheusRenderer(reader, new TagProducer(), BUCKETS);
    await pageLines(renderer, {});
    store.root.gauge("server.live").set(0);
    store.root.counter("cluster.new.x").inc();
    const lines = await pageLines(renderer, {});
    assert.ok(lines.includes("envoy_server_live 0"));
    assert.ok(lines.includes('envoy_cluster_x{envoy_cluster_name="new"} 1'));
  });

  it("writes a counter and a gauge of one name as two families", async () => {
    const store = new StatsStore(new StatSlab());
    store.root.counter("same").add(1);
    store.root.gauge("same").set(2);
    const reader = new StatsReader();
    reader.addSlab(store.slab);
    const renderer = new PrometheusRenderer(reader, new TagProducer(), BUCKETS);
    assert.deepEqual(await pageLines(renderer, {}), [
      "# TYPE envoy_same counter",
      "envoy_same 1",
      "# TYPE envoy_same gauge",
      "envoy_same 2",
    ]);
  });
});

describe("parseStatsQuery", () => {
  const compile = (pattern: string): ((name: string) => boolean) | null =>
    pattern.includes("[") ? null : (name) => name.includes(pattern);
  const parse = (search: string, prometheusPath = false): ReturnType<typeof parseStatsQuery> =>
    parseStatsQuery(new URLSearchParams(search), compile, prometheusPath);

  it("reads Envoy's parameters", () => {
    const parsed = parse("usedonly&filter=abc&format=json&type=Gauges&histogram_buckets=disjoint");
    assert.ok(parsed.ok);
    const { filter, ...rest } = parsed.query;
    assert.ok(filter?.("xabcx") === true && !filter("x"));
    assert.deepEqual(rest, {
      usedOnly: true,
      format: "json",
      type: "Gauges",
      histogramBuckets: "disjoint",
      textReadouts: false,
    });
  });

  it("shows quantiles by default, and buckets on the Prometheus page", () => {
    const text = parse("");
    const page = parse("text_readouts", true);
    const format = parse("format=prometheus");
    assert.ok(text.ok && page.ok && format.ok);
    assert.equal(text.query.histogramBuckets, "summary");
    assert.equal(text.query.filter, null);
    assert.deepEqual(
      [page.query.format, page.query.histogramBuckets, page.query.textReadouts],
      ["prometheus", "cumulative", true],
    );
    assert.equal(format.query.histogramBuckets, "cumulative");
  });

  it("refuses what Envoy refuses, in its words", () => {
    const cases: [string, RegExp][] = [
      ["format=yaml", /^usage: \/stats\?format=\(/],
      ["type=foo", /^invalid &type= param$/],
      ["histogram_buckets=foo", /^usage: \/stats\?histogram_buckets=\(cumulative\|disjoint\|/],
      ["filter=[", /^Invalid re2 regex$/],
    ];
    for (const [search, body] of cases) {
      const parsed = parse(search);
      assert.ok(!parsed.ok);
      assert.match(parsed.body, body);
    }
  });
});
