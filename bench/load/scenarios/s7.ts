// S7: idle connections: KB each, freshly accepted and after one request.
import { setTimeout as sleep } from "node:timers/promises";
import type { Entry, Lab } from "../lab.ts";
import { type Memory, readMemory } from "../processes/proc-stat.ts";
import { getShape } from "../request.ts";
import { isWanted, type Scenario } from "./scenario.ts";

const COUNTS: readonly number[] = [1000, 10_000];
const SHAPE = getShape(0);
/** Memory settles: allocators give back, collectors run. */
const SETTLE_MS = 2000;
/** Memory is steadier than time: more rounds than this only cost time. */
const MOST_ROUNDS = 3;

export const s7: Scenario = {
  id: "s7",
  title: "S7 idle connections",
  run: (lab: Lab): Promise<void> => runIdleCases(lab, "s7", COUNTS),
};

/** Name of a case: `10000 idle, after one request`. */
export function idleCaseName(count: number, used: boolean): string {
  return `${count} idle${used ? ", after one request" : ", just accepted"}`;
}

/** Each target and round gets a fresh process: memory that was once taken does not come back. */
export async function runIdleCases(
  lab: Lab,
  scenario: string,
  counts: readonly number[],
  only?: readonly string[],
): Promise<void> {
  const rounds = Math.min(MOST_ROUNDS, lab.options.repeat);
  for (const count of counts.filter((n) => isWanted(lab, idleCaseName(n, false)))) {
    for (let round = 0; round < rounds; round++) {
      for (const target of lab.selectTargets(only)) {
        if (target.name === "direct") continue;
        lab.progress(`${scenario} · ${count} idle · round ${round + 1} · ${target.name}`);
        const upstreamPort = lab.upstreamPort(SHAPE);
        const running = await lab.startOne(target, { mode: "http", upstreamPort });
        if (running === null) continue;
        const entry = { label: target.name, target, running };
        try {
          await measureIdle(lab, entry, scenario, count, round);
        } finally {
          await lab.stopTargets([entry]);
        }
      }
    }
  }
}

async function measureIdle(
  lab: Lab,
  entry: Entry,
  scenario: string,
  count: number,
  round: number,
): Promise<void> {
  const step = (which: "open" | "request" | "close") =>
    lab.generator.run({
      kind: "idle",
      port: entry.running.port,
      connections: count,
      step: which,
      shape: SHAPE,
    });
  // A first request, so that code loaded on demand and the upstream side are there before.
  await lab.saturate(entry, SHAPE, 16, 1);
  await sleep(SETTLE_MS);
  const before = memoryOf(entry);
  for (const used of [false, true]) {
    const result = await step(used ? "request" : "open");
    await sleep(SETTLE_MS);
    const after = memoryOf(entry);
    if (before === null || after === null) continue;
    const each = (pick: (memory: Memory) => number): number => (pick(after) - pick(before)) / count;
    lab.samples.push({
      scenario,
      case: idleCaseName(count, used),
      target: entry.label,
      round,
      engine: result.engine,
      metrics: {
        rssKbPerConnection: each((memory) => memory.rssKb),
        pssKbPerConnection: each((memory) => memory.pssKb),
        privateKbPerConnection: each((memory) => memory.privateDirtyKb),
        rssMb: after.rssKb / 1024,
        errors: result.errors + (count - result.completed),
      },
    });
  }
  await step("close");
}

function memoryOf(entry: Entry): Memory | null {
  const pid = entry.running.child?.pid;
  return pid === undefined ? null : readMemory(pid);
}
