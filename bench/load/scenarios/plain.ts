// The plain route before and after a change: two builds side by side, so that a feature that nobody
// uses can be seen to cost nothing. Compared by ratios within a round; the base's own twin shows
// what chance alone does to such ratios.
import type { Lab } from "../lab.ts";
import { type Sample, spreadOf, twinName, type Verdict } from "../report/result.ts";
import { getShape } from "../request.ts";
import { type RequestCase, runRequestCases, type Scenario } from "./scenario.ts";

/** The build to compare with: `--base`. */
export const BASE = "outrigger-base";

const SHAPE = getShape(1024);
const CASES: readonly RequestCase[] = [
  { name: "32 connections saturated", shape: SHAPE, connections: 32 },
  { name: "1000 rps", shape: SHAPE, connections: 16, requestsPerSecond: 1000 },
  { name: "5000 rps", shape: SHAPE, connections: 16, requestsPerSecond: 5000 },
];

export const plain: Scenario = {
  id: "plain",
  title: "Plain route, this build against another one (--base)",
  run: (lab: Lab): Promise<void> => runRequestCases(lab, "plain", CASES, [BASE, "outrigger"]),
  judge: (lab: Lab): readonly Verdict[] => judgePlain(lab.samples),
};

/** The median ratio of CPU per request must lie within the A/A ratios of single rounds. */
export function judgePlain(samples: readonly Sample[]): readonly Verdict[] {
  const names = [...new Set(samples.filter((s) => s.scenario === "plain").map((s) => s.case))];
  return names.map((name) => {
    const ofCase = samples.filter((s) => s.scenario === "plain" && s.case === name);
    const text = `CPU per request against ${BASE}, ${name}`;
    const own = spreadOf(ratios(ofCase, "outrigger"));
    const chance = spreadOf(ratios(ofCase, twinName(BASE)));
    if (own === null || chance === null) {
      const measured = own === null ? "not measured" : "no A/A run";
      return { text, measured, bar: "within A/A", pass: null };
    }
    const limit = Math.max(chance.max, 1 / chance.min);
    const range = `${own.min.toFixed(3)}–${own.max.toFixed(3)}`;
    const measured = `${own.median.toFixed(3)}× (rounds ${range})`;
    return { text, measured, bar: `≤ ${limit.toFixed(3)}× (A/A)`, pass: own.median <= limit };
  });
}

/** CPU per request ÷ the base's, round by round. */
function ratios(samples: readonly Sample[], target: string): readonly number[] {
  const cpu = (who: string, round: number): number =>
    samples.find((s) => s.target === who && s.round === round)?.metrics["cpuMicrosPerRequest"] ??
    Number.NaN;
  const rounds = [...new Set(samples.map((s) => s.round))];
  return rounds.map((round) => cpu(target, round) / cpu(BASE, round));
}
