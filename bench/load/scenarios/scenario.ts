// What a scenario is, and the loop all request scenarios share: for each case, warm every target
// up, then measure them round by round, one after the other, so that drift hits all alike.
import type { LoadResult } from "../engines/load-result.ts";
import { type Entry, type Lab, requestMetrics } from "../lab.ts";
import { cpuMicrosBetween, readCpu } from "../processes/proc-stat.ts";
import type { Verdict } from "../report/result.ts";
import type { RequestShape } from "../request.ts";

export interface Scenario {
  readonly id: string;
  readonly title: string;
  run(lab: Lab): Promise<void>;
  /** Judges the samples, for scenarios with bars. */
  judge?(lab: Lab): readonly Verdict[];
}

export interface RequestCase {
  readonly name: string;
  readonly shape: RequestShape;
  readonly connections: number;
  /** Saturated when undefined. */
  readonly requestsPerSecond?: number;
}

/** Runs request cases on one set of target processes. */
export async function runRequestCases(
  lab: Lab,
  scenario: string,
  cases: readonly RequestCase[],
  only?: readonly string[],
): Promise<void> {
  const wanted = cases.filter((c) => isWanted(lab, c.name));
  const ports = new Set(wanted.map((c) => lab.upstreamPort(c.shape)));
  for (const port of ports) {
    const ofPort = wanted.filter((c) => lab.upstreamPort(c.shape) === port);
    const entries = await lab.startTargets({ mode: "http", upstreamPort: port }, only);
    await runOnEntries(lab, scenario, ofPort, entries);
  }
}

async function runOnEntries(
  lab: Lab,
  scenario: string,
  cases: readonly RequestCase[],
  entries: readonly Entry[],
): Promise<void> {
  try {
    for (const [index, oneCase] of cases.entries()) {
      await warmUp(lab, entries, oneCase, index === 0);
      for (let round = 0; round < lab.options.repeat; round++) {
        for (const entry of rotate(entries, round)) {
          lab.progress(
            `${scenario} · ${oneCase.name} · round ${round + 1}/${lab.options.repeat} · ${entry.label}`,
          );
          await measureCase(lab, entry, scenario, oneCase, round);
        }
      }
    }
  } finally {
    await lab.stopTargets(entries);
  }
}

/** True when `--case` lets this case through. */
export function isWanted(lab: Lab, name: string): boolean {
  const wanted = lab.options.cases;
  return wanted.length === 0 || wanted.some((text) => name.includes(text));
}

/** Each round starts with another target, so that none always follows the same neighbour. */
export function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

async function warmUp(
  lab: Lab,
  entries: readonly Entry[],
  oneCase: RequestCase,
  full: boolean,
): Promise<void> {
  const seconds = full ? lab.options.warmupSeconds : 1;
  for (const entry of entries) {
    lab.progress(`warming up ${entry.label}`);
    const connections = Math.max(oneCase.connections, 16);
    await lab.saturate(entry, { ...oneCase.shape }, connections, seconds);
  }
}

async function measureCase(
  lab: Lab,
  entry: Entry,
  scenario: string,
  oneCase: RequestCase,
  round: number,
): Promise<void> {
  const { value: measured, othersPercent } = await lab.undisturbed(() =>
    oneCase.requestsPerSecond === undefined
      ? lab.measure(entry, () =>
          lab.saturate(entry, oneCase.shape, oneCase.connections, lab.options.seconds),
        )
      : openLoop(lab, entry, oneCase, oneCase.requestsPerSecond, round),
  );
  const { result } = measured;
  if (result.errors > 0) {
    lab.note(`${result.errors} errors in ${scenario} · ${oneCase.name} · ${entry.label}`);
  }
  lab.samples.push({
    scenario,
    case: oneCase.name,
    target: entry.label,
    round,
    engine: result.engine,
    metrics: { ...requestMetrics(entry, measured), othersPercent },
    ...(result.histogram === undefined ? {} : { histogram: result.histogram }),
  });
}

async function openLoop(
  lab: Lab,
  entry: Entry,
  oneCase: RequestCase,
  requestsPerSecond: number,
  round: number,
): Promise<{ result: LoadResult; cpuMicros: number | null }> {
  const pid = entry.running.child?.pid;
  let before = pid === undefined ? null : readCpu(pid);
  // Few requests need a longer window to say anything.
  const seconds = Math.max(lab.options.seconds, Math.min(10, 200 / requestsPerSecond));
  const result = await lab.generator.run(
    {
      kind: "open",
      port: entry.running.port,
      connections: oneCase.connections,
      seconds,
      requestsPerSecond,
      shape: oneCase.shape,
      seed: round + 1,
    },
    () => {
      before = pid === undefined ? null : readCpu(pid);
    },
  );
  const after = pid === undefined ? null : readCpu(pid);
  const cpuMicros = before === null || after === null ? null : cpuMicrosBetween(before, after);
  return { result, cpuMicros };
}
