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
import type { DrainOptions, DrainStrategy } from "../network/drain-decision.ts";
import type { TrafficDirection } from "../network/network-filter.ts";
import type { Timer } from "../platform/time.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import { StatsReader } from "../stats/stats-reader.ts";
import { compileAdminLogs, type OpenAdminLogs } from "./admin/admin-logs.ts";
import {
  type BootstrapConfig,
  type BootstrapOverrides,
  compileBootstrap,
} from "./bootstrap-config.ts";
import type { DataPlanePlatform } from "./data-plane.ts";
import type { DataPlanes } from "./data-planes.ts";
import { CLUSTER_TYPE, LISTENER_TYPE } from "./dynamic-config.ts";
import type { UnknownDynamicFields } from "./filesystem-subscription.ts";
import { type Observed, observe } from "./observed-platform.ts";
import {
  type BootstrapSections,
  bootstrapSections,
  type ReloadResult,
  refusedReload,
  restartNeeded,
} from "./reload.ts";
import { createRunning, type Running } from "./running-server.ts";
import type { LayeredRuntime } from "./runtime/layered-runtime.ts";
import { type ConditionsState, ServerConditions } from "./server-conditions.ts";
import { type ProcessMemory, type ServerState, withThreads } from "./server-gauges.ts";
import {
  bothNames,
  byStaticResource,
  missing,
  NO_STATIC_NAMES,
  type StaticNames,
  staticNames,
  staticUpdate,
} from "./static-config.ts";
import type { PlaneThreads } from "./threads/create-threaded-planes.ts";
import type { UnsupportedRegistry } from "./unsupported-registry.ts";

export interface ServerOptions {
  readonly source: BootstrapSource;
  readonly overrides: BootstrapOverrides;
  /** Data planes in this process. */
  readonly dataPlanes: number;
  readonly drainTimeMs: number;
  readonly drainStrategy: DrainStrategy;
  readonly logFlushIntervalMs: number;
  /** Default "log". */
  readonly unknownDynamicFields?: UnknownDynamicFields;
  /** Without it all data planes run on this thread: one, in tests several. */
  readonly threads?: PlaneThreads;
}

export class Server {
  readonly store: ResourceStore = new ResourceStore();
  readonly statsReader: StatsReader = new StatsReader();
  readonly options: ServerOptions;
  readonly platform: DataPlanePlatform;
  readonly loader: ConfigLoader;
  readonly loggers: LoggerRegistry;
  readonly startedWallMs: number;
  /** The bootstrap in force without its static resources, encoded; empty before the start. */
  bootstrapBytes: Uint8Array = new Uint8Array(0);
  private readonly observed: Observed;
  private readonly startedMs: number;
  private running: Running | null = null;
  private names: StaticNames = NO_STATIC_NAMES;
  private initialized = false;
  private readonly conditions: ServerConditions;
  private flushTimer: Timer | null = null;
  private drainTimer: Timer | null = null;

  constructor(
    platform: DataPlanePlatform,
    loader: ConfigLoader,
    loggers: LoggerRegistry,
    options: ServerOptions,
  ) {
    this.observed = observe(platform, loggers);
    this.platform = this.observed.platform;
    this.loader = loader;
    this.loggers = loggers;
    this.options = options;
    this.startedWallMs = platform.time.wallMs();
    this.startedMs = platform.time.monotonicMs();
    this.store.keepRetired(LISTENER_TYPE);
    this.conditions = new ServerConditions(this.drainOptions(), platform.time, platform.random);
  }

  /** An error that nothing caught. */
  reportBug(error: unknown): void {
    this.observed.bugs.report(error);
  }

  get state(): ServerState {
    if (this.running === null) return "PRE_INITIALIZING";
    if (!this.initialized) return "INITIALIZING";
    return this.conditions.state.healthFailed ? "DRAINING" : "LIVE";
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
    return this.running?.runtime.runtime ?? null;
  }

  /** Opens the logs of the admin interface. */
  openAdminLogs(): ReturnType<OpenAdminLogs> {
    return this.running?.openAdminLogs() ?? [];
  }

  /** Throws before the start. */
  get unsupported(): UnsupportedRegistry {
    if (this.running === null) throw new Error("The server is not running");
    return this.running.unsupported;
  }

  /**
   * Loads and applies the bootstrap. Returns all that was found; with an error among it nothing
   * runs. `onAccepted` runs once the bootstrap is accepted and before anything listens: the place
   * to open admin ports, so that they tell how the start goes on. What it returns ends the start if
   * it is an error.
   */
  async start(
    onAccepted: () => Promise<readonly Diagnostic[] | undefined> = async () => undefined,
  ): Promise<readonly Diagnostic[]> {
    const loaded = await this.loader.loadBootstrap(this.options.source);
    const { bootstrap } = loaded;
    if (bootstrap === null) return loaded.diagnostics;
    const context = new CompileContext();
    const config = compileBootstrap(bootstrap, this.options.overrides, context);
    const running = await this.create(config, bootstrapSections(bootstrap));
    const { accessLogs } = config.admin;
    running.openAdminLogs = compileAdminLogs(running.planes.local, accessLogs, context);
    const prepared = await running.planes.prepare(staticUpdate(bootstrap, NO_STATIC_NAMES));
    const compiled = [...context.diagnostics, ...prepared.diagnostics];
    const found = [...loaded.diagnostics, ...compiled];
    this.running = running;
    if (found.some(isError)) {
      prepared.discard();
      await this.closeRunning();
      return this.placed(found);
    }
    this.remember(loaded, bootstrap, compiled);
    const refused = (await onAccepted()) ?? [];
    if (refused.some(isError)) {
      prepared.discard();
      await this.closeRunning();
      return this.placed([...found, ...refused]);
    }
    const problems = await prepared.commit();
    if (!problems.some(isError)) {
      await running.sources.start(config, running.planes, running.root);
      this.serving(running);
    }
    return this.placed([...found, ...problems]);
  }

  /**
   * Reads the start files again and applies what changed. With an error in them everything stays as
   * it is; a listener that cannot bind keeps its old version, and the rest is applied.
   */
  async reload(): Promise<ReloadResult> {
    const { running } = this;
    if (running === null) return refusedReload([]);
    const loaded = await this.loader.loadBootstrap(this.options.source);
    const { bootstrap } = loaded;
    if (bootstrap === null) return refusedReload(loaded.diagnostics);
    const context = new CompileContext();
    const config = compileBootstrap(bootstrap, this.options.overrides, context);
    compileAdminLogs(running.planes.local, config.admin.accessLogs, context);
    const prepared = await running.planes.prepare(staticUpdate(bootstrap, this.names));
    const compiled = [...context.diagnostics, ...prepared.diagnostics];
    const found = [...loaded.diagnostics, ...compiled];
    if (found.some(isError)) {
      prepared.discard();
      return refusedReload(await this.placed(found));
    }
    found.push(...restartNeeded(running.sections, bootstrapSections(bootstrap)));
    const problems = await prepared.commit();
    const failed = problems.some(isError);
    if (failed) this.names = bothNames(this.names, staticNames(bootstrap));
    else this.remember(loaded, bootstrap, compiled);
    const diagnostics = await this.placed([...found, ...problems]);
    return { outcome: failed ? "partly applied" : "applied", diagnostics };
  }

  /** /healthcheck/fail and /healthcheck/ok. */
  failHealthCheck(failed: boolean): void {
    this.change({ healthFailed: failed });
    this.running?.gauges.showState(this.state);
  }

  /** Brings what is read rather than counted up to date; called before stats are shown. */
  async updateServerStats(memory: ProcessMemory): Promise<void> {
    const { running } = this;
    if (running === null) return;
    const { planes } = running;
    const [connections, threads] = await Promise.all([planes.connectionCount(), planes.memory()]);
    running.gauges.update(this.uptimeMs, connections, withThreads(memory, threads));
    await planes.refreshStats();
  }

  /** Shutdown: from now on every answer announces the end of its connection. */
  startDrain(): void {
    this.change({ shuttingDown: true });
  }

  /**
   * /drain_listeners?graceful: answers announce the end of their connection more and more often;
   * after the drain time the listeners stop, unless they shall not. A second call changes nothing.
   */
  drainGracefully(direction: "all" | "inbound", thenStop: boolean): void {
    const { running } = this;
    if (running === null || this.conditions.state.gracefulDrain !== "none") return;
    this.change({ gracefulDrain: direction });
    if (!thenStop) return;
    this.drainTimer = running.planes.local.dispatcher.after(this.options.drainTimeMs, () =>
      running.planes.stopListeners(direction),
    );
  }

  /** Whether answers to that side announce the end of their connection. */
  drains(direction: TrafficDirection): boolean {
    return this.conditions.drains(direction);
  }

  private change(conditions: Partial<ConditionsState>): void {
    this.conditions.set(conditions);
    this.running?.planes.refreshConditions();
  }

  async close(): Promise<void> {
    await this.closeRunning();
    this.loader.close();
  }

  private placed(diagnostics: readonly Diagnostic[]): ReturnType<typeof withPlaces> {
    return withPlaces(this.loader, this.options.source, diagnostics);
  }

  private async closeRunning(): Promise<void> {
    const { running } = this;
    if (running === null) return;
    this.running = null;
    this.flushTimer?.close();
    this.drainTimer?.close();
    running.runtime.close();
    running.sources.close();
    await running.planes.close();
  }

  private create(config: BootstrapConfig, sections: BootstrapSections): Promise<Running> {
    const { observed, loader, loggers, store, statsReader, conditions, options } = this;
    return createRunning(config, sections, {
      observed,
      loader,
      loggers,
      store,
      statsReader,
      conditions,
      dataPlanes: options.dataPlanes,
      threads: options.dataPlanes > 1 ? (options.threads ?? null) : null,
      drain: this.drainOptions(),
      logFlushIntervalMs: options.logFlushIntervalMs,
      unknownDynamicFields: options.unknownDynamicFields ?? "log",
    });
  }

  private drainOptions(): DrainOptions {
    return { drainTimeMs: this.options.drainTimeMs, strategy: this.options.drainStrategy };
  }

  private serving(running: Running): void {
    this.initialized = true;
    running.planes.started();
    running.gauges.showState(this.state);
    running.gauges.stats.initializationTimeMs.record(Math.round(this.uptimeMs));
    if (!running.config.statsFlushOnAdmin) this.flushLater(running);
  }

  /** Every `stats_flush_interval` the histograms begin a new interval. */
  private flushLater(running: Running): void {
    const { dispatcher } = running.planes.local;
    this.flushTimer = dispatcher.after(running.config.statsFlushIntervalMs, () => {
      this.statsReader.rotateIntervals();
      this.flushLater(running);
    });
  }

  private remember(
    loaded: LoadedBootstrap,
    bootstrap: Bootstrap,
    compiled: readonly Diagnostic[],
  ): void {
    const now = staticNames(bootstrap);
    this.forget("cluster", CLUSTER_TYPE, missing(this.names.clusters, now.clusters));
    this.forget("listener", LISTENER_TYPE, missing(this.names.listeners, now.listeners));
    this.names = now;
    this.bootstrapBytes = loaded.bytes;
    const updatedWallMs = this.platform.time.wallMs();
    let listeners = 0;
    for (const { typeUrl, name: written, bytes } of loaded.resources) {
      const name = typeUrl === LISTENER_TYPE ? (now.listeners[listeners++] ?? "") : written;
      if (!this.store.differs(typeUrl, name, bytes)) continue;
      this.store.put({ typeUrl, name, version: "", origin: "static", bytes, updatedWallMs });
    }
    this.running?.gauges.stats.staticUnknownFields.add(loaded.unknownFields.length);
    this.rememberUnsupported(now, compiled);
  }

  private rememberUnsupported(names: StaticNames, compiled: readonly Diagnostic[]): void {
    const { unsupported } = this;
    for (const name of names.clusters) unsupported.remove("cluster", name);
    for (const name of names.listeners) unsupported.remove("listener", name);
    unsupported.remove("bootstrap", "");
    for (const { kind, resource, diagnostics } of byStaticResource(compiled, names)) {
      unsupported.set(kind, resource, diagnostics);
    }
  }

  private forget(kind: "cluster" | "listener", typeUrl: string, names: readonly string[]): void {
    for (const name of names) {
      this.store.remove(typeUrl, name);
      this.unsupported.remove(kind, name);
    }
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}
