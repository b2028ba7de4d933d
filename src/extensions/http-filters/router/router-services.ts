/** What all routers of one connection manager share. */
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import type { AccessLogger } from "../../../http/access-log.ts";
import type { TimerPool } from "../../../platform/timer-pool.ts";
import type { RouterStats } from "../../../stats/groups/router-stats.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import type { RouterConfig } from "./config.ts";
import type { StatTrees } from "./stat-trees.ts";

export interface RouterServices {
  readonly clusters: ClusterManager;
  /** The current snapshot. */
  readonly runtime: () => RuntimeSnapshot;
  readonly config: RouterConfig;
  readonly stats: RouterStats;
  readonly trees: StatTrees;
  readonly upstreamLoggers: readonly AccessLogger[];
  /** One pool per kind of delay. */
  readonly timeoutTimers: TimerPool;
  readonly tryTimers: TimerPool;
  readonly durationTimers: TimerPool;
}
