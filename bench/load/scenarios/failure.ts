// S11: one of ten hosts fails in some way, under retries and ejection as a mesh configures them.
// The load is open-loop at a fixed rate; what counts is what the client sees: errors and p99.
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, Hosts } from "../hosts-process.ts";
import { type Entry, type Lab, requestMetrics } from "../lab.ts";
import { adminText } from "../processes/spawn.ts";
import { noiseOf, type Sample, spreadFor, type Verdict } from "../report/result.ts";
import { getShape } from "../request.ts";
import { meshBootstrap, PEAK_EWMA, staticCluster } from "../targets/mesh-config.ts";
import { isWanted, rotate, type Scenario } from "./scenario.ts";

export interface FailureCase {
  readonly name: string;
  readonly fault: Fault;
}

const HEALTHY = "all healthy";
const SLOW = "one host 200 ms late";

/** The bad host takes a tenth of the load when nobody notices. */
export const FAILURE_CASES: readonly FailureCase[] = [
  { name: HEALTHY, fault: "healthy" },
  { name: "one host resets", fault: "reset" },
  { name: "one host swallows everything", fault: "blackhole" },
  { name: "one host answers 503", fault: "503" },
  { name: SLOW, fault: "slow" },
  { name: "one host reads and never answers", fault: "half-open" },
  { name: "one host up and down by the second", fault: "flapping" },
];

/** Cases of the latency-aware policy, which only we have. */
const EWMA_CASES: readonly string[] = [HEALTHY, SLOW];
const EWMA_LABEL = "outrigger, peak EWMA";

const REQUESTS_PER_SECOND = 1000;
const CONNECTIONS = 128;
/**
 * Longer runs would not fit into ten minutes; shorter ones would not see a flapping host come up.
 */
const MOST_SECONDS = 4;
const LEAST_FLAPPING_SECONDS = 3;
const MOST_P99 = 1.1;
const SHAPE = getShape(1024);

export const failure: Scenario = {
  id: "s11",
  title: "S11 one of ten hosts fails: retries, ejection, 1000 rps open loop",

  async run(lab: Lab): Promise<void> {
    const wanted = FAILURE_CASES.filter((one) => isWanted(lab, one.name));
    if (wanted.length === 0) return;
    const hosts = await lab.openHosts();
    const setup = (fields: Readonly<Record<string, unknown>>) => ({
      mode: "http" as const,
      upstreamPort: hosts.ports[0] as number,
      bootstrap: (values: Parameters<typeof meshBootstrap>[0]) =>
        meshBootstrap(values, staticCluster(hosts.ports, fields)),
    });
    const entries = [...(await lab.startTargets(setup({}), ["envoy", "outrigger"]))];
    const aware = await startAware(lab, setup(PEAK_EWMA));
    try {
      for (const entry of [...entries, ...aware]) await warmUp(lab, entry);
      for (const one of wanted) {
        const all = EWMA_CASES.includes(one.name) ? [...entries, ...aware] : entries;
        for (let round = 0; round < lab.options.repeat; round++) {
          for (const entry of rotate(all, round)) {
            lab.progress(`s11 · ${one.name} · round ${round + 1} · ${entry.label}`);
            await measureFault(lab, hosts, entry, one, round);
          }
        }
      }
    } finally {
      await hosts.fault("healthy");
      await lab.stopTargets([...entries, ...aware]);
    }
  },

  judge: (lab: Lab): readonly Verdict[] => judgeFailure(lab.samples),
};

async function startAware(
  lab: Lab,
  setup: Parameters<Lab["startOne"]>[1],
): Promise<readonly Entry[]> {
  const target = lab.selectTargets(["outrigger"])[0];
  if (target === undefined) return [];
  const running = await lab.startOne(target, setup);
  return running === null ? [] : [{ label: EWMA_LABEL, target, running }];
}

function closedLoop(lab: Lab, entry: Entry, seconds: number): Promise<unknown> {
  const { port } = entry.running;
  return lab.generator.run({ kind: "closed", port, connections: 32, seconds, shape: SHAPE });
}

async function warmUp(lab: Lab, entry: Entry): Promise<void> {
  lab.progress(`warming up ${entry.label}`);
  await closedLoop(lab, entry, lab.options.warmupSeconds);
}

/** Every run starts with all hosts in and connections open; then the fault comes. */
async function measureFault(
  lab: Lab,
  hosts: Hosts,
  entry: Entry,
  { name, fault }: FailureCase,
  round: number,
): Promise<void> {
  await hosts.fault("healthy");
  await nobodyEjected(entry);
  await closedLoop(lab, entry, 0.3);
  const least = fault === "flapping" ? LEAST_FLAPPING_SECONDS : 0;
  const seconds = Math.max(least, Math.min(MOST_SECONDS, lab.options.seconds));
  const { value, othersPercent } = await lab.undisturbed(async () => {
    // Before the fault: a stopped host cannot be asked.
    await hosts.counts();
    await hosts.fault(fault);
    return lab.measure(entry, () =>
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
  });
  await hosts.fault("healthy");
  const counts = await hosts.counts();
  lab.samples.push({
    scenario: "s11",
    case: name,
    target: entry.label,
    round,
    engine: value.result.engine,
    metrics: {
      ...requestMetrics(entry, value),
      badHostRequests: counts.at(-1)?.requests ?? 0,
      othersPercent,
    },
    ...(value.result.histogram === undefined ? {} : { histogram: value.result.histogram }),
  });
}

/** Waits until the last run's ejection is over; without ejection there is nothing to wait for. */
async function nobodyEjected(entry: Entry): Promise<void> {
  const { adminPort } = entry.running;
  if (adminPort === undefined) return;
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const text = await adminText(adminPort, "/stats");
    if (!/outlier_detection\.ejections_active: [1-9]/.test(text)) return;
    await sleep(50);
  }
}

/**
 * Errors and p99 of each case against Envoy's; the latency-aware policy against its healthy self.
 */
export function judgeFailure(samples: readonly Sample[]): readonly Verdict[] {
  const names = FAILURE_CASES.map((one) => one.name);
  const builds = [...new Set(samples.map((sample) => sample.target))].filter(
    (target) => /^outrigger(:|$)/.test(target) && !target.endsWith("(A/A)"),
  );
  const measured = names.filter((name) => samples.some((sample) => sample.case === name));
  const verdicts = builds.flatMap((target) =>
    measured.flatMap((name) => [
      judgeErrors(samples, target, name),
      judgeP99(samples, target, name),
    ]),
  );
  const slow = p99(samples, EWMA_LABEL, SLOW);
  if (slow !== null) verdicts.push(judgeAware(samples, slow));
  return verdicts;
}

function judgeErrors(samples: readonly Sample[], target: string, name: string): Verdict {
  const own = errorsOf(samples, target, name);
  const envoy = errorsOf(samples, "envoy", name);
  return {
    text: `${target === "outrigger" ? "" : `${target}: `}errors, ${name}`,
    measured: `${own ?? "-"} (envoy ${envoy ?? "-"})`,
    bar: "≤ envoy",
    pass: own === null || envoy === null ? null : own <= envoy,
  };
}

function judgeP99(samples: readonly Sample[], target: string, name: string): Verdict {
  const own = p99(samples, target, name);
  const envoy = p99(samples, "envoy", name);
  const spread = noiseOf(ofCase(samples, name), "p99Micros") ?? 0;
  const limit = Math.max(MOST_P99, 1 + spread);
  return {
    text: `${target === "outrigger" ? "" : `${target}: `}p99 ms, ${name}`,
    measured: `${milliseconds(own)} (envoy ${milliseconds(envoy)})`,
    bar: `≤ ${limit.toFixed(2)}× envoy`,
    pass: own === null || envoy === null ? null : own <= limit * envoy,
  };
}

function judgeAware(samples: readonly Sample[], slow: number): Verdict {
  const healthy = p99(samples, EWMA_LABEL, HEALTHY);
  const spread = noiseOf(ofCase(samples, HEALTHY), "p99Micros") ?? 0;
  const limit = Math.max(MOST_P99, 1 + spread);
  return {
    text: `${EWMA_LABEL}: p99 ms, ${SLOW}`,
    measured: `${milliseconds(slow)} (all healthy ${milliseconds(healthy)})`,
    bar: `≤ ${limit.toFixed(2)}× all healthy`,
    pass: healthy === null ? null : slow <= limit * healthy,
  };
}

function ofCase(samples: readonly Sample[], name: string): readonly Sample[] {
  return samples.filter((one) => one.scenario === "s11" && one.case === name);
}

function p99(samples: readonly Sample[], target: string, name: string): number | null {
  return spreadFor(samples, { scenario: "s11", case: name, target }, "p99Micros")?.median ?? null;
}

function errorsOf(samples: readonly Sample[], target: string, name: string): number | null {
  const own = ofCase(samples, name).filter((sample) => sample.target === target);
  if (own.length === 0) return null;
  return own.reduce((sum, sample) => sum + (sample.metrics["errors"] ?? 0), 0);
}

const milliseconds = (micros: number | null): string =>
  micros === null ? "-" : (micros / 1000).toFixed(1);
