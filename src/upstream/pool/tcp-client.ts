// hot: per chunk
/**
 * One pooled TCP connection: keeps the books while its user reads and writes. Envoy:
 * `Tcp::ActiveTcpClient`.
 */
import {
  Connection,
  type ConnectionCallbacks,
  type ConnectionCloseSource,
} from "../../network/connection.ts";
import type { Socket, SocketAddress, SocketError } from "../../platform/sockets.ts";
import type { Timer, TimerOwner } from "../../platform/time.ts";
import type { TcpPoolCallbacks } from "../connection-pool.ts";
import type { ListMember } from "./client-list.ts";
import {
  CONNECT_TIMEOUT_FAILURE,
  type ConnectFailure,
  LOCAL_CLOSE_FAILURE,
} from "./connect-failure.ts";
import { ConnectionAccount } from "./connection-account.ts";
import { Connector, type ConnectorCallbacks } from "./connector.ts";
import { PooledUpstream } from "./pooled-upstream.ts";
import type { TcpPool } from "./tcp-pool.ts";

const CONNECT_TIMER = 0;
const MAX_DURATION_TIMER = 1;

export class TcpClient
  implements ConnectionCallbacks, ConnectorCallbacks, TimerOwner, ListMember<TcpClient>
{
  previous: TcpClient | null = null;
  next: TcpClient | null = null;
  private readonly pool: TcpPool;
  private readonly account: ConnectionAccount;
  /** Null once connected. */
  private connector: Connector | null;
  private readonly connectTimer: Timer;
  private maxDurationTimer: Timer | null = null;
  private connection: Connection | null = null;
  private info: PooledUpstream | null = null;
  /** Who reads and writes; null until handed over. */
  private user: ConnectionCallbacks | null = null;
  private attached = false;
  private closed = false;
  /** After the peer's FIN: who was last to send one if both do. Null before. */
  private lastFin: ConnectionCloseSource | null = null;

  constructor(pool: TcpPool) {
    const { services, info, host } = pool;
    const { dispatcher } = services;
    this.pool = pool;
    this.account = new ConnectionAccount(info, host, pool.limits, dispatcher.monotonicMs());
    this.connectTimer = dispatcher.create(this, CONNECT_TIMER);
    this.connector = new Connector(
      dispatcher,
      services.sockets,
      info.connection,
      host.description,
      this,
    );
  }

  connect(): void {
    this.account.opened();
    this.connectTimer.arm(this.pool.info.connection.connectTimeoutMs);
    this.connector?.start();
  }

  close(): void {
    if (this.closed) return;
    if (this.connection !== null) {
      this.connection.close("no-flush");
    } else {
      this.connector?.cancel();
      this.failConnect(LOCAL_CLOSE_FAILURE, "local");
    }
  }

  onSocketConnected(socket: Socket, address: SocketAddress): void {
    const { pool } = this;
    const { dispatcher } = pool.services;
    const { connection: settings } = pool.info;
    const nowMs = dispatcher.monotonicMs();
    const connection = new Connection(dispatcher, socket, this, {
      bufferLimitBytes: pool.info.perConnectionBufferLimitBytes,
      halfClose: true,
    });
    this.connection = connection;
    this.connector = null;
    if (settings.keepalive !== null) socket.setKeepAlive(true, settings.keepalive.initialDelayMs);
    this.account.connected(connection, nowMs);
    this.info = new PooledUpstream(
      pool.host.description,
      {
        address,
        localAddress: socket.localSocketAddress(),
        startMs: this.account.startMs,
        endMs: nowMs,
      },
      null,
      pool.services.connectionIds.next(),
    );
    this.connectTimer.close();
    if (settings.maxConnectionDurationMs > 0) {
      this.maxDurationTimer = dispatcher.create(this, MAX_DURATION_TIMER);
      this.maxDurationTimer.arm(settings.maxConnectionDurationMs);
    }
    pool.clientConnected(this);
  }

  onConnectFailed(failure: ConnectFailure): void {
    if (failure.bind) this.pool.info.stats.bindErrors.inc();
    const local = failure.reason === "local connection failure";
    this.failConnect(failure, local ? "local" : "remote");
  }

  /** Gives the connection to its user and stays in between to keep the books. */
  handOver(callbacks: TcpPoolCallbacks): void {
    const connection = this.connection as Connection;
    this.attached = true;
    callbacks.onPoolReady(connection, this.pool.host, this.info as PooledUpstream);
    if (connection.closed) {
      if (!this.closed) this.finish("local");
      return;
    }
    if (connection.callbacks !== this) {
      this.user = connection.callbacks;
      connection.callbacks = this;
    }
  }

  onData(bytes: Buffer, endStream: boolean): void {
    this.account.countBytes();
    if (endStream) this.lastFin = (this.connection as Connection).finished ? "remote" : "local";
    this.user?.onData(bytes, endStream);
  }

  onClose(source: ConnectionCloseSource, error: SocketError | null): void {
    // Who sent FIN last has ended the connection (Envoy), whoever lets go of the socket first.
    const ended = this.lastFin !== null && (this.connection as Connection).finished;
    this.finish(ended ? (this.lastFin as ConnectionCloseSource) : source);
    this.user?.onClose(source, error);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.user?.onAboveWriteBufferHighWatermark?.();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.user?.onBelowWriteBufferLowWatermark?.();
  }

  onTimer(kind: number): void {
    const { stats } = this.pool.info;
    if (kind === MAX_DURATION_TIMER) {
      stats.upstreamCxMaxDurationReached.inc();
    } else {
      stats.upstreamCxConnectTimeout.inc();
      this.connector?.cancel();
      this.failConnect(CONNECT_TIMEOUT_FAILURE, "local");
    }
  }

  private failConnect(failure: ConnectFailure, source: ConnectionCloseSource): void {
    this.account.connectFailed();
    this.closeBooks(source, false);
    this.pool.connectFailed(this, failure);
  }

  private finish(source: ConnectionCloseSource): void {
    this.closeBooks(source, this.attached);
    this.pool.clientClosed(this, this.attached);
    this.pool.afterClose();
  }

  private closeBooks(source: ConnectionCloseSource, activeRequest: boolean): void {
    this.closed = true;
    this.connectTimer.close();
    this.maxDurationTimer?.close();
    const nowMs = this.pool.services.dispatcher.monotonicMs();
    this.account.closed(source, activeRequest, nowMs);
  }
}
