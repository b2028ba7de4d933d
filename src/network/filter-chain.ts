/**
 * One filter chain of a running listener: its filter factories, its drain and its connections.
 * Envoy: `FilterChainImpl` with `ActiveConnections`
 * (source/common/listener_manager/active_stream_listener_base.h).
 */
import type { ActiveConnection } from "./active-connection.ts";
import type { DrainManager } from "./drain-decision.ts";
import type { FilterChainConfig } from "./filter-chain-config.ts";
import type { NetworkFilterContext, NetworkFilterFactory } from "./network-filter.ts";

export class FilterChain {
  readonly config: FilterChainConfig;
  readonly factories: readonly NetworkFilterFactory[];
  readonly drain: DrainManager;
  readonly connections: Set<ActiveConnection> = new Set();
  /** Told when the last connection of a draining chain has gone. */
  onEmpty: (() => void) | null = null;
  private closed = false;

  constructor(config: FilterChainConfig, drain: DrainManager, context: NetworkFilterContext) {
    this.config = config;
    this.drain = drain;
    this.factories = config.filters.map(({ type, config: filterConfig }) =>
      type.createFactory(filterConfig, context),
    );
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** @internal A connection of this chain has gone. */
  remove(connection: ActiveConnection): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.onEmpty?.();
  }

  /** Closes what is left of its connections, at the end of the drain. */
  closeConnections(): void {
    for (const connection of [...this.connections]) connection.connection.close("no-flush");
  }

  closeQuietConnections(sinceMs: number): void {
    for (const connection of [...this.connections]) connection.closeIfQuiet(sinceMs);
  }

  /** The chain is gone for good: no connection uses it any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const factory of this.factories) factory.close?.();
  }
}
