import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createHistogram,
  encodeHistogram,
  mergeHistograms,
  recordMicros,
  summarise,
} from "../../../bench/load/generator/histogram.ts";
import { renderHtml } from "../../../bench/load/report/html.ts";
import {
  type BenchResult,
  noiseOf,
  type Sample,
  spreadOf,
  twinName,
} from "../../../bench/load/report/result.ts";
import { grid, renderTables, renderVerdicts } from "../../../bench/load/report/table.ts";
import { judgeBars } from "../../../bench/load/scenarios/judge.ts";
import { rotate } from "../../../bench/load/scenarios/scenario.ts";

function sample(target: string, round: number, cpu: number, name = "32 connections"): Sample {
  const metrics = { cpuMicrosPerRequest: cpu, requestsPerSecond: 1e6 / cpu, errors: 0 };
  return { scenario: "s3", case: name, target, round, engine: "wrk", metrics };
}

const SAMPLES: readonly Sample[] = [
  ...[16, 15, 17].map((cpu, round) => sample("nginx", round, cpu)),
  ...[30, 36, 33].map((cpu, round) => sample("envoy", round, cpu)),
  ...[20, 18, 19].map((cpu, round) => sample("outrigger", round, cpu)),
];

test("a spread is median, minimum and maximum of what could be measured", () => {
  assert.deepEqual(spreadOf([3, Number.NaN, 1, 2]), { median: 2, min: 1, max: 3, count: 3 });
  assert.equal(spreadOf([4, 2])?.median, 3);
  assert.equal(spreadOf([Number.NaN]), null);
});

test("noise is the gap between a target and its twin", () => {
  const twin = twinName("nginx");
  const samples = [...SAMPLES, sample(twin, 0, 17.6), sample(twin, 1, 17.6)];
  const nginxOnly = samples.filter((s) => s.target.startsWith("nginx"));
  assert.equal(noiseOf(nginxOnly, "cpuMicrosPerRequest")?.toFixed(3), "0.100");
});

test("without a twin, noise is the gap between even and odd rounds", () => {
  const samples = [sample("a", 0, 10), sample("a", 1, 12), sample("a", 2, 10)];
  assert.equal(noiseOf(samples, "cpuMicrosPerRequest")?.toFixed(3), "0.200");
  assert.equal(noiseOf([sample("a", 0, 10)], "cpuMicrosPerRequest"), null);
});

test("bars pass, miss, or say what was not measured", () => {
  const metric = "cpuMicrosPerRequest";
  const bar = { case: "32 connections", metric };
  const verdicts = judgeBars(SAMPLES, "s3", "outrigger", [
    { ...bar, text: "envoy", versus: "envoy", atMost: 1 },
    { ...bar, text: "nginx", versus: "nginx", atMost: 1.1 },
    { ...bar, text: "haproxy", versus: "haproxy", atMost: 1 },
    { ...bar, text: "at least", atLeast: 19 },
    { ...bar, text: "twice as good", versus: "envoy", atMost: 0.5 },
  ]);
  assert.deepEqual(
    verdicts.map(({ pass }) => pass),
    [true, false, null, true, false],
  );
  assert.match(verdicts[1]!.measured, /^1\.19× \(19\.00 \/ 16\.00/);
  assert.match(verdicts[2]!.measured, /haproxy was not measured/);
  assert.equal(verdicts[4]!.bar, "≥ 2.0× better than envoy");
  assert.match(renderVerdicts(verdicts), /nginx .*MISS/);
});

test("a table shows medians with ranges, and no column that nobody has", () => {
  const text = renderTables(SAMPLES);
  assert.match(text, /^s3 · 32 connections {2}\(engine wrk, 3 rounds, A\/A spread/);
  assert.match(text, /nginx +16\.0 \(15\.0–17\.0\)/);
  assert.doesNotMatch(text, /RSS/);
  assert.equal(
    grid([
      ["a", "b"],
      ["longer", "1"],
    ]),
    "a       b\nlonger  1",
  );
});

test("histograms of rounds merge, and survive their encoding", () => {
  const encoded = [100, 3000].map((micros) => {
    const histogram = createHistogram();
    for (let count = 0; count < 50; count++) recordMicros(histogram, micros);
    return encodeHistogram(histogram);
  });
  const merged = mergeHistograms(encoded);
  assert.equal(merged?.totalCount, 100);
  assert.equal(merged?.getValueAtPercentile(50), 100);
  assert.ok(Math.abs((merged?.getValueAtPercentile(99) ?? 0) - 3000) < 4);
  assert.equal(mergeHistograms([]), null);
});

test("a latency before its time counts as zero, an endless one as the maximum", () => {
  const histogram = createHistogram();
  recordMicros(histogram, -5);
  recordMicros(histogram, 1e12);
  assert.equal(summarise(createHistogram()), null);
  assert.ok((summarise(histogram)?.max ?? 0) >= 599_000_000);
});

test("the report is one file that loads nothing and escapes what it shows", () => {
  const histogram = createHistogram();
  recordMicros(histogram, 250);
  const samples = SAMPLES.map((s) => ({ ...s, histogram: encodeHistogram(histogram) }));
  const result: BenchResult = {
    startedAt: "2026-11-20T08:00:00.000Z",
    seconds: 12,
    commandLine: "npm run bench -- --scenario s3",
    machine: { cpu: "2 × <test>" },
    targets: [{ name: "nginx", version: "1.22", flags: "", missing: null }],
    notes: ["a <note>"],
    samples,
    verdicts: [{ text: "t", measured: "1", bar: "≤ 2", pass: true }],
  };
  const html = renderHtml(result);
  assert.match(html, /^<!doctype html>/);
  assert.equal(html.match(/<svg /g)?.length, 2);
  assert.doesNotMatch(html, /<script|src=|href=|https?:/);
  assert.match(html, /2 × &lt;test&gt;/);
  assert.match(html, /class="pass">PASS/);
});

test("each round starts with another target", () => {
  assert.deepEqual(rotate(["a", "b", "c"], 1), ["b", "c", "a"]);
  assert.deepEqual(rotate(["a", "b", "c"], 3), ["a", "b", "c"]);
  assert.deepEqual(rotate([], 2), []);
});
