/** Makes everything that exists once a bootstrap was accepted. */
import type { ConfigLoader } from "../config/config-loader.ts";
import type { ResourceStore } from "../config/resource-store.ts";
import type { LoggerRegistry } from "../log/logger.ts";
import type { DrainOptions } from "../network/drain-decision.ts";
import type { StatsReader } from "../stats/stats-reader.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { OpenAdminLogs } from "./admin/admin-logs.ts";
import type { BootstrapConfig } from "./bootstrap-config.ts";
import { type ConfigSourceServices, ConfigSources } from "./config-sources.ts";
import { createPlaneStats, createPlanes, type PlaneStats } from "./create-planes.ts";
import type { DataPlanes } from "./data-planes.ts";
import type { Observed } from "./observed-platform.ts";
import { createGlobalLimit } from "./overload-config.ts";
import type { BootstrapSections } from "./reload.ts";
import { createRuntime, type RunningRuntime } from "./runtime/create-runtime.ts";
import type { LayeredRuntime } from "./runtime/layered-runtime.ts";
import type { ServerConditions } from "./server-conditions.ts";
import { ServerGauges } from "./server-gauges.ts";
import { createThreadedPlanes, type PlaneThreads } from "./threads/create-threaded-planes.ts";
import { UnsupportedRegistry } from "./unsupported-registry.ts";

export interface Running {
  readonly config: BootstrapConfig;
  readonly planes: DataPlanes;
  readonly runtime: RunningRuntime;
  readonly gauges: ServerGauges;
  readonly sources: ConfigSources;
  readonly unsupported: UnsupportedRegistry;
  readonly root: StatsScope;
  readonly sections: BootstrapSections;
  openAdminLogs: OpenAdminLogs;
}

export interface RunningServices {
  readonly observed: Observed;
  readonly loader: ConfigLoader;
  readonly loggers: LoggerRegistry;
  readonly store: ResourceStore;
  readonly statsReader: StatsReader;
  readonly conditions: ServerConditions;
  readonly dataPlanes: number;
  /** Null: they run on this thread. */
  readonly threads: PlaneThreads | null;
  readonly drain: DrainOptions;
  readonly logFlushIntervalMs: number;
  readonly unknownDynamicFields: ConfigSourceServices["unknownFields"];
}

export async function createRunning(
  config: BootstrapConfig,
  sections: BootstrapSections,
  services: RunningServices,
): Promise<Running> {
  const { dataPlanes, statsReader, observed } = services;
  // Worker threads bring their own.
  const local = services.threads === null ? dataPlanes : 1;
  const stats = createPlaneStats(local, config.stats.matcher, statsReader);
  const root = (stats[0] as PlaneStats[number]).stats.root;
  const gauges = new ServerGauges(root, dataPlanes, config.versionOverride);
  observed.bugs.counter = gauges.stats.envoyBugFailures;
  const unsupported = new UnsupportedRegistry(root);
  const { files } = observed.platform;
  const runtime = await createRuntime(config.runtimeLayers, files, root.scope("runtime"));
  const sources = createSources(services, unsupported, gauges);
  const planes = createAllPlanes(config, services, { runtime: runtime.runtime, sources, stats });
  runtime.runtime.onChange = () => planes.refreshRuntime();
  services.loggers.onLevelsChange = () => planes.refreshConditions();
  const openAdminLogs: OpenAdminLogs = () => [];
  return { config, planes, runtime, gauges, sources, unsupported, root, sections, openAdminLogs };
}

function createSources(
  services: RunningServices,
  unsupported: UnsupportedRegistry,
  gauges: ServerGauges,
): ConfigSources {
  const { files, time } = services.observed.platform;
  return new ConfigSources({
    loader: services.loader,
    files,
    time,
    logger: services.loggers.get("config"),
    store: services.store,
    unsupported,
    unknownFields: services.unknownDynamicFields,
    unknownFieldCounter: gauges.stats.dynamicUnknownFields,
  });
}

interface PlaneParts {
  readonly runtime: LayeredRuntime;
  readonly sources: ConfigSources;
  readonly stats: PlaneStats;
}

function createAllPlanes(
  config: BootstrapConfig,
  services: RunningServices,
  { runtime, sources, stats }: PlaneParts,
): DataPlanes {
  const { observed, conditions } = services;
  const { cluster, id } = config.node;
  const { platform } = observed;
  const node = { serviceCluster: cluster, serviceNode: id, localAddress: platform.host.address };
  const { sourceAddresses, localNode, outlierEventLogPath } = config;
  const { threads, drain, logFlushIntervalMs } = services;
  const ofConfig = { node, localNode, sourceAddresses, outlierEventLogPath };
  const plain = { ...ofConfig, drain, logFlushIntervalMs };
  if (threads !== null) {
    return createThreadedPlanes(config, {
      ...services,
      threads,
      platform,
      stats: (stats[0] as PlaneStats[number]).stats,
      reader: services.statsReader,
      runtime,
      named: sources.named,
      plain,
    });
  }
  const shared = {
    ...plain,
    runtime,
    serverDrain: conditions.drains,
    healthCheckFailed: conditions.healthCheckFailed,
    globalLimit: createGlobalLimit(config.maxDownstreamConnections, runtime),
    endpoints: sources.named,
    routes: sources.named,
    requestLogs: observed.requestLogs,
  };
  return createPlanes(platform, shared, stats);
}
