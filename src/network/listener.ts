// hot: per connection
/**
 * A running listener on one data plane: limits, listener filters, filter chain, connection.
 * Envoy: `ActiveTcpListener`, `ActiveStreamListenerBase` (source/common/listener_manager).
 */
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { Socket, SocketAddress } from "../platform/sockets.ts";
import {
  createListenerStats,
  createListenerWorkerStats,
  type ListenerStats,
  type ListenerWorkerStats,
} from "../stats/groups/listener-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import { ActiveConnection, type ConnectionOwner } from "./active-connection.ts";
import { type ConnectionLimit, LocalConnectionLimit } from "./connection-limit.ts";
import type { ConnectionLog } from "./connection-log.ts";
import { type DrainDecision, DrainManager, type DrainOptions } from "./drain-decision.ts";
import type { Drainable } from "./draining.ts";
import { FilterChain } from "./filter-chain.ts";
import type { AcceptTarget } from "./listen-sockets.ts";
import type { ListenerCatalogue, ListenerConfig } from "./listener-config.ts";
import {
  ListenerFilterChain,
  type ListenerFilterEntry,
  type ListenerFilterOwner,
} from "./listener-filter-chain.ts";
import type { TrafficDirection } from "./network-filter.ts";
import { ConnectionInfo, ResponseFlag, StreamInfo } from "./stream-info.ts";
import { WarmingGate } from "./warming-gate.ts";

/** What all listeners of one data plane share. */
export interface ListenerServices {
  readonly dispatcher: Dispatcher;
  /** The scope of the whole data plane. */
  readonly stats: StatsScope;
  readonly catalogue: ListenerCatalogue;
  readonly runtime: RuntimeSnapshot;
  readonly drain: DrainOptions;
  /** The whole server drains in this direction (SIGTERM, /drain_listeners). */
  readonly serverDrain: (direction: TrafficDirection) => boolean;
  /** /healthcheck/fail: listeners with drain type DEFAULT close after each response. */
  readonly healthCheckFailed: () => boolean;
  /** Connections of all listeners together. */
  readonly globalLimit: ConnectionLimit;
  /** The overload manager wants no new connections. */
  readonly rejectsConnections: () => boolean;
  /** Names `listener.<address>.worker_<id>.`. */
  readonly workerId: number;
  readonly nextConnectionId: () => number;
}

const UNLIMITED_CONNECTIONS = Number.MAX_SAFE_INTEGER;

/** The chains of one version of a listener. */
export interface FilterChainSet {
  readonly config: ListenerConfig;
  readonly chains: readonly FilterChain[];
  /** Open once all filters of the new chains can serve. */
  readonly gate: WarmingGate;
}

/** Finds the listener that a restored destination belongs to, or null. */
export type HandOff = (local: SocketAddress) => Listener | null;

export class Listener implements AcceptTarget, ConnectionOwner, ListenerFilterOwner, Drainable {
  readonly dispatcher: Dispatcher;
  readonly stats: ListenerStats;
  readonly workerStats: ListenerWorkerStats;
  readonly logs: readonly ConnectionLog[];
  readonly filters: readonly ListenerFilterEntry[];
  readonly filtersTimeoutMs: number;
  readonly continueOnTimeout: boolean;
  readonly bufferLimitBytes: number;
  readonly drain: DrainManager;
  onEmpty: (() => void) | null = null;
  private readonly services: ListenerServices;
  private readonly scope: StatsScope;
  private readonly handOff: HandOff;
  private readonly limit: ConnectionLimit;
  private readonly pending: Set<ListenerFilterChain> = new Set();
  private current: FilterChainSet;
  private open = 0;

  constructor(config: ListenerConfig, services: ListenerServices, handOff: HandOff) {
    this.services = services;
    this.handOff = handOff;
    this.dispatcher = services.dispatcher;
    this.scope = services.stats.scope(`listener.${config.statPrefix}`);
    this.stats = createListenerStats(this.scope);
    this.workerStats = createListenerWorkerStats(this.scope.scope(`worker_${services.workerId}`));
    this.filtersTimeoutMs = config.listenerFiltersTimeoutMs;
    this.continueOnTimeout = config.continueOnListenerFiltersTimeout;
    this.bufferLimitBytes = config.bufferLimitBytes;
    this.drain = new DrainManager(
      serverDrain(config, services),
      services.drain,
      services.dispatcher,
      services.dispatcher.random,
    );
    this.limit = new LocalConnectionLimit(connectionLimit(config.name, services.runtime));
    this.logs = createLogs(config, services);
    this.filters = createFilters(config, services);
    this.current = this.prepareChains(config, null);
  }

  get config(): ListenerConfig {
    return this.current.config;
  }

  /** Open once the first version can serve. */
  get gate(): WarmingGate {
    return this.current.gate;
  }

  get chains(): readonly FilterChain[] {
    return this.current.chains;
  }

  /** Accepted and not yet closed. */
  get connectionCount(): number {
    return this.open;
  }

  /**
   * Builds the chains of a new version that differs in its chains only; equal chains are taken
   * over.
   */
  prepareChains(
    config: ListenerConfig,
    from: FilterChainSet | null = this.current,
  ): FilterChainSet {
    const old = new Map(from?.chains.map((chain) => [chain.config.identity, chain]) ?? []);
    const gate = new WarmingGate();
    const configs = [...config.filterChains];
    if (config.defaultFilterChain !== null) configs.push(config.defaultFilterChain);
    const context = {
      listener: config,
      listenerStats: this.scope,
      rootStats: this.services.stats,
      warming: gate,
    };
    const { dispatcher, drain: options } = this.services;
    const chains = configs.map((chainConfig) => {
      const kept = old.get(chainConfig.identity);
      if (kept !== undefined) return kept;
      const drain = new DrainManager(this.drain, options, dispatcher, dispatcher.random);
      return new FilterChain(chainConfig, drain, { ...context, drain });
    });
    return { config, chains, gate };
  }

  /** Swaps the chains; gives those that the new version no longer has. */
  adoptChains(set: FilterChainSet): FilterChain[] {
    const { chains } = this.current;
    this.current = set;
    return chains.filter((chain) => !set.chains.includes(chain));
  }

  /** Drops chains that were prepared and never adopted. */
  discardChains(set: FilterChainSet): void {
    for (const chain of set.chains) if (!this.current.chains.includes(chain)) chain.close();
  }

  accept(socket: Socket, local: SocketAddress | null): void {
    const { dispatcher } = this;
    dispatcher.begin();
    try {
      if (this.admit(socket)) this.begin(socket, local);
    } catch (error) {
      dispatcher.onBug(error);
      socket.destroy();
    } finally {
      dispatcher.end();
    }
  }

  onFiltersDone(chain: ListenerFilterChain): void {
    this.pending.delete(chain);
    const info = chain.streamInfo.connection;
    const target =
      this.config.useOriginalDst && info.localAddressRestored
        ? this.handOff(info.localAddress)
        : null;
    if (target === null || target === this) {
      this.serve(chain.socket, chain.streamInfo, chain.peeked);
    } else {
      this.leave();
      target.takeOver(chain, !this.config.ignoreGlobalConnectionLimit);
    }
  }

  onFiltersFailed(chain: ListenerFilterChain): void {
    this.pending.delete(chain);
    this.log(chain.streamInfo);
    this.onConnectionGone();
  }

  onConnectionGone(): void {
    if (!this.config.ignoreGlobalConnectionLimit) this.services.globalLimit.release();
    this.leave();
  }

  closeConnections(): void {
    for (const chain of [...this.pending]) chain.abort();
    for (const chain of this.chains) chain.closeConnections();
  }

  closeQuietConnections(sinceMs: number): void {
    for (const chain of this.chains) chain.closeQuietConnections(sinceMs);
  }

  /** Gone for good, its stats too. */
  close(): void {
    this.closeConnections();
    for (const chain of this.chains) chain.close();
    for (const { factory } of this.filters) factory.close?.();
    this.scope.remove();
  }

  /** A connection that another listener accepted and that was meant for this one. */
  private takeOver(chain: ListenerFilterChain, hasGlobalPlace: boolean): void {
    const { globalLimit } = this.services;
    const wantsGlobalPlace = !this.config.ignoreGlobalConnectionLimit;
    if (hasGlobalPlace && !wantsGlobalPlace) globalLimit.release();
    if (wantsGlobalPlace && !hasGlobalPlace && !globalLimit.tryAcquire()) {
      this.stats.downstreamGlobalCxOverflow.inc();
      chain.socket.destroy();
    } else if (!this.limit.tryAcquire()) {
      this.stats.downstreamCxOverflow.inc();
      if (wantsGlobalPlace) globalLimit.release();
      chain.socket.destroy();
    } else {
      this.open++;
      this.filter(chain.socket, chain.streamInfo, chain.peeked);
    }
  }

  private admit(socket: Socket): boolean {
    const { services, config, stats } = this;
    if (!config.bypassOverloadManager && services.rejectsConnections()) {
      stats.downstreamCxOverloadReject.inc();
    } else if (!this.limit.tryAcquire()) {
      stats.downstreamCxOverflow.inc();
    } else if (!config.ignoreGlobalConnectionLimit && !services.globalLimit.tryAcquire()) {
      this.limit.release();
      stats.downstreamGlobalCxOverflow.inc();
    } else {
      this.open++;
      return true;
    }
    socket.destroy();
    return false;
  }

  private begin(socket: Socket, local: SocketAddress | null): void {
    const { dispatcher, services, config } = this;
    const address = local ?? socket.localSocketAddress();
    // A client of a Unix socket has no address of its own. Envoy: IoSocketHandleImpl::peerAddress.
    const remote = address.path === undefined ? socket.remoteSocketAddress() : address;
    const info = new ConnectionInfo(services.nextConnectionId(), remote, address);
    if (config.keepAliveMs > 0) socket.setKeepAlive(true, config.keepAliveMs);
    const streamInfo = new StreamInfo(info, dispatcher.nowMs, dispatcher.wallMs());
    this.filter(socket, streamInfo, null);
  }

  private filter(socket: Socket, streamInfo: StreamInfo, peeked: Buffer | null): void {
    const { connection } = streamInfo;
    connection.listenerName = this.config.name;
    connection.listenerMetadata = this.config.metadata;
    if (this.filters.length === 0) {
      this.serve(socket, streamInfo, peeked);
      return;
    }
    const chain = new ListenerFilterChain(this, socket, streamInfo, peeked);
    this.pending.add(chain);
    chain.start();
  }

  private serve(socket: Socket, streamInfo: StreamInfo, peeked: Buffer | null): void {
    const info = streamInfo.connection;
    if (info.transportProtocol === "") info.transportProtocol = "raw_buffer";
    streamInfo.remoteAddress = info.remoteAddress;
    const { config, chains } = this.current;
    const chain = chains[config.selector.select(streamInfo)];
    if (chain === undefined) {
      this.refuse(socket, streamInfo);
      return;
    }
    info.filterChainName = chain.config.name;
    info.filterChainMetadata = chain.config.metadata;
    new ActiveConnection(this, socket, streamInfo, chain).start(peeked);
  }

  private refuse(socket: Socket, streamInfo: StreamInfo): void {
    this.stats.noFilterChainMatch.inc();
    streamInfo.setFlag(ResponseFlag.NoRouteFound);
    streamInfo.responseCodeDetails = "filter_chain_not_found";
    socket.destroy();
    this.log(streamInfo);
    this.onConnectionGone();
  }

  private log(streamInfo: StreamInfo): void {
    const nowMs = this.dispatcher.monotonicMs();
    streamInfo.endMs = nowMs;
    for (let index = 0; index < this.logs.length; index++) {
      this.logs[index]?.log(streamInfo, nowMs);
    }
  }

  private leave(): void {
    this.limit.release();
    if (--this.open === 0) this.onEmpty?.();
  }
}

function connectionLimit(name: string, runtime: RuntimeSnapshot): () => number {
  const key = `envoy.resource_limits.listener.${name}.connection_limit`;
  return () => runtime.getInteger(key, UNLIMITED_CONNECTIONS);
}

/** What drains a listener besides itself. */
function serverDrain(config: ListenerConfig, services: ListenerServices): DrainDecision {
  const withHealth = config.drainType === "DEFAULT";
  const direction = config.trafficDirection;
  return {
    drainClose: () =>
      (withHealth && services.healthCheckFailed()) || services.serverDrain(direction),
  };
}

function createLogs(config: ListenerConfig, services: ListenerServices): ConnectionLog[] {
  const { logs } = services.catalogue;
  return logs === null ? [] : config.logs.map((log) => logs.create(log));
}

function createFilters(config: ListenerConfig, services: ListenerServices): ListenerFilterEntry[] {
  const context = {
    listener: config,
    dispatcher: services.dispatcher,
    rootStats: services.stats,
  };
  return config.listenerFilters.map(({ type, config: filterConfig, disabled }) => ({
    factory: type.createFactory(filterConfig, context),
    disabled,
  }));
}
