import assert from "node:assert/strict";
import { test } from "node:test";
import type { Metrics, Sample } from "../../../bench/load/report/result.ts";
import { judgeLosses } from "../../../bench/load/scenarios/churn.ts";
import { BASE, judgePlain } from "../../../bench/load/scenarios/plain.ts";

const sample = (scenario: string, target: string, round: number, metrics: Metrics): Sample => ({
  scenario,
  case: "a case",
  target,
  round,
  engine: "own open loop",
  metrics,
});

test("one failed request in one round is a miss", () => {
  const rounds = [0, 0, 1].map((errors, round) => sample("churn", "outrigger", round, { errors }));
  assert.equal(judgeLosses(rounds, "outrigger", "a case").pass, false);
  assert.equal(judgeLosses(rounds.slice(0, 2), "outrigger", "a case").pass, true);
  assert.equal(judgeLosses([], "outrigger", "a case").pass, null);
});

test("a build is compared with its base round by round, within what two runs of the base differ", () => {
  // Rounds drift; ratios do not.
  const rounds = (ours: number): readonly Sample[] =>
    [10, 20, 40].flatMap((base, round) => [
      sample("plain", BASE, round, { cpuMicrosPerRequest: base }),
      sample("plain", `${BASE} (A/A)`, round, { cpuMicrosPerRequest: base * (1 + round * 0.02) }),
      sample("plain", "outrigger", round, { cpuMicrosPerRequest: base * ours }),
    ]);
  const [within] = judgePlain(rounds(1.03));
  assert.equal(within?.pass, true);
  assert.match(within?.measured ?? "", /^1\.030× /);
  assert.equal(judgePlain(rounds(1.05))[0]?.pass, false);
});
