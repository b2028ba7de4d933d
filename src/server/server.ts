/**
 * The composition root of a running proxy: bootstrap, runtime, stats, data planes, dynamic
 * configuration, drain. Envoy: `Server::InstanceImpl` (source/server/server.cc).
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import {
  type BootstrapSource,
  type ConfigLoader,
  type LoadedBootstrap,
  withPlaces,
} from "../config/config-loader.ts";
import { ResourceStore } from "../config/resource-store.ts";
import type { LoggerRegistry } from "../log/logger.ts";
import type { DrainStrategy } from "../network/drain-decision.ts";
import type { TrafficDirection } from "../network/network-filter.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import { createRuntimeStats } from "../stats/groups/runtime-stats.ts";
import { createServerStats, type ServerStats } from "../stats/groups/server-stats.ts";
import { StatSlab } from "../stats/slab.ts";
import { StatsReader } from "../stats/stats-reader.ts";
import { createSilentScope, StatsStore } from "../stats/stats-store.ts";
import { createSharedUpstreamState } from "../upstream/upstream-services.ts";
import { type BootstrapConfig, type BootstrapOverrides, compileBootstrap } from "./bootstrap-config.ts";
import { DataPlane, type DataPlanePlatform, type DataPlaneServices } from "./data-plane.ts";
import { DataPlanes } from "./data-planes.ts";
import { CLUSTER_TYPE, DynamicConfig, LISTENER_TYPE } from "./dynamic-config.ts";
import { FilesystemSubscription, watchedFile } from "./filesystem-subscription.ts";
import { NamedSubscriptions } from "./named-subscriptions.ts";
import { createRuntime } from "./runtime/create-runtime.ts";
import type { LayeredRuntime } from "./runtime/layered-runtime.ts";
import { NO_STATIC_NAMES, type StaticNames, staticNames, staticUpdate } from "./static-config.ts";

export interface ServerOptions {
  readonly source: BootstrapSource;
  readonly overrides: BootstrapOverrides;
  /** Data planes in this process. */
  readonly dataPlanes: number;
  readonly drainTimeMs: number;
  readonly drainStrategy: DrainStrategy;
  readonly logFlushIntervalMs: number;
}

/** Memory of the process in bytes. */
export interface ProcessMemory {
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly residentSet: number;
  readonly external: number;
}

/** Envoy's `ServerInfo.State`. */
export type ServerState = "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";

/** Everything that exists once a bootstrap was accepted. */
interface Running {
  readonly config: BootstrapConfig;
  readonly planes: DataPlanes;
  readonly runtime: LayeredRuntime;
  readonly serverStats: ServerStats;
}

export class Server {
  readonly store: ResourceStore = new ResourceStore();
  readonly statsReader: StatsReader = new StatsReader();
  readonly options: ServerOptions;
  readonly platform: DataPlanePlatform;
  readonly loader: ConfigLoader;
  readonly loggers: LoggerRegistry;
  readonly startedWallMs: number;
  private readonly startedMs: number;
  private running: Running | null = null;
  private names: StaticNames = NO_STATIC_NAMES;
  private initialized = false;
  private healthFailed = false;
  private draining: "no" | "all" | "inbound" = "no";
  private readonly subscriptions: FilesystemSubscription[] = [];

  constructor(platform: DataPlanePlatform, loader: ConfigLoader, loggers: LoggerRegistry, options: ServerOptions) {
    this.platform = platform;
    this.loader = loader;
    this.loggers = loggers;
    this.options = options;
    this.startedWallMs = platform.time.wallMs();
    this.startedMs = platform.time.monotonicMs();
  }

  get state(): ServerState {
    if (this.running === null) return "PRE_INITIALIZING";
    if (!this.initialized) return "INITIALIZING";
    return this.healthFailed ? "DRAINING" : "LIVE";
  }

  get uptimeMs(): number {
    return this.platform.time.monotonicMs() - this.startedMs;
  }

  /** Null before `start` succeeded. */
  get config(): BootstrapConfig | null {
    return this.running?.config ?? null;
  }

  get planes(): DataPlanes | null {
    return this.running?.planes ?? null;
  }

  get runtime(): LayeredRuntime | null {
    return this.running?.runtime ?? null;
  }

  /**
   * Loads and applies the bootstrap. Returns all that was found; with an error among it nothing
   * runs.
   */
  async start(): Promise<readonly Diagnostic[]> {
    const loaded = await this.loader.loadBootstrap(this.options.source);
    if (loaded.bootstrap === null) return loaded.diagnostics;
    const context = new CompileContext();
    const config = compileBootstrap(loaded.bootstrap, this.options.overrides, context);
    const running = await this.create(config);
    const { bootstrap } = loaded;
    const prepared = running.planes.prepare(() => staticUpdate(bootstrap, NO_STATIC_NAMES));
    const found = [...loaded.diagnostics, ...context.diagnostics, ...prepared.diagnostics];
    if (found.some(isError)) return withPlaces(this.loader, this.options.source, found);
    this.running = running;
    const problems = await new Promise<readonly Diagnostic[]>((resolve) => prepared.commit(resolve));
    this.remember(loaded);
    if (!problems.some(isError)) await this.startDynamic(running);
    this.initialized = true;
    this.showState();
    running.serverStats.initializationTimeMs.record(Math.round(this.uptimeMs));
    return withPlaces(this.loader, this.options.source, [...found, ...problems]);
  }

  /**
   * Reads the start files again and applies what changed. On an error everything stays as it is.
   */
  async reload(): Promise<readonly Diagnostic[]> {
    const running = this.running;
    if (running === null) return [];
    const loaded = await this.loader.loadBootstrap(this.options.source);
    const { bootstrap } = loaded;
    if (bootstrap === null) return loaded.diagnostics;
    const prepared = running.planes.prepare(() => staticUpdate(bootstrap, this.names));
    const found = [...loaded.diagnostics, ...prepared.diagnostics];
    if (found.some(isError)) return withPlaces(this.loader, this.options.source, found);
    const problems = await new Promise<readonly Diagnostic[]>((resolve) => prepared.commit(resolve));
    this.remember(loaded);
    return withPlaces(this.loader, this.options.source, [...found, ...problems]);
  }

  /** /healthcheck/fail and /healthcheck/ok. */
  failHealthCheck(failed: boolean): void {
    this.healthFailed = failed;
    this.showState();
  }

  /** Gauges that are read rather than counted; called before stats are shown. */
  updateServerStats(memory: ProcessMemory): void {
    const stats = this.running?.serverStats;
    if (stats === undefined) return;
    stats.uptime.set(Math.floor(this.uptimeMs / 1000));
    stats.memoryAllocated.set(memory.heapUsed);
    stats.memoryHeapSize.set(memory.heapTotal);
    stats.memoryPhysicalSize.set(memory.residentSet);
    stats.totalConnections.set(this.running?.planes.connectionCount ?? 0);
  }

  /** From now on answers announce the end of their connection. */
  startDrain(direction: "all" | "inbound"): void {
    this.draining = direction;
  }

  async close(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.close();
    await this.running?.planes.close();
    this.loader.close();
  }

  private async create(config: BootstrapConfig): Promise<Running> {
    const stats = new StatsStore(new StatSlab(), config.stats.matcher);
    this.statsReader.addSlab(stats.slab);
    const runtime = await createRuntime(
      config.runtimeLayers,
      this.platform.files,
      createRuntimeStats(stats.root.scope("runtime")),
    );
    const serverStats = createServerStats(stats.root.scope("server"));
    serverStats.concurrency.set(this.options.dataPlanes);
    const planes = this.createPlanes(config, runtime, stats);
    runtime.onChange = () => planes.refreshRuntime();
    return { config, planes, runtime, serverStats };
  }

  private createPlanes(config: BootstrapConfig, runtime: LayeredRuntime, first: StatsStore): DataPlanes {
    const shared = createSharedUpstreamState(this.options.dataPlanes);
    const subscriptions = this.namedSubscriptions();
    const planes: DataPlane[] = [];
    for (let id = 0; id < this.options.dataPlanes; id++) {
      const stats = id === 0 ? first : new StatsStore(new StatSlab(), config.stats.matcher);
      if (id > 0) this.statsReader.addSlab(stats.slab);
      const services: DataPlaneServices = {
        stats,
        configurationStats: id === 0 ? stats.root : createSilentScope(),
        shared,
        runtime,
        node: { serviceCluster: config.node.cluster, serviceNode: config.node.id, localAddress: "" },
        drain: { drainTimeMs: this.options.drainTimeMs, strategy: this.options.drainStrategy },
        serverDrain: (direction) => this.drains(direction),
        healthCheckFailed: () => this.healthFailed,
        endpoints: subscriptions,
        routes: subscriptions,
        sourceAddresses: config.sourceAddresses,
        logFlushIntervalMs: this.options.logFlushIntervalMs,
      };
      const reusePort = this.options.dataPlanes > 1;
      planes.push(new DataPlane(this.platform, services, { id, reusePort }));
    }
    return new DataPlanes(planes);
  }

  private drains(direction: TrafficDirection): boolean {
    return this.draining === "all" || (this.draining === "inbound" && direction === "INBOUND");
  }

  private namedSubscriptions(): NamedSubscriptions {
    return new NamedSubscriptions(this.subscriptionServices(), ({ typeUrl, name, bytes }, version) => {
      const updatedWallMs = this.platform.time.wallMs();
      this.store.put({ typeUrl, name, version, origin: "dynamic", bytes, updatedWallMs });
    });
  }

  private subscriptionServices(): ConstructorParameters<typeof NamedSubscriptions>[0] {
    const { files, time } = this.platform;
    return { loader: this.loader, files, time, logger: this.loggers.get("config") };
  }

  /** Clusters first, listeners once they are there: Envoy's order. */
  private async startDynamic(running: Running): Promise<void> {
    const { cds, lds } = running.config;
    const root = running.planes.all[0]?.stats.root;
    if (root === undefined) return;
    if (cds !== null) await this.subscribe(cds, CLUSTER_TYPE, root.scope("cluster_manager.cds"), running);
    if (lds !== null) await this.subscribe(lds, LISTENER_TYPE, root.scope("listener_manager.lds"), running);
  }

  private subscribe(
    source: NonNullable<BootstrapConfig["cds"]>,
    typeUrl: typeof CLUSTER_TYPE | typeof LISTENER_TYPE,
    scope: ReturnType<typeof createSilentScope>,
    running: Running,
  ): Promise<void> {
    return new Promise((resolve) => {
      const file = watchedFile(source);
      if (file === null) {
        resolve();
        return;
      }
      const services = this.subscriptionServices();
      const dynamic = new DynamicConfig(
        { planes: running.planes, store: this.store, time: services.time, logger: services.logger },
        typeUrl,
        resolve,
      );
      const subscription = new FilesystemSubscription(services, file, typeUrl, scope, dynamic);
      this.subscriptions.push(subscription);
      subscription.start();
    });
  }

  private remember(loaded: LoadedBootstrap): void {
    const bootstrap = loaded.bootstrap as Bootstrap;
    const now = staticNames(bootstrap);
    for (const name of this.names.clusters) if (!now.clusters.has(name)) this.store.remove(CLUSTER_TYPE, name);
    for (const name of this.names.listeners) if (!now.listeners.has(name)) this.store.remove(LISTENER_TYPE, name);
    this.names = now;
    const updatedWallMs = this.platform.time.wallMs();
    for (const { typeUrl, name, bytes } of loaded.resources) {
      this.store.put({ typeUrl, name, version: "", origin: "static", bytes, updatedWallMs });
    }
  }

  private showState(): void {
    const stats = this.running?.serverStats;
    if (stats === undefined) return;
    const states: readonly ServerState[] = ["LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING"];
    stats.state.set(states.indexOf(this.state));
    stats.live.set(this.healthFailed ? 0 : 1);
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}
