// The acceptance matrix: what Outrigger promises about CPU, bulk, connections, memory and start-up,
// each line with its bar and PASS or MISS.
import type { Lab } from "../lab.ts";
import type { Verdict } from "../report/result.ts";
import { getShape } from "../request.ts";
import { type BulkCase, httpBulkCase, runBulkCases, tcpBulkCase } from "./bulk.ts";
import { type Bar, judgeBars } from "./judge.ts";
import { BULK_BYTES, downShape, upShape } from "./s5.ts";
import { CLOSE_CASE, CLOSE_SHAPE } from "./s6.ts";
import { idleCaseName, runIdleCases } from "./s7.ts";
import { type RequestCase, runRequestCases, type Scenario } from "./scenario.ts";
import { runStarts, START_CASE } from "./start.ts";

const SATURATED = "32 connections saturated";
const RATES: readonly number[] = [1000, 5000];
const RATE_CONNECTIONS = 16;
const IDLE_COUNT = 10_000;
const BODIES = 5;
const HTTP_DOWN = "100 MB bodies down";
const HTTP_UP = "100 MB bodies up";

const rateCase = (rate: number, placement: string): string => `${rate} rps fixed, ${placement}`;

export const accept: Scenario = {
  id: "accept",
  title: "Acceptance: one data thread, keep-alive, 1 KB, 11 request headers, log and stats on",

  async run(lab: Lab): Promise<void> {
    // A quick run measures only what its bars compare.
    const quick = lab.options.quick;
    const only = (...names: readonly string[]): readonly string[] | undefined =>
      quick ? ["outrigger", ...names] : undefined;
    const shape = getShape(1024);
    const saturated: RequestCase = { name: SATURATED, shape, connections: 32 };
    await runRequestCases(
      lab,
      "accept",
      [saturated],
      only("nginx", "envoy", "fast-proxy", "http-proxy-3"),
    );
    for (const placement of quick ? (["split"] as const) : (["split", "one core"] as const)) {
      lab.place(placement);
      const cases = RATES.map((rate) => ({
        name: rateCase(rate, placement),
        shape,
        connections: RATE_CONNECTIONS,
        requestsPerSecond: rate,
      }));
      await runRequestCases(lab, "accept", cases, only("nginx", "envoy"));
    }
    lab.place("split");
    await runBulkCases(lab, "accept", bulkCases(lab), only("haproxy"));
    const close: RequestCase = { name: CLOSE_CASE, shape: CLOSE_SHAPE, connections: 32 };
    await runRequestCases(lab, "accept", [close], only("nginx"));
    await runIdleCases(lab, "accept", [IDLE_COUNT], only());
    await runStarts(lab, "accept", only("envoy"));
  },

  judge(lab: Lab): readonly Verdict[] {
    const builds = lab.targets.filter((target) => target.name.split(":")[0] === "outrigger");
    const names = builds.length > 0 ? builds.map((target) => target.name) : ["outrigger"];
    const cases = new Set(lab.samples.map((sample) => sample.case));
    // One-core lines only where they were run.
    const bars = acceptBars(lab).filter(
      (bar) => !bar.case.includes("one core") || cases.has(bar.case),
    );
    return names.flatMap((name) => judgeBars(lab.samples, "accept", name, bars));
  },
};

function bulkCases(lab: Lab): readonly BulkCase[] {
  return [
    tcpBulkCase(lab, "down", BULK_BYTES, 1, BODIES),
    tcpBulkCase(lab, "up", BULK_BYTES, 1, BODIES),
    httpBulkCase(lab, HTTP_DOWN, downShape(BULK_BYTES, false), BODIES),
    httpBulkCase(lab, HTTP_UP, upShape(BULK_BYTES, false), BODIES),
  ];
}

function acceptBars(lab: Lab): readonly Bar[] {
  const cpu = (name: string, other: string, limit: number): Bar => ({
    text: `CPU per request, ${name}`,
    case: name,
    metric: "cpuMicrosPerRequest",
    versus: other,
    atMost: limit,
  });
  const bars: Bar[] = [cpu(SATURATED, "envoy", 1), cpu(SATURATED, "nginx", 1.3)];
  for (const placement of ["split", "one core"]) {
    for (const rate of RATES) {
      const name = rateCase(rate, placement);
      bars.push(cpu(name, "envoy", 1), cpu(name, "nginx", 1.4));
    }
  }
  bars.push(cpu(SATURATED, "fast-proxy", 1 / 1.5), cpu(SATURATED, "http-proxy-3", 1 / 2));
  for (const oneCase of bulkCases(lab)) {
    const { name, mode } = oneCase;
    const limit = mode === "tcp" ? 1 : 0.8;
    bars.push(
      {
        text: `Bytes per CPU second, ${name}`,
        case: name,
        metric: "gigabytesPerCpuSecond",
        versus: "haproxy",
        atLeast: limit,
      },
      { text: `RSS growth MB, ${name}`, case: name, metric: "rssGrowthMb", atMost: 15 },
    );
  }
  bars.push(cpu(CLOSE_CASE, "nginx", 2));
  for (const used of [false, true]) {
    const name = idleCaseName(IDLE_COUNT, used);
    bars.push({
      text: `KB RSS each, ${name}`,
      case: name,
      metric: "rssKbPerConnection",
      atMost: 8,
    });
  }
  bars.push(
    {
      text: "Idle RSS MB, bare start",
      case: START_CASE,
      metric: "idleRssMb",
      atMost: 65,
      beside: "envoy",
    },
    {
      text: "Exec to ready ms, bare start",
      case: START_CASE,
      metric: "readyMs",
      atMost: 150,
      beside: "envoy",
    },
  );
  return bars;
}
