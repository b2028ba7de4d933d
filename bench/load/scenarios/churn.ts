// S9 and S10: endpoints and routes change a hundred times a second, by renamed files, under load.
// No request may fail; what else it costs is shown: p99, CPU, how many changes were applied, and
// how long after the last one it was in effect.
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Entry, type Lab, requestMetrics } from "../lab.ts";
import { adminText, answerOf } from "../processes/spawn.ts";
import type { Sample, Verdict } from "../report/result.ts";
import { getShape } from "../request.ts";
import {
  assignment,
  fileCluster,
  fileRoutes,
  meshBootstrap,
  resourceFile,
  versionedRoutes,
} from "../targets/mesh-config.ts";
import { type Bar, judgeBars } from "./judge.ts";
import { isWanted, rotate, type Scenario } from "./scenario.ts";

interface ChurnCase {
  readonly name: string;
  readonly endpoints: boolean;
  readonly routes: boolean;
}

const CASES: readonly ChurnCase[] = [
  { name: "nothing changes", endpoints: false, routes: false },
  { name: "endpoints change 100/s", endpoints: true, routes: false },
  { name: "routes change 100/s", endpoints: false, routes: true },
];

const CHANGES_PER_SECOND = 100;
const REQUESTS_PER_SECOND = 2000;
const CONNECTIONS = 64;
const SHAPE = getShape(1024);
/** Longest wait for the last change to be in effect. */
const SETTLE_MS = 10_000;

export const churn: Scenario = {
  id: "churn",
  title: "S9/S10 endpoints and routes change 100/s under 2000 rps",

  async run(lab: Lab): Promise<void> {
    const wanted = CASES.filter((one) => isWanted(lab, one.name));
    if (wanted.length === 0) return;
    const hosts = await lab.openHosts();
    const files = new Map<number, ChurnFiles>();
    const entries = await lab.startTargets(
      {
        mode: "http",
        upstreamPort: hosts.ports[0] as number,
        bootstrap: (values, folder) => {
          const own = new ChurnFiles(folder, hosts.ports);
          files.set(values.listenerPort, own);
          return meshBootstrap(values, fileCluster(own.endpoints), fileRoutes(own.routes));
        },
      },
      ["envoy", "outrigger"],
    );
    try {
      for (const entry of entries) {
        await lab.saturate(entry, SHAPE, CONNECTIONS, lab.options.warmupSeconds);
      }
      for (const one of wanted) {
        for (let round = 0; round < lab.options.repeat; round++) {
          for (const entry of rotate(entries, round)) {
            lab.progress(`churn · ${one.name} · round ${round + 1} · ${entry.label}`);
            await measure(lab, entry, files.get(entry.running.port) as ChurnFiles, one, round);
          }
        }
      }
    } finally {
      await lab.stopTargets(entries);
    }
  },

  judge(lab: Lab): readonly Verdict[] {
    const builds = [...new Set(lab.samples.map((sample) => sample.target))].filter((target) =>
      /^outrigger(:[^ ]*)?$/.test(target),
    );
    return builds.flatMap((target) => [
      ...CASES.map(({ name }) => judgeLosses(lab.samples, target, name)),
      ...judgeBars(lab.samples, "churn", target, BARS),
    ]);
  },
};

/** Every request counts: a median would forgive. */
export function judgeLosses(samples: readonly Sample[], target: string, name: string): Verdict {
  const own = samples.filter(
    (one) => one.scenario === "churn" && one.case === name && one.target === target,
  );
  const failed = own.reduce((sum, one) => sum + (one.metrics["errors"] ?? 0), 0);
  const text = `${target}: failed requests, ${name}`;
  const pass = own.length === 0 ? null : failed === 0;
  return { text, measured: own.length === 0 ? "not measured" : String(failed), bar: "0", pass };
}

const BARS: readonly Bar[] = CASES.filter((one) => one.routes).map(({ name }) => ({
  text: `last change in effect, ms, ${name}`,
  case: name,
  metric: "settleMs",
  atMost: 2000,
}));

/** The files of one target; each change is a new file renamed over the old one. */
class ChurnFiles {
  readonly endpoints: string;
  readonly routes: string;
  readonly #ports: readonly number[];
  readonly #temporary: string;
  version = 0;

  constructor(folder: string, ports: readonly number[]) {
    this.endpoints = join(folder, "endpoints.json");
    this.routes = join(folder, "routes.json");
    this.#temporary = join(folder, "next.tmp");
    this.#ports = ports;
    this.change(true, true);
  }

  /** Another host is missing, another version is in the routes. */
  change(endpoints: boolean, routing: boolean): void {
    this.version++;
    const left = this.#ports.filter((_, index) => index !== this.version % this.#ports.length);
    if (endpoints) this.#write(this.endpoints, resourceFile(this.version, assignment(left)));
    if (routing) {
      this.#write(this.routes, resourceFile(this.version, versionedRoutes(this.version)));
    }
  }

  #write(path: string, text: string): void {
    writeFileSync(this.#temporary, text);
    renameSync(this.#temporary, path);
  }
}

async function measure(
  lab: Lab,
  entry: Entry,
  files: ChurnFiles,
  one: ChurnCase,
  round: number,
): Promise<void> {
  const { seconds } = lab.options;
  const before = await updates(entry);
  const firstVersion = files.version;
  const { value, othersPercent } = await lab.undisturbed(async () => {
    const changing = changeFor(files, one, seconds);
    const measured = await lab.measure(entry, () =>
      lab.generator.run({
        kind: "open",
        port: entry.running.port,
        connections: CONNECTIONS,
        seconds,
        requestsPerSecond: REQUESTS_PER_SECOND,
        shape: SHAPE,
        seed: round + 1,
        pooled: true,
      }),
    );
    await changing;
    return measured;
  });
  const settleMs = one.routes ? await untilServed(entry, files) : 0;
  const changes = files.version - firstVersion;
  const applied = (await updates(entry)) - before;
  lab.samples.push({
    scenario: "churn",
    case: one.name,
    target: entry.label,
    round,
    engine: value.result.engine,
    metrics: {
      ...requestMetrics(entry, value),
      ...(changes > 0 ? { changesWritten: changes, changesApplied: applied } : {}),
      ...(one.routes ? { settleMs } : {}),
      othersPercent,
    },
    ...(value.result.histogram === undefined ? {} : { histogram: value.result.histogram }),
  });
}

async function changeFor(files: ChurnFiles, one: ChurnCase, seconds: number): Promise<void> {
  if (!one.endpoints && !one.routes) return;
  const begin = performance.now();
  const total = seconds * CHANGES_PER_SECOND;
  for (let done = 0; done < total; done++) {
    const due = begin + (done * 1000) / CHANGES_PER_SECOND;
    await sleep(Math.max(0, due - performance.now()));
    files.change(one.endpoints, one.routes);
  }
}

/** Milliseconds until the newest version of the routes answers. */
async function untilServed(entry: Entry, files: ChurnFiles): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < SETTLE_MS) {
    if ((await answerOf(entry.running.port, "/version")) === String(files.version)) break;
    await sleep(2);
  }
  return performance.now() - begin;
}

/** Applied updates of endpoints and routes so far. */
async function updates(entry: Entry): Promise<number> {
  const text = await adminText(entry.running.adminPort ?? 0, "/stats");
  const lines = text.matchAll(
    /^(?:cluster\.upstream|http\.ingress_http\.rds\.\w+)\.update_success: (\d+)$/gm,
  );
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}
