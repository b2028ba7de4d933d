/**
 * The composition root of a running proxy: loads the bootstrap, makes the data plane, applies configuration.
 * Envoy: `Server::InstanceImpl`.
 */
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import type { BootstrapSource, ConfigLoader, LoadedBootstrap } from "../config/config-loader.ts";
import { withPlaces } from "../config/config-loader.ts";
import { DEFAULT_RUNTIME } from "../config/runtime.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import { StatSlab } from "../stats/slab.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { createSharedUpstreamState } from "../upstream/upstream-services.ts";
import { type ConfigUpdate, DataPlane, type DataPlanePlatform } from "./data-plane.ts";

export interface ServerOptions {
  readonly source: BootstrapSource;
  readonly drainTimeMs: number;
}

export class Server {
  private readonly platform: DataPlanePlatform;
  private readonly loader: ConfigLoader;
  private readonly options: ServerOptions;
  private dataPlane: DataPlane | null = null;

  constructor(platform: DataPlanePlatform, loader: ConfigLoader, options: ServerOptions) {
    this.platform = platform;
    this.loader = loader;
    this.options = options;
  }

  /** Loads and applies the bootstrap. Returns what is wrong; empty means that the proxy serves. */
  async start(): Promise<readonly Diagnostic[]> {
    const loaded = await this.loader.loadBootstrap(this.options.source);
    if (loaded.bootstrap === null) return loaded.diagnostics;
    const dataPlane = this.createDataPlane(loaded.bootstrap);
    const prepared = dataPlane.prepare(staticUpdate(loaded));
    const errors = prepared.diagnostics.filter(({ severity }) => severity === "error");
    if (errors.length > 0) return withPlaces(this.loader, this.options.source, prepared.diagnostics);
    const problems = await new Promise<readonly Diagnostic[]>((resolve) => prepared.commit(resolve));
    this.dataPlane = dataPlane;
    return problems;
  }

  private createDataPlane(bootstrap: Bootstrap): DataPlane {
    const stats = new StatsStore(new StatSlab());
    const never = (): (() => void) => () => undefined;
    return new DataPlane(
      this.platform,
      {
        stats,
        configurationStats: stats,
        shared: createSharedUpstreamState(1),
        runtime: DEFAULT_RUNTIME,
        node: { serviceCluster: bootstrap.node?.cluster ?? "", serviceNode: bootstrap.node?.id ?? "", localAddress: "" },
        drain: { drainTimeMs: this.options.drainTimeMs, strategy: "gradual" },
        serverDrain: () => false,
        healthCheckFailed: () => false,
        endpoints: { subscribe: never },
        routes: { subscribe: never },
        sourceAddresses: [],
        logFlushIntervalMs: 10_000,
      },
      { id: 0, reusePort: false },
    );
  }
}

function staticUpdate(loaded: LoadedBootstrap): ConfigUpdate {
  const root = new CompileContext().at("static_resources");
  const { clusters = [], listeners = [] } = loaded.bootstrap?.staticResources ?? {};
  return {
    clusters: clusters.map((message, index) => ({ message, context: root.at("clusters", index), source: "static" })),
    removedClusters: [],
    listeners: listeners.map((message, index) => ({ message, context: root.at("listeners", index) })),
    removedListeners: [],
    clustersMayFollow: loaded.bootstrap?.dynamicResources?.cdsConfig !== undefined,
  };
}

/** One line per diagnostic. */
export function diagnosticLines(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(formatDiagnostic);
}
