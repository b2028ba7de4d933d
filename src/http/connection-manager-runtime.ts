/** What all connections of one HTTP connection manager share on one data plane. */
import type { RequestParser } from "../codec/h1/request-parser.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { DrainDecision } from "../network/drain-decision.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { TimerPool } from "../platform/timer-pool.ts";
import type { RouteTable } from "../route/route.ts";
import type { ClusterManager } from "../upstream/cluster.ts";
import type { AccessLogger } from "./access-log.ts";
import type { ConnectionManagerConfig } from "./connection-manager-config.ts";
import type { ConnectionManagerStats } from "./connection-manager-stats.ts";
import type { DateProvider } from "./date-provider.ts";
import type { EarlyHeaderMutation } from "./early-header-mutation.ts";
import type { LocalReplyMapper } from "./local-reply.ts";
import type { HttpFilterEntry } from "./stream-filters.ts";

/** Where the route table comes from: inline, or a subscription that swaps it. */
export interface RouteSource {
  /** Null until the first table arrived. */
  current(): RouteTable | null;
}

export interface ConnectionManagerRuntime {
  readonly config: ConnectionManagerConfig;
  readonly dispatcher: Dispatcher;
  readonly stats: ConnectionManagerStats;
  readonly routes: RouteSource;
  readonly filters: readonly HttpFilterEntry[];
  readonly upgradeFilters: ReadonlyMap<string, readonly HttpFilterEntry[]>;
  readonly accessLoggers: readonly AccessLogger[];
  readonly localReplies: LocalReplyMapper;
  readonly earlyMutations: readonly EarlyHeaderMutation[];
  readonly drain: DrainDecision;
  readonly clusters: ClusterManager;
  /** Decides about tracing. */
  readonly features: RuntimeSnapshot;
  readonly date: DateProvider;
  readonly requestParser: RequestParser;
  /** `per_connection_buffer_limit_bytes` of the listener. */
  readonly bufferLimitBytes: number;
  /** Timers lent to streams, one pool per kind of delay. */
  readonly idleTimers: TimerPool;
  readonly requestTimers: TimerPool;
  readonly headTimers: TimerPool;
  readonly logTimers: TimerPool;
  readonly durationTimers: TimerPool;
}
