// Start: exec to ready, and memory when nothing has happened yet.
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../lab.ts";
import { readMemory } from "../processes/proc-stat.ts";
import { getShape } from "../request.ts";
import { isWanted, type Scenario } from "./scenario.ts";

export const START_CASE = "bare start, one route";
const SETTLE_MS = 2000;

export const start: Scenario = {
  id: "start",
  title: "Start: exec to ready, idle memory",
  run: (lab: Lab): Promise<void> => runStarts(lab, "start"),
};

/** Starts each target fresh, one after the other, `repeat` times. */
export async function runStarts(
  lab: Lab,
  scenario: string,
  only?: readonly string[],
): Promise<void> {
  if (!isWanted(lab, START_CASE)) return;
  const port = lab.upstreamPort(getShape(1024));
  for (let round = 0; round < lab.options.repeat; round++) {
    for (const target of lab.selectTargets(only)) {
      if (target.name === "direct") continue;
      lab.progress(`${scenario} · ${START_CASE} · round ${round + 1} · ${target.name}`);
      const running = await lab.startOne(target, {
        mode: "http",
        upstreamPort: port,
        direct: true,
      });
      if (running === null) continue;
      await sleep(SETTLE_MS);
      const memory = readMemory(running.child?.pid ?? 0);
      lab.samples.push({
        scenario,
        case: START_CASE,
        target: target.name,
        round,
        engine: "exec",
        metrics: {
          readyMs: running.readyMs,
          idleRssMb: (memory?.rssKb ?? Number.NaN) / 1024,
          idlePssMb: (memory?.pssKb ?? Number.NaN) / 1024,
          idlePrivateMb: (memory?.privateDirtyKb ?? Number.NaN) / 1024,
        },
      });
      await lab.stopTargets([{ label: target.name, target, running }]);
    }
  }
}
