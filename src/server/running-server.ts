/** Makes everything that exists once a bootstrap was accepted. */
import type { ConfigLoader } from "../config/config-loader.ts";
import type { ResourceStore } from "../config/resource-store.ts";
import type { LoggerRegistry } from "../log/logger.ts";
import type { DrainOptions } from "../network/drain-decision.ts";
import type { StatsReader } from "../stats/stats-reader.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { OpenAdminLogs } from "./admin/admin-logs.ts";
import type { BootstrapConfig } from "./bootstrap-config.ts";
import { ConfigSources } from "./config-sources.ts";
import { createPlaneStats, createPlanes, type PlaneStats } from "./create-planes.ts";
import type { DataPlanes } from "./data-planes.ts";
import type { UnknownDynamicFields } from "./filesystem-subscription.ts";
import type { Observed } from "./observed-platform.ts";
import { createGlobalLimit } from "./overload-config.ts";
import type { BootstrapSections } from "./reload.ts";
import { createRuntime, type RunningRuntime } from "./runtime/create-runtime.ts";
import type { LayeredRuntime } from "./runtime/layered-runtime.ts";
import type { ServerConditions } from "./server-conditions.ts";
import { ServerGauges } from "./server-gauges.ts";
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
  readonly drain: DrainOptions;
  readonly logFlushIntervalMs: number;
  readonly unknownDynamicFields: UnknownDynamicFields;
}

export async function createRunning(
  config: BootstrapConfig,
  sections: BootstrapSections,
  services: RunningServices,
): Promise<Running> {
  const { dataPlanes, statsReader, observed } = services;
  const stats = createPlaneStats(dataPlanes, config.stats.matcher, statsReader);
  const root = (stats[0] as PlaneStats[number]).stats.root;
  const gauges = new ServerGauges(root, dataPlanes, config.versionOverride);
  observed.bugs.counter = gauges.stats.envoyBugFailures;
  const unsupported = new UnsupportedRegistry(root);
  const { files } = observed.platform;
  const runtime = await createRuntime(config.runtimeLayers, files, root.scope("runtime"));
  const sources = createSources(services, unsupported, gauges);
  const planes = createAllPlanes(config, services, { runtime: runtime.runtime, sources, stats });
  runtime.runtime.onChange = () => planes.refreshRuntime();
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
  const localAddress = observed.platform.host.address;
  const shared = {
    runtime,
    node: { serviceCluster: cluster, serviceNode: id, localAddress },
    drain: services.drain,
    serverDrain: conditions.drains,
    healthCheckFailed: conditions.healthCheckFailed,
    globalLimit: createGlobalLimit(config.maxDownstreamConnections, runtime),
    endpoints: sources.named,
    routes: sources.named,
    sourceAddresses: config.sourceAddresses,
    localNode: config.localNode,
    outlierEventLogPath: config.outlierEventLogPath,
    logFlushIntervalMs: services.logFlushIntervalMs,
    requestLogs: observed.requestLogs,
  };
  return createPlanes(observed.platform, shared, stats);
}
