/**
 * One complete data path: clusters, listeners and everything between them, on one event loop.
 * Configuration comes in as plain messages, is prepared without touching anything live, then
 * committed. Several may run over the same shared memory.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import {
  buildCatalogue,
  type Catalogue,
  type CatalogueServices,
  openLogFiles,
} from "../extensions/catalogue.ts";
import type { NodeFacts } from "../extensions/network-filters/http-connection-manager/forwarding.ts";
import type { RouteSubscriptions } from "../http/route-subscriptions.ts";
import type { ConnectionLimit } from "../network/connection-limit.ts";
import type { DrainOptions } from "../network/drain-decision.ts";
import { byMessage } from "../network/filter-chain-config.ts";
import { ListenerManager } from "../network/listener-manager.ts";
import type { TrafficDirection } from "../network/network-filter.ts";
import { Dispatcher, type DispatcherPlatform } from "../platform/dispatcher.ts";
import type { DnsResolver } from "../platform/dns.ts";
import type { Files } from "../platform/files.ts";
import type { HostEnvironment } from "../platform/host-environment.ts";
import type { SocketAddress, SocketFactory } from "../platform/sockets.ts";
import type { Cluster as ClusterMessage } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { Listener as ListenerMessage } from "../proto/generated/envoy/config/listener/v3.ts";
import {
  createListenerManagerStats,
  type ListenerManagerStats,
} from "../stats/groups/listener-manager-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { StatsStore } from "../stats/stats-store.ts";
import type { ClusterCatalogues, ClusterConfig } from "../upstream/cluster-config.ts";
import { compileCluster } from "../upstream/cluster-config.ts";
import { type ClusterSource, UpstreamClusterManager } from "../upstream/cluster-manager.ts";
import type { EndpointSubscriptions } from "../upstream/discovery.ts";
import { ConnectionIds } from "../upstream/pool/pool-services.ts";
import {
  type LocalNode,
  openUpstreamSlots,
  type SharedUpstreamState,
  type UpstreamServices,
} from "../upstream/upstream-services.ts";
import { describeExtensions, type ExtensionFacts } from "./extension-facts.ts";
import { createHttp1Client } from "./http1-client-factory.ts";

/** The outside world of a data plane. */
export interface DataPlanePlatform extends DispatcherPlatform, Pick<CatalogueServices, "http2"> {
  readonly sockets: SocketFactory;
  readonly dns: DnsResolver;
  readonly files: Files;
  readonly host: HostEnvironment;
}

/** What the server shares with its data planes. */
export interface DataPlaneServices {
  readonly stats: StatsStore;
  /**
   * Where membership and cluster_manager stats go: `stats` on the first data plane, a silent scope
   * elsewhere.
   */
  readonly configurationStats: StatsScope;
  readonly shared: SharedUpstreamState;
  readonly runtime: RuntimeSnapshot;
  readonly node: NodeFacts;
  readonly drain: DrainOptions;
  readonly serverDrain: (direction: TrafficDirection) => boolean;
  readonly healthCheckFailed: () => boolean;
  /** Downstream connections of all data planes together. */
  readonly globalLimit: ConnectionLimit;
  readonly endpoints: EndpointSubscriptions;
  readonly routes: RouteSubscriptions;
  /** Bootstrap `cluster_manager.upstream_bind_config`. */
  readonly sourceAddresses: readonly SocketAddress[];
  /** Locality of this node and the cluster it belongs to: for zone-aware routing. */
  readonly localNode: LocalNode;
  /** Bootstrap `cluster_manager.outlier_detection.event_log_path`; "" = no log. */
  readonly outlierEventLogPath: string;
  /** Envoy `--file-flush-interval-msec`. */
  readonly logFlushIntervalMs: number;
  /** See every request, besides the configured access logs. */
  readonly requestLogs: CatalogueServices["requestLogs"];
}

/** Those that are plain data, and may travel to another thread. */
export type PlainServices = Pick<
  DataPlaneServices,
  "node" | "localNode" | "drain" | "sourceAddresses" | "outlierEventLogPath" | "logFlushIntervalMs"
>;

export interface DataPlaneOptions {
  /** 0 … N−1. */
  readonly id: number;
  /** N. */
  readonly dataPlanes: number;
  /**
   * This data plane accepts also from what can be bound only once. Worker threads all do: what they
   * listen on is bound by the main thread.
   */
  readonly bindsUnshared: boolean;
}

/** `path` is where it stands in the configuration: diagnostics point into it. */
export interface ClusterResource {
  readonly message: ClusterMessage;
  readonly path: string;
  readonly source: ClusterSource;
}

/** As ClusterResource. */
export interface ListenerResource {
  readonly message: ListenerMessage;
  readonly path: string;
}

/**
 * A change of configuration: plain data, which may travel to another thread.
 * What is not named stays.
 */
export interface ConfigUpdate {
  readonly clusters: readonly ClusterResource[];
  readonly removedClusters: readonly { readonly name: string; readonly source: ClusterSource }[];
  readonly listeners: readonly ListenerResource[];
  readonly removedListeners: readonly string[];
  /** Clusters may appear later (CDS): routes to unknown ones are no error. */
  readonly clustersMayFollow: boolean;
  /** Nothing is removed when something new cannot be bound. */
  readonly allOrNothing: boolean;
}

export interface PreparedUpdate {
  readonly diagnostics: readonly Diagnostic[];
  /**
   * Clusters, then listeners once the clusters are warm. `done` gets what went wrong while binding.
   */
  commit(done: (problems: readonly Diagnostic[]) => void): void;
}

export class DataPlane {
  readonly dispatcher: Dispatcher;
  readonly stats: StatsStore;
  readonly clusters: UpstreamClusterManager;
  readonly listeners: ListenerManager;
  private readonly catalogue: Catalogue;
  private readonly listenerManagerStats: ListenerManagerStats;
  private readonly clusterCatalogues: ClusterCatalogues;
  /** Clusters that routes may name, while an update is compiled. */
  private knownClusters: ReadonlySet<string> | null = null;

  constructor(platform: DataPlanePlatform, services: DataPlaneServices, options: DataPlaneOptions) {
    this.dispatcher = new Dispatcher(platform);
    this.stats = services.stats;
    const slots = openUpstreamSlots(services.shared, options.id);
    const connectionIds = new ConnectionIds(options.id, options.dataPlanes);
    const leader = options.id === 0;
    this.clusters = this.createClusters(platform, services, { slots, leader, connectionIds });
    this.catalogue = buildCatalogue({
      dispatcher: this.dispatcher,
      clusters: this.clusters,
      runtime: services.runtime,
      files: platform.files,
      http2: platform.http2,
      host: platform.host,
      stats: services.stats.root,
      node: services.node,
      localCluster: services.localNode.clusterName,
      routeSubscriptions: services.routes,
      clusterNames: () => this.knownClusters,
      logFlushIntervalMs: services.logFlushIntervalMs,
      healthCheckFailed: services.healthCheckFailed,
      requestLogs: services.requestLogs,
      limiters: slots.limiters,
      dns: platform.dns,
    });
    this.clusterCatalogues = {
      clusters: this.catalogue.clusters,
      loadBalancers: this.catalogue.loadBalancers,
      healthChecks: this.catalogue.healthChecks,
      sourceAddresses: services.sourceAddresses,
    };
    const managerScope = services.configurationStats.scope("listener_manager");
    const ownScope = services.stats.root.scope("listener_manager");
    this.listenerManagerStats = createListenerManagerStats(managerScope, ownScope);
    this.listeners = this.createListeners(platform, services, options);
  }

  /** Everything that configuration may name, for /server_info. */
  extensions(): readonly ExtensionFacts[] {
    return describeExtensions(this.catalogue);
  }

  /** For logs that belong to no listener. */
  get accessLogs(): Catalogue["accessLogs"] {
    return this.catalogue.accessLogs;
  }

  /** Listeners accept. */
  started(): void {
    this.listenerManagerStats.workersStarted.set(1);
  }

  /** Compiles everything; touches nothing live. */
  prepare(update: ConfigUpdate): PreparedUpdate {
    const clusters = compileClusters(update.clusters, this.clusterCatalogues);
    this.knownClusters = update.clustersMayFollow
      ? null
      : this.clustersAfter(update, clusters.configs);
    const listeners = this.listeners.prepare({
      changed: update.listeners.map(({ message, path }) => ({
        message,
        context: new CompileContext(path),
      })),
      removed: update.removedListeners,
      allOrNothing: update.allOrNothing,
    });
    this.knownClusters = null;
    return {
      diagnostics: [...clusters.diagnostics, ...listeners.diagnostics],
      commit: (done) => {
        for (const { config, source } of clusters.configs)
          this.clusters.addOrUpdate(config, source);
        this.clusters.whenWarm(() =>
          listeners.commit((problems) => {
            // A listener that stays may need them.
            const removes = problems.length === 0 || !update.allOrNothing;
            const removed = removes ? update.removedClusters : [];
            for (const { name, source } of removed) this.clusters.remove(name, source);
            done(problems);
          }),
        );
      },
    };
  }

  /** Everything ends at once. */
  close(done: () => void): void {
    this.listeners.close();
    this.clusters.close(done);
  }

  private createClusters(
    platform: DataPlanePlatform,
    services: DataPlaneServices,
    own: Pick<UpstreamServices, "slots" | "leader" | "connectionIds">,
  ): UpstreamClusterManager {
    return new UpstreamClusterManager({
      dispatcher: this.dispatcher,
      sockets: platform.sockets,
      dns: platform.dns,
      endpoints: services.endpoints,
      runtime: services.runtime,
      ...own,
      eventLogs: openLogFiles({
        files: platform.files,
        logFlushIntervalMs: services.logFlushIntervalMs,
        stats: services.stats.root,
      }),
      outlierEventLogPath: services.outlierEventLogPath,
      localNode: services.localNode,
      stats: services.stats.root,
      configurationStats: services.configurationStats,
      createHttp1Client,
    });
  }

  private createListeners(
    platform: DataPlanePlatform,
    services: DataPlaneServices,
    options: DataPlaneOptions,
  ): ListenerManager {
    const connectionIds = new ConnectionIds(options.id, options.dataPlanes);
    return new ListenerManager(
      {
        dispatcher: this.dispatcher,
        stats: services.stats.root,
        catalogue: {
          networkFilters: byMessage(this.catalogue.networkFilters),
          listenerFilters: byMessage(this.catalogue.listenerFilters),
          logs: this.catalogue.connectionLogs,
        },
        runtime: services.runtime,
        drain: services.drain,
        serverDrain: services.serverDrain,
        healthCheckFailed: services.healthCheckFailed,
        globalLimit: services.globalLimit,
        rejectsConnections: () => false,
        workerId: options.id,
        nextConnectionId: () => connectionIds.next() - 1,
      },
      platform.sockets,
      this.listenerManagerStats,
      { reusePort: options.dataPlanes > 1, bindsUnshared: options.bindsUnshared },
    );
  }

  private clustersAfter(update: ConfigUpdate, changed: readonly CompiledCluster[]): Set<string> {
    const names = new Set(this.clusters.names());
    for (const { config } of changed) names.add(config.name);
    for (const { name } of update.removedClusters) names.delete(name);
    return names;
  }
}

interface CompiledCluster {
  readonly config: ClusterConfig;
  readonly source: ClusterSource;
}

function compileClusters(
  resources: readonly ClusterResource[],
  catalogues: ClusterCatalogues,
): { configs: CompiledCluster[]; diagnostics: Diagnostic[] } {
  const configs: CompiledCluster[] = [];
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<string>();
  for (const { message, path, source } of resources) {
    const context = new CompileContext(path);
    const name = message.name ?? "";
    if (seen.has(name) && name !== "") {
      context
        .at("name")
        .error(`There is more than one cluster named "${name}"`, "give each a name of its own");
    }
    seen.add(name);
    const config = compileCluster(message, catalogues, context);
    diagnostics.push(...context.diagnostics);
    if (config !== null) configs.push({ config, source });
  }
  return { configs, diagnostics };
}
