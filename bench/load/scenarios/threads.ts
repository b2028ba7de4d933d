// Data threads: two against one. CPU per request, how evenly connections and work are shared,
// memory under load, and whether a limit is exact across threads.
import { setTimeout as sleep } from "node:timers/promises";
import type { Hosts } from "../hosts-process.ts";
import { type Entry, type Lab, requestMetrics, type StartSetup } from "../lab.ts";
import { readThreadCpu } from "../processes/proc-stat.ts";
import { adminText } from "../processes/spawn.ts";
import type { Verdict } from "../report/result.ts";
import { getShape } from "../request.ts";
import { meshBootstrap, requestLimit, staticCluster } from "../targets/mesh-config.ts";
import { type Bar, judgeBars } from "./judge.ts";
import { isWanted, rotate, type Scenario } from "./scenario.ts";

const SATURATED = "64 connections saturated";
const LIMITED = "a limit of 10 requests, 64 connections";
const CONNECTIONS = 64;
const LIMIT = 10;
const SHAPE = getShape(1024);
/** Both threads and the load share all cores. */
const CORES = "0,1";

const twoThreads = (name: string): string => `${name}, 2 threads`;

export const threads: Scenario = {
  id: "threads",
  title: "Two data threads against one",

  async run(lab: Lab): Promise<void> {
    if (isWanted(lab, SATURATED)) await runSaturated(lab);
    if (isWanted(lab, LIMITED)) await runLimited(lab);
  },

  judge: (lab: Lab): readonly Verdict[] =>
    judgeBars(lab.samples, "threads", twoThreads("outrigger"), BARS),
};

const BARS: readonly Bar[] = [
  {
    text: "CPU per request of two threads against one",
    case: SATURATED,
    metric: "cpuMicrosPerRequest",
    versus: "outrigger",
    atMost: 1.1,
  },
  {
    text: "largest share of connections of a thread, %",
    case: SATURATED,
    metric: "connectionSharePercent",
    atMost: 65,
  },
  {
    text: "largest share of work of a thread, %",
    case: SATURATED,
    metric: "workSharePercent",
    atMost: 65,
  },
  { text: "RSS MB under load", case: SATURATED, metric: "rssMb", atMost: 120 },
  {
    text: `most requests at once under a limit of ${LIMIT}`,
    case: LIMITED,
    metric: "peakActive",
    atMost: LIMIT,
    atLeast: LIMIT,
  },
];

async function startBoth(lab: Lab, setup: StartSetup): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const target of lab.selectTargets(["envoy", "outrigger"])) {
    for (const concurrency of [1, 2]) {
      const label = concurrency === 1 ? target.name : twoThreads(target.name);
      const running = await lab.startOne(target, { ...setup, concurrency, cores: CORES });
      if (running !== null) entries.push({ label, target, running });
    }
  }
  return entries;
}

async function runSaturated(lab: Lab): Promise<void> {
  const upstreamPort = lab.upstreamPort(SHAPE);
  const entries = await startBoth(lab, { mode: "http", upstreamPort });
  try {
    for (const entry of entries) {
      await lab.saturate(entry, SHAPE, CONNECTIONS, lab.options.warmupSeconds);
    }
    for (let round = 0; round < lab.options.repeat; round++) {
      for (const entry of rotate(entries, round)) {
        lab.progress(`threads · ${SATURATED} · round ${round + 1} · ${entry.label}`);
        await measureSaturated(lab, entry, round);
      }
    }
  } finally {
    await lab.stopTargets(entries);
  }
}

async function measureSaturated(lab: Lab, entry: Entry, round: number): Promise<void> {
  const pid = entry.running.child?.pid ?? 0;
  const connections = await connectionsByWorker(entry);
  const work = readThreadCpu(pid);
  const { value, othersPercent } = await lab.undisturbed(() =>
    lab.measure(entry, () => lab.saturate(entry, SHAPE, CONNECTIONS, lab.options.seconds)),
  );
  lab.samples.push({
    scenario: "threads",
    case: SATURATED,
    target: entry.label,
    round,
    engine: value.result.engine,
    metrics: {
      ...requestMetrics(entry, value),
      connectionSharePercent: largestShare(connections, await connectionsByWorker(entry)),
      workSharePercent: largestShare(work, readThreadCpu(pid)),
      othersPercent,
    },
  });
}

/** The host is slow, so that requests pile up; it counts how many reach it at once. */
async function runLimited(lab: Lab): Promise<void> {
  const hosts = await lab.openHosts();
  const port = hosts.ports.at(-1) as number;
  const entries = await startBoth(lab, {
    mode: "http",
    upstreamPort: port,
    bootstrap: (values) => meshBootstrap(values, staticCluster([port], requestLimit(LIMIT))),
  });
  try {
    await hosts.fault("slow");
    for (const [round, entry] of entries.entries()) await measureLimit(lab, hosts, entry, round);
  } finally {
    await hosts.fault("healthy");
    await lab.stopTargets(entries);
  }
}

async function measureLimit(lab: Lab, hosts: Hosts, entry: Entry, round: number): Promise<void> {
  // Nothing of the run before is under way any more.
  await sleep(500);
  await hosts.counts();
  const result = await lab.generator.run({
    kind: "closed",
    port: entry.running.port,
    connections: CONNECTIONS,
    seconds: Math.min(3, lab.options.seconds),
    shape: SHAPE,
  });
  const counts = await hosts.counts();
  lab.samples.push({
    scenario: "threads",
    case: LIMITED,
    target: entry.label,
    round,
    engine: result.engine,
    metrics: {
      peakActive: counts.at(-1)?.peakActive ?? 0,
      requestsPerSecond: result.completed / result.seconds,
    },
  });
}

/** Accepted connections by `worker_N`. */
async function connectionsByWorker(entry: Entry): Promise<ReadonlyMap<string, number>> {
  const text = await adminText(entry.running.adminPort ?? 0, "/stats?filter=worker_");
  const lines = text.matchAll(/^listener\.[^\n]*worker_(\d+)\.downstream_cx_total: (\d+)$/gm);
  return new Map([...lines].map(([, worker, count]) => [worker as string, Number(count)]));
}

/** Share of the two that grew most, in per cent; 100 when only one grew. */
function largestShare(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): number {
  const grown = [...after].map(([name, value]) => value - (before.get(name) ?? 0));
  const [first = 0, second = 0] = grown.sort((a, b) => b - a);
  return first + second === 0 ? Number.NaN : (100 * first) / (first + second);
}
