// Large bodies and TCP streams: bytes per CPU second of the proxy, and how much its memory grows
// meanwhile.
import type { LoadResult } from "../engines/load-result.ts";
import type { GeneratorJob } from "../generator/job.ts";
import type { Entry, Lab } from "../lab.ts";
import { readMemory } from "../processes/proc-stat.ts";
import type { RequestShape } from "../request.ts";
import { isWanted, rotate } from "./scenario.ts";

const SAMPLE_MS = 25;

export interface BulkCase {
  readonly name: string;
  readonly mode: "http" | "tcp";
  readonly upstreamPort: number;
  /** The load of one measured run against a port. */
  readonly job: (port: number) => GeneratorJob;
}

/** One case of `repeat` requests of one shape over one connection. */
export function httpBulkCase(
  lab: Lab,
  name: string,
  shape: RequestShape,
  requests: number,
): BulkCase {
  return {
    name,
    mode: "http",
    upstreamPort: lab.upstreamPort(shape),
    job: (port) => ({ kind: "count", port, connections: 1, requests, shape }),
  };
}

/** TCP streams of `bytes` down or up: so many at a time, each slot so many turns. */
export function tcpBulkCase(
  lab: Lab,
  direction: "down" | "up",
  bytes: number,
  connections: number,
  turns: number,
): BulkCase {
  return {
    name: `TCP ${direction}, ${connections} × ${Math.round(bytes / 2 ** 20)} MB`,
    mode: "tcp",
    upstreamPort: lab.tcpPort,
    job: (port) => ({ kind: "tcp", port, connections, direction, bytes, turns, seconds: 0 }),
  };
}

/** Runs bulk cases; every target gets 64 KB buffers where it has such a setting. */
export async function runBulkCases(
  lab: Lab,
  scenario: string,
  cases: readonly BulkCase[],
  only?: readonly string[],
): Promise<void> {
  const wanted = cases.filter((c) => isWanted(lab, c.name));
  const ports = new Set(wanted.map((c) => c.upstreamPort));
  for (const port of ports) {
    const ofPort = wanted.filter((c) => c.upstreamPort === port);
    const mode = ofPort[0]?.mode ?? "http";
    const entries = await lab.startTargets({ mode, upstreamPort: port, bulk: true }, only);
    try {
      for (const oneCase of ofPort) await runRounds(lab, scenario, oneCase, entries);
    } finally {
      await lab.stopTargets(entries);
    }
  }
}

async function runRounds(
  lab: Lab,
  scenario: string,
  oneCase: BulkCase,
  entries: readonly Entry[],
): Promise<void> {
  for (const entry of entries) await lab.generator.run(oneCase.job(entry.running.port));
  for (let round = 0; round < lab.options.repeat; round++) {
    for (const entry of rotate(entries, round)) {
      lab.progress(`${scenario} · ${oneCase.name} · round ${round + 1} · ${entry.label}`);
      await measureBulk(lab, entry, scenario, oneCase, round);
    }
  }
}

async function measureBulk(
  lab: Lab,
  entry: Entry,
  scenario: string,
  oneCase: BulkCase,
  round: number,
): Promise<void> {
  const growth = new GrowthWatch(entry);
  const { value, othersPercent } = await lab.undisturbed(() =>
    lab.measure(entry, () => lab.generator.run(oneCase.job(entry.running.port))),
  );
  const { result, cpuMicros } = value;
  if (result.errors > 0) lab.note(`errors in ${scenario} · ${oneCase.name} · ${entry.label}`);
  const metrics = bulkMetrics(result, cpuMicros);
  lab.samples.push({
    scenario,
    case: oneCase.name,
    target: entry.label,
    round,
    engine: result.engine,
    metrics: { ...metrics, ...growth.end(), othersPercent },
  });
}

function bulkMetrics(result: LoadResult, cpuMicros: number | null): Record<string, number> {
  const metrics: Record<string, number> = {
    megabytesPerSecond: result.bytes / result.seconds / 1e6,
    errors: result.errors,
  };
  if (cpuMicros !== null && cpuMicros > 0) {
    metrics["gigabytesPerCpuSecond"] = result.bytes / cpuMicros / 1000;
    metrics["busyPercent"] = cpuMicros / result.seconds / 10_000;
  }
  return metrics;
}

/** Watches how far RSS rises above where it stood. */
class GrowthWatch {
  readonly #pid: number | undefined;
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;
  #highest: number;

  constructor(entry: Entry) {
    this.#pid = entry.running.child?.pid;
    this.#before = this.#rss();
    this.#highest = this.#before;
    this.#timer = setInterval(() => {
      this.#highest = Math.max(this.#highest, this.#rss());
    }, SAMPLE_MS);
  }

  end(): Record<string, number> {
    clearInterval(this.#timer);
    if (this.#pid === undefined) return {};
    const highest = Math.max(this.#highest, this.#rss());
    return { rssGrowthMb: (highest - this.#before) / 1024, rssMb: highest / 1024 };
  }

  #rss(): number {
    return this.#pid === undefined ? 0 : (readMemory(this.#pid)?.rssKb ?? 0);
  }
}
