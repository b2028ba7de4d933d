/**
 * The network filter that speaks HTTP. Envoy: `envoy.filters.network.http_connection_manager`
 * (source/extensions/filters/network/http_connection_manager/config.cc).
 */
import { RequestParser } from "../../../codec/h1/request-parser.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { ConnectionManager } from "../../../http/connection-manager.ts";
import type { ConnectionManagerConfig } from "../../../http/connection-manager-config.ts";
import type { ConnectionManagerRuntime } from "../../../http/connection-manager-runtime.ts";
import { ConnectionManagerStats } from "../../../http/connection-manager-stats.ts";
import { DateProvider } from "../../../http/date-provider.ts";
import type { EarlyHeaderMutation } from "../../../http/early-header-mutation.ts";
import type { LocalReplyMapper } from "../../../http/local-reply.ts";
import {
  defineNetworkFilter,
  type NetworkFilterContext,
  type NetworkFilterFactory,
  type NetworkFilterType,
} from "../../../network/network-filter.ts";
import { TimerPool } from "../../../platform/timer-pool.ts";
import type { HttpConnectionManager as Message } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import { compileConnectionManager } from "./config.ts";
import { compileEarlyMutations } from "./early-mutations.ts";
import { compileHttpFilters, createHttpFilters, type HttpFilterConfig } from "./http-filters.ts";
import type { HttpServices } from "./http-services.ts";
import { compileInlineRoutes, compileRds, type RouteSourceConfig } from "./route-sources.ts";
import { decidePaths, type PathsByRuntime, pathsByRuntime } from "./runtime-paths.ts";

interface Config {
  readonly manager: ConnectionManagerConfig;
  readonly openPaths: PathsByRuntime;
  readonly routes: RouteSourceConfig;
  readonly filters: readonly HttpFilterConfig[];
  readonly upgradeFilters: ReadonlyMap<string, readonly HttpFilterConfig[]>;
  readonly accessLogs: readonly object[];
  readonly localReplies: LocalReplyMapper;
  readonly earlyMutations: readonly EarlyHeaderMutation[];
}

export function httpConnectionManager(
  services: HttpServices,
  clusters: ClusterManager,
): NetworkFilterType {
  return defineNetworkFilter<Message, Config>({
    name: "envoy.filters.network.http_connection_manager",
    messages: ["envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"],
    terminal: true,
    compile: (message, context) => compile(message, services, context),
    createFactory: (config, context) => createFactory(config, services, clusters, context),
  });
}

function compile(message: Message, services: HttpServices, context: CompileContext): Config | null {
  const manager = compileConnectionManager(message, services.node, context);
  const filters = compileHttpFilters(message.httpFilters ?? [], services.filters, context);
  const upgradeFilters = compileUpgradeFilters(message, services, context);
  const accessLogs = (message.accessLog ?? []).flatMap((log, index) => {
    const compiled = services.compileAccessLog(log, context.at("access_log", index));
    return compiled === null ? [] : [compiled];
  });
  const localReplies = services.compileLocalReplies(
    message.localReplyConfig,
    context.at("local_reply_config"),
  );
  const routes = compileRoutes(message, services, context);
  if (routes === null) return null;
  const openPaths = pathsByRuntime(message);
  const early = message.earlyHeaderMutationExtensions ?? [];
  const earlyMutations = compileEarlyMutations(early, services.routes().formats, context);
  const chains = { filters, upgradeFilters };
  return { manager, openPaths, routes, ...chains, accessLogs, localReplies, earlyMutations };
}

function compileUpgradeFilters(
  message: Message,
  services: HttpServices,
  context: CompileContext,
): Map<string, HttpFilterConfig[]> {
  const chains = new Map<string, HttpFilterConfig[]>();
  for (const [index, upgrade] of (message.upgradeConfigs ?? []).entries()) {
    if (upgrade.filters === undefined || upgrade.filters.length === 0) continue;
    const at = context.at("upgrade_configs", index);
    chains.set(
      (upgrade.upgradeType ?? "").toLowerCase(),
      compileHttpFilters(upgrade.filters, services.filters, at),
    );
  }
  return chains;
}

function compileRoutes(
  message: Message,
  services: HttpServices,
  context: CompileContext,
): RouteSourceConfig | null {
  if (message.routeConfig !== undefined) {
    return compileInlineRoutes(message.routeConfig, services.routes(), context.at("route_config"));
  }
  if (message.rds !== undefined) {
    return compileRds(
      message.rds,
      services.routes(),
      services.routeSubscriptions,
      context.at("rds"),
    );
  }
  // scoped_routes is reported by name elsewhere.
  return null;
}

function createFactory(
  config: Config,
  services: HttpServices,
  clusters: ClusterManager,
  context: NetworkFilterContext,
): NetworkFilterFactory {
  const { dispatcher } = services;
  const { random } = dispatcher;
  const { manager, openPaths } = config;
  const paths = decidePaths(manager.paths, openPaths, services.runtime, random.uint32());
  const prefix = config.manager.statPrefix;
  const stats = context.rootStats.scope(`http.${prefix}`);
  const listenerStats = context.listenerStats.scope(`http.${prefix}`);
  const filterContext = { stats, rootStats: context.rootStats };
  const routes = config.routes.create(prefix, context);
  const runtime: ConnectionManagerRuntime = {
    config: { ...manager, paths },
    dispatcher,
    stats: new ConnectionManagerStats(stats, listenerStats, context.rootStats),
    routes,
    filters: createHttpFilters(config.filters, filterContext),
    upgradeFilters: new Map(
      [...config.upgradeFilters].map(([type, chain]) => [
        type,
        createHttpFilters(chain, filterContext),
      ]),
    ),
    accessLoggers: [
      ...config.accessLogs.map((log) => services.createAccessLogger(log)),
      ...services.requestLogs,
    ],
    localReplies: config.localReplies,
    earlyMutations: config.earlyMutations,
    clusters,
    features: services.runtime,
    drain: context.drain,
    date: new DateProvider(dispatcher),
    requestParser: new RequestParser(config.manager.http1),
    bufferLimitBytes: context.listener.bufferLimitBytes,
    idleTimers: new TimerPool(dispatcher),
    requestTimers: new TimerPool(dispatcher),
    headTimers: new TimerPool(dispatcher),
    logTimers: new TimerPool(dispatcher),
    durationTimers: new TimerPool(dispatcher),
  };
  return {
    name: "envoy.filters.network.http_connection_manager",
    create: (callbacks) => new ConnectionManager(runtime, callbacks),
    // Called once the last connection of the chain has gone: nobody writes these stats any more.
    close: () => {
      routes.close();
      closeFilters(runtime);
      stats.remove();
      listenerStats.remove();
    },
  };
}

function closeFilters({ filters, upgradeFilters }: ConnectionManagerRuntime): void {
  for (const { factory } of filters) factory.close?.();
  for (const chain of upgradeFilters.values()) for (const { factory } of chain) factory.close?.();
}
