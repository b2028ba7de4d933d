/** What all routers of one connection manager share. */
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import type { HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { TimerPool } from "../../../platform/timer-pool.ts";
import type { RouterStats } from "../../../stats/groups/router-stats.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import type { RouterConfig } from "./config.ts";
import type { StatTrees } from "./stat-trees.ts";
import type { UpstreamLogging } from "./upstream-log.ts";

export interface RouterServices {
  readonly clusters: ClusterManager;
  /** The current snapshot. */
  readonly runtime: () => RuntimeSnapshot;
  readonly config: RouterConfig;
  readonly stats: RouterStats;
  readonly trees: StatTrees;
  /** Null when upstream attempts are not logged. */
  readonly upstreamLogging: UpstreamLogging | null;
  /** One pool per kind of delay. */
  readonly timeoutTimers: TimerPool;
  readonly tryTimers: TimerPool;
  readonly tryIdleTimers: TimerPool;
  readonly retryTimers: TimerPool;
  readonly durationTimers: TimerPool;
  /** A router for a copy of a request. */
  readonly createShadow: (callbacks: HttpFilterCallbacks) => HttpFilter;
  /** The machine's own IP address. */
  readonly localAddress: string;
}
