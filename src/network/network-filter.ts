/**
 * A step that sees a connection and its bytes. Envoy: `Network::ReadFilter`, `Network::ReadFilterCallbacks`
 * (envoy/network/filter.h). Filters run in configuration order; the last one is terminal (HTTP connection manager, TCP proxy).
 */
import type { Connection } from "./connection.ts";

/** `stop` holds this event and everything after it for later filters until `continueReading`. */
export type NetworkFilterStatus = "continue" | "stop";

export interface NetworkFilter {
  /** Once, when the connection has its filter chain. */
  onNewConnection?(): NetworkFilterStatus;
  /**
   * Bytes from downstream. `bytes` is borrowed: copy what must outlive the call. A terminal filter consumes everything.
   * `endStream` means the peer sent FIN; `bytes` may then be empty.
   */
  onData?(bytes: Buffer, endStream: boolean): NetworkFilterStatus;
  /** The connection is gone. Always called exactly once; release timers and upstream work here. */
  onDestroy?(): void;
}

/** What a filter may do with its place in the chain. */
export interface NetworkFilterCallbacks {
  readonly connection: Connection;
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
