// hot: per chunk
/**
 * A downstream connection that has its filter chain: joins the connection, its filters, its stats
 * and its log line. Envoy: `ActiveTcpConnection`
 * (source/common/listener_manager/active_stream_listener_base.cc).
 */
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { Socket, SocketError } from "../platform/sockets.ts";
import type { ListenerStats, ListenerWorkerStats } from "../stats/groups/listener-stats.ts";
import { Connection, type ConnectionCallbacks, type ConnectionCloseSource } from "./connection.ts";
import type { ConnectionLog } from "./connection-log.ts";
import { FilterManager } from "./filter-manager.ts";
import type {
  NetworkFilter,
  NetworkFilterCallbacks,
  NetworkFilterFactory,
} from "./network-filter.ts";
import type { StreamInfo } from "./stream-info.ts";

/** What a connection needs of its listener. */
export interface ConnectionOwner {
  readonly dispatcher: Dispatcher;
  readonly stats: ListenerStats;
  readonly workerStats: ListenerWorkerStats;
  readonly logs: readonly ConnectionLog[];
  readonly bufferLimitBytes: number;
  /** The connection is gone; give its place in the limits back. */
  onConnectionGone(): void;
}

/** The filter chain as its connections see it. */
export interface ConnectionChain {
  readonly factories: readonly NetworkFilterFactory[];
  readonly connections: Set<ActiveConnection>;
  /** A connection has gone. */
  remove(connection: ActiveConnection): void;
}

const NO_FILTER: NetworkFilter = {};

export class ActiveConnection implements ConnectionCallbacks, NetworkFilterCallbacks {
  readonly connection: Connection;
  readonly streamInfo: StreamInfo;
  readonly chain: ConnectionChain;
  private readonly owner: ConnectionOwner;
  private filter: NetworkFilter = NO_FILTER;
  private gone = false;

  constructor(
    owner: ConnectionOwner,
    socket: Socket,
    streamInfo: StreamInfo,
    chain: ConnectionChain,
  ) {
    this.owner = owner;
    this.streamInfo = streamInfo;
    this.chain = chain;
    this.connection = new Connection(owner.dispatcher, socket, this, {
      bufferLimitBytes: owner.bufferLimitBytes,
      halfClose: false,
    });
  }

  /**
   * Makes the filters and begins to read; `peeked` are bytes that listener filters have read
   * already.
   */
  start(peeked: Buffer | null): void {
    const { owner, chain } = this;
    owner.stats.downstreamCxTotal.inc();
    owner.stats.downstreamCxActive.inc();
    owner.workerStats.downstreamCxTotal.inc();
    owner.workerStats.downstreamCxActive.inc();
    chain.connections.add(this);
    const { factories } = chain;
    const [first] = factories;
    if (first === undefined) {
      owner.stats.networkExtensionConfigMissing.inc();
      this.connection.close("no-flush");
      return;
    }
    this.filter =
      factories.length === 1
        ? first.create(this)
        : new FilterManager(factories, this, owner.bufferLimitBytes);
    if (this.gone) {
      // Closed while the filters were made.
      this.filter.onDestroy?.();
      return;
    }
    this.filter.onNewConnection?.();
    if (this.gone) return;
    if (peeked !== null) this.connection.prepend(peeked);
    this.connection.start();
  }

  /** Only a chain of one filter gets here: there is nothing after it to go on with. */
  continueReading(): void {}

  onData(bytes: Buffer, endStream: boolean): void {
    this.filter.onData?.(bytes, endStream);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.filter.onAboveWriteBufferHighWatermark?.();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.filter.onBelowWriteBufferLowWatermark?.();
  }

  onWriteBufferDrained(): void {
    this.filter.onWriteBufferDrained?.();
  }

  /** See `NetworkFilter.closeIfQuiet`. */
  closeIfQuiet(sinceMs: number): void {
    this.filter.closeIfQuiet?.(sinceMs);
  }

  onClose(source: ConnectionCloseSource, error: SocketError | null): void {
    this.gone = true;
    const { filter, owner } = this;
    this.filter = NO_FILTER;
    this.finishInfo();
    filter.onConnectionClose?.(source, error);
    filter.onDestroy?.();
    owner.stats.downstreamCxActive.dec();
    owner.stats.downstreamCxDestroy.inc();
    owner.workerStats.downstreamCxActive.dec();
    const nowMs = this.streamInfo.endMs;
    for (let index = 0; index < owner.logs.length; index++) {
      owner.logs[index]?.log(this.streamInfo, nowMs);
    }
    this.chain.remove(this);
    owner.onConnectionGone();
  }

  private finishInfo(): void {
    const { streamInfo, connection, owner } = this;
    const nowMs = owner.dispatcher.monotonicMs();
    streamInfo.endMs = nowMs;
    streamInfo.bytesReceived = connection.bytesReceived;
    streamInfo.bytesSent = connection.bytesSent;
    owner.stats.downstreamCxLengthMs.record(nowMs - streamInfo.startMs);
  }
}
