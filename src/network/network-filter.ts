/**
 * A step that sees a connection and its bytes. Envoy: `Network::ReadFilter`,
 * `Network::ReadFilterCallbacks` (envoy/network/filter.h). Filters run in configuration order; the
 * last one is terminal (HTTP connection manager, TCP proxy).
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { SocketError } from "../platform/sockets.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { Connection, ConnectionCloseSource } from "./connection.ts";
import type { DrainDecision } from "./drain-decision.ts";
import type { Metadata, StreamInfo } from "./stream-info.ts";
import type { WarmingGate } from "./warming-gate.ts";

/** `stop` holds this event and everything after it for later filters until `continueReading`. */
export type NetworkFilterStatus = "continue" | "stop";

/**
 * One instance per connection. Methods that a filter does not need are left out. The events of the
 * connection itself (close, watermarks) come through the filter too: `connection.callbacks` belongs
 * to the listener.
 */
export interface NetworkFilter {
  /** Once, when the connection has its filter chain. */
  onNewConnection?(): NetworkFilterStatus;
  /**
   * Bytes from downstream. `bytes` is borrowed: copy what must outlive the call. A terminal filter
   * consumes everything. `endStream` means the peer sent FIN; `bytes` may then be empty.
   */
  onData?(bytes: Buffer, endStream: boolean): NetworkFilterStatus;
  /**
   * The connection closed, by us (also from inside this filter's own `close` call) or by the peer.
   * Once, before `onDestroy`.
   */
  onConnectionClose?(source: ConnectionCloseSource, error: SocketError | null): void;
  /** The client reads too slowly: stop producing. */
  onAboveWriteBufferHighWatermark?(): void;
  onBelowWriteBufferLowWatermark?(): void;
  /** After a write of which at least 16 KiB had to wait: everything has left. */
  onWriteBufferDrained?(): void;
  /**
   * The server drains: close now if nothing is in flight and nothing was since `sinceMs`
   * (monotonic).
   */
  closeIfQuiet?(sinceMs: number): void;
  /** The connection is gone. Always called exactly once; release timers and upstream work here. */
  onDestroy?(): void;
}

/** What a filter may do with its place in the chain. */
export interface NetworkFilterCallbacks {
  readonly connection: Connection;
  /** Facts of the connection; `streamInfo.connection` holds the addresses, SNI and ALPN. */
  readonly streamInfo: StreamInfo;
  /** Goes on after `stop`: later filters see the new connection and what was held. */
  continueReading(): void;
}

/** A compiled network filter, ready to make one instance per connection. */
export interface NetworkFilterFactory {
  /** Name in configuration. */
  readonly name: string;
  create(callbacks: NetworkFilterCallbacks): NetworkFilter;
  /** Called when the filter chain that owns it is gone for good. */
  close?(): void;
}

export type TrafficDirection = "UNSPECIFIED" | "INBOUND" | "OUTBOUND";

/** What filters may know of the listener they serve. */
export interface ListenerFacts {
  readonly name: string;
  readonly trafficDirection: TrafficDirection;
  /** `per_connection_buffer_limit_bytes`; also the limit of HTTP stream buffers. */
  readonly bufferLimitBytes: number;
  readonly metadata: Metadata | null;
}

/** What a filter gets for one filter chain of one listener on one data plane. */
export interface NetworkFilterContext {
  readonly listener: ListenerFacts;
  /** `listener.<stat_prefix or address>.` */
  readonly listenerStats: StatsScope;
  /** The scope of the whole data plane. */
  readonly rootStats: StatsScope;
  /** Asked per response: should the connection be closed because of a drain? */
  readonly drain: DrainDecision;
  /** Hold it while the filter cannot serve yet (routes still to come). */
  readonly warming: WarmingGate;
}

/** One entry of the network filter catalogue, type parameters erased by `defineNetworkFilter`. */
export interface NetworkFilterType {
  /** Canonical name, `envoy.filters.network.tcp_proxy`. */
  readonly name: string;
  /** Full message names accepted in typed_config, without the type.googleapis.com prefix. */
  readonly messages: readonly string[];
  /** Consumes every byte: must stand last. */
  readonly terminal: boolean;
  /** Pure; problems go to the context. Null when refused. */
  compile(message: object, context: CompileContext): object | null;
  /** Once per filter chain and data plane. */
  createFactory(config: object, context: NetworkFilterContext): NetworkFilterFactory;
}

/** A `NetworkFilterType` with its types still visible. */
export interface NetworkFilterDefinition<Message, Config> {
  readonly name: string;
  readonly messages: readonly string[];
  readonly terminal?: boolean;
  compile(message: Message, context: CompileContext): Config | null;
  createFactory(config: Config, context: NetworkFilterContext): NetworkFilterFactory;
}

/** Checks the type parameters once and erases them for the catalogue. */
export function defineNetworkFilter<Message extends object, Config extends object>(
  definition: NetworkFilterDefinition<Message, Config>,
): NetworkFilterType {
  return {
    ...definition,
    terminal: definition.terminal ?? false,
  } as unknown as NetworkFilterType;
}
