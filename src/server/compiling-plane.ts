/** A data plane that is never committed to: it compiles, and says what there is to configure. */
import { DEFAULT_RUNTIME } from "../config/runtime.ts";
import { UNLIMITED } from "../network/connection-limit.ts";
import { StatSlab } from "../stats/slab.ts";
import { createSilentScope, REJECT_ALL_STATS, StatsStore } from "../stats/stats-store.ts";
import { EMPTY_LOCALITY } from "../upstream/locality.ts";
import { createSharedUpstreamState, type LocalNode } from "../upstream/upstream-services.ts";
import { DataPlane, type DataPlanePlatform } from "./data-plane.ts";

const NOBODY: LocalNode = { locality: EMPTY_LOCALITY, clusterName: "" };

/** `stats` takes those of logs that the server itself opens. */
export function createCompilingPlane(
  platform: DataPlanePlatform,
  localNode: LocalNode = NOBODY,
  stats: StatsStore = new StatsStore(new StatSlab(), REJECT_ALL_STATS),
  logFlushIntervalMs: number = 0,
): DataPlane {
  const none = (): (() => void) => () => undefined;
  return new DataPlane(
    platform,
    {
      stats,
      configurationStats: createSilentScope(),
      shared: createSharedUpstreamState(1),
      runtime: DEFAULT_RUNTIME,
      node: { serviceCluster: "", serviceNode: "", localAddress: "" },
      drain: { drainTimeMs: 0, strategy: "gradual" },
      serverDrain: () => false,
      healthCheckFailed: () => false,
      globalLimit: UNLIMITED,
      endpoints: { subscribe: none },
      routes: { subscribe: none },
      sourceAddresses: [],
      localNode,
      outlierEventLogPath: "",
      logFlushIntervalMs,
      requestLogs: [],
    },
    { id: 0, dataPlanes: 1, bindsUnshared: true },
  );
}
