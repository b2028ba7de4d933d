/**
 * The terminal HTTP filter: forwards to clusters. Envoy: `envoy.filters.http.router`
 * (source/common/router/router.cc, envoy.extensions.filters.http.router.v3.Router).
 */
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import type { HttpFilter } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { Timers } from "../../../platform/time.ts";
import { TimerPool } from "../../../platform/timer-pool.ts";
import type { Router as RouterMessage } from "../../../proto/generated/envoy/extensions/filters/http/router/v3.ts";
import { createRouterStats } from "../../../stats/groups/router-stats.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import { compileRouter, type RouterConfig, type UpstreamLogServices } from "./config.ts";
import { RouterFilter } from "./router-filter.ts";
import type { RouterServices } from "./router-services.ts";
import { StatTrees } from "./stat-trees.ts";
import type { UpstreamLogging } from "./upstream-log.ts";

/** The extension. `runtime` gives the current snapshot. */
export function router(
  clusters: ClusterManager,
  timers: Timers,
  runtime: () => RuntimeSnapshot,
  logs: UpstreamLogServices,
  localAddress: string,
): HttpFilterType {
  return defineHttpFilter<RouterMessage, RouterConfig>({
    name: "envoy.filters.http.router",
    messages: ["envoy.extensions.filters.http.router.v3.Router"],
    terminal: true,
    compile: (message, context) => compileRouter(message, logs, context),
    createFactory: (config, context) => {
      const services: RouterServices = {
        clusters,
        runtime,
        config,
        stats: createRouterStats(context.stats),
        trees: new StatTrees(context.rootStats),
        upstreamLogging: createLogging(config, logs),
        timeoutTimers: new TimerPool(timers),
        tryTimers: new TimerPool(timers),
        tryIdleTimers: new TimerPool(timers),
        retryTimers: new TimerPool(timers),
        durationTimers: new TimerPool(timers),
        createShadow: (callbacks) => new RouterFilter(ofShadows(), callbacks),
        localAddress,
      };
      const ofShadows = shadowServices(services, context.rootStats);
      return { create: (callbacks): HttpFilter => new RouterFilter(services, callbacks) };
    },
  });
}

const SHADOW_CONFIG: RouterConfig = {
  suppressEnvoyHeaders: false,
  respectExpectedTimeout: false,
  dynamicStats: true,
  strictHeaders: [],
  upstreamLogs: [],
  logsUpstreamStarts: false,
};

/** Envoy: the router of `Http::AsyncClientImpl` has a config and stats of its own. */
function shadowServices(services: RouterServices, rootStats: StatsScope): () => RouterServices {
  let made: RouterServices | null = null;
  return () => {
    made ??= {
      ...services,
      config: SHADOW_CONFIG,
      stats: createRouterStats(rootStats.scope("http.async-client")),
      upstreamLogging: null,
    };
    return made;
  };
}

function createLogging(config: RouterConfig, logs: UpstreamLogServices): UpstreamLogging | null {
  const { upstreamLogs, logsUpstreamStarts } = config;
  if (upstreamLogs.length === 0) return null;
  const loggers = upstreamLogs.map((log) => logs.createAccessLogger(log));
  return { loggers, atStart: logsUpstreamStarts };
}
