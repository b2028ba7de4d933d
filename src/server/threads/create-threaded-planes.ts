/** Builds the worker threads of a process and the shared memory under them. */
import type { LoggerRegistry } from "../../log/logger.ts";
import { createConnectionCount, reclaimConnectionCount } from "../../network/connection-limit.ts";
import type { SharedPorts } from "../../platform/shared-ports.ts";
import type { ThreadFactory } from "../../platform/threads.ts";
import { createWorkerStats } from "../../stats/groups/worker-stats.ts";
import type { StatsReader } from "../../stats/stats-reader.ts";
import type { StatsStore } from "../../stats/stats-store.ts";
import { createSharedUpstreamState, reclaimDataPlane } from "../../upstream/upstream-services.ts";
import type { BootstrapConfig } from "../bootstrap-config.ts";
import { createCompilingPlane } from "../compiling-plane.ts";
import { ConfigTurns } from "../config-turns.ts";
import type { DataPlanePlatform, PlainServices } from "../data-plane.ts";
import { DataPlanes } from "../data-planes.ts";
import type { NamedSubscriptions } from "../named-subscriptions.ts";
import type { LayeredRuntime } from "../runtime/layered-runtime.ts";
import type { ServerConditions } from "../server-conditions.ts";
import { ListenPorts } from "./listen-ports.ts";
import type { WorkerLog } from "./plane-messages.ts";
import { ThreadedPlanes } from "./threaded-planes.ts";

/** What the process gives to a server that runs worker threads. */
export interface PlaneThreads {
  /** For that many threads. */
  factory(threads: number): ThreadFactory;
  readonly ports: SharedPorts;
  readonly log: WorkerLog;
  /** A thread died: what it held of the process. */
  reclaim(id: number): void;
}

export interface ThreadedServices {
  readonly threads: PlaneThreads;
  readonly dataPlanes: number;
  readonly platform: DataPlanePlatform;
  readonly loggers: LoggerRegistry;
  /** This thread's. */
  readonly stats: StatsStore;
  readonly reader: StatsReader;
  readonly runtime: LayeredRuntime;
  readonly conditions: ServerConditions;
  readonly named: NamedSubscriptions;
  readonly plain: PlainServices;
}

export function createThreadedPlanes(
  config: BootstrapConfig,
  services: ThreadedServices,
): DataPlanes {
  const { threads, dataPlanes, runtime, conditions, loggers, stats } = services;
  const local = createCompilingPlane(
    services.platform,
    services.plain.localNode,
    stats,
    services.plain.logFlushIntervalMs,
  );
  const shared = createSharedUpstreamState(dataPlanes);
  const connectionCount = createConnectionCount(dataPlanes);
  const turns = new ConfigTurns();
  const source = new ThreadedPlanes(
    {
      threads: threads.factory(dataPlanes),
      ports: new ListenPorts(threads.ports, dataPlanes),
      named: services.named,
      root: stats.root,
      runtime: () => runtime.values(),
      conditions: () => conditions.state,
      levels: () => loggers.levels(),
      timers: local.dispatcher,
      turns,
      reader: services.reader,
      stats: createWorkerStats(stats.root.scope("server")),
      logger: loggers.get("main"),
      init: (id) => ({
        id,
        dataPlanes,
        shared,
        connectionCount,
        maxDownstreamConnections: config.maxDownstreamConnections,
        statsConfig: config.statsMessage,
        plain: services.plain,
        runtime: runtime.values(),
        conditions: conditions.state,
        levels: loggers.levels(),
        log: threads.log,
      }),
      reclaim: (id) => {
        reclaimConnectionCount(connectionCount, id);
        threads.reclaim(id);
        return reclaimDataPlane(shared, id);
      },
    },
    dataPlanes,
  );
  return new DataPlanes(local, source, turns);
}
