// S2: CPU and memory at fixed rates (anchors: Istio's cpu/mem suite, 16 connections), then beyond.
import type { Lab } from "../lab.ts";
import { getShape } from "../request.ts";
import { runRequestCases, type Scenario } from "./scenario.ts";

const RATES: readonly number[] = [10, 100, 200, 400, 800, 1000, 2000, 5000, 10_000];
/** What `--quick` keeps. */
const QUICK_RATES: readonly number[] = [100, 1000, 5000];

export const s2: Scenario = {
  id: "s2",
  title: "S2 CPU, memory and latency at fixed rates, 16 connections, 1 KB answers",
  run: (lab: Lab): Promise<void> =>
    runRequestCases(
      lab,
      "s2",
      (lab.options.quick ? QUICK_RATES : RATES).map((requestsPerSecond) => ({
        name: `${requestsPerSecond} rps`,
        shape: getShape(1024),
        connections: 16,
        requestsPerSecond,
      })),
    ),
};
