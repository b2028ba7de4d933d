import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../../../bench/load/report/result.ts";
import { judgeFailure } from "../../../bench/load/scenarios/failure.ts";

const sample = (target: string, name: string, round: number, p99: number, errors = 0): Sample => ({
  scenario: "s11",
  case: name,
  target,
  round,
  engine: "own open loop",
  metrics: { p99Micros: p99, errors },
});

const RESETS = "one host resets";
const SLOW = "one host 200 ms late";

test("errors are judged by their sum, p99 by its median, against envoy", () => {
  const verdicts = judgeFailure([
    sample("envoy", RESETS, 0, 10_000, 1),
    sample("envoy", RESETS, 1, 10_000, 1),
    sample("outrigger", RESETS, 0, 10_900, 0),
    sample("outrigger", RESETS, 1, 10_900, 3),
  ]);
  assert.deepEqual(
    verdicts.map(({ measured, pass }) => [measured, pass]),
    [
      ["3 (envoy 2)", false],
      ["10.9 (envoy 10.0)", true],
    ],
  );
});

test("the limit of p99 grows to what two runs of envoy lie apart", () => {
  const runs = (ours: number): readonly Sample[] => [
    sample("envoy", RESETS, 0, 10_000),
    sample("envoy (A/A)", RESETS, 0, 13_000),
    sample("outrigger", RESETS, 0, ours),
  ];
  assert.equal(judgeFailure(runs(12_900))[1]?.pass, true);
  assert.equal(judgeFailure(runs(13_100))[1]?.pass, false);
});

test("the latency-aware policy is judged by its own healthy run", () => {
  const aware = "outrigger, peak EWMA";
  const verdicts = judgeFailure([
    sample(aware, "all healthy", 0, 2_000),
    sample(aware, SLOW, 0, 2_300),
  ]);
  assert.equal(verdicts.length, 1);
  assert.equal(verdicts[0]?.pass, false);
});
