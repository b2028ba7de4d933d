// hot: per request
/**
 * One pooled HTTP/1.1 connection: connecting, ready, busy with one request, or on its way out. It
 * reports to its pool and carries bytes to its codec. Envoy: `Http::Http1::ActiveClient`,
 * `CodecClient`.
 */
import type { ClientConnection, ClientConnectionCallbacks } from "../../codec/codec.ts";
import {
  Connection,
  type ConnectionCallbacks,
  type ConnectionCloseSource,
} from "../../network/connection.ts";
import type { Socket, SocketAddress } from "../../platform/sockets.ts";
import type { Timer, TimerOwner } from "../../platform/time.ts";
import type { ListMember } from "./client-list.ts";
import {
  CONNECT_TIMEOUT_FAILURE,
  type ConnectFailure,
  LOCAL_CLOSE_FAILURE,
} from "./connect-failure.ts";
import { ConnectionAccount } from "./connection-account.ts";
import { Connector, type ConnectorCallbacks } from "./connector.ts";
import type { H1Pool } from "./h1-pool.ts";
import { PooledUpstream } from "./pooled-upstream.ts";

export const CONNECTING = 0;
export const READY = 1;
/** One request in flight. */
export const BUSY = 2;
/** One request in flight, the last one. */
export const DRAINING = 3;
export const CLOSED = 4;

/** Connect time-out while connecting, idle time-out while ready. */
const PHASE_TIMER = 0;
const MAX_DURATION_TIMER = 1;

const UNLIMITED = 0x3fffffff;

/** The codec's word for bytes after a complete response. */
const UNSOLICITED_BYTES = "unsolicited_bytes";
const ONE = 0x31;
const REQUEST_TIMEOUT = 408;
const ZERO = 0x30;

export class H1Client
  implements
    ConnectionCallbacks,
    ClientConnectionCallbacks,
    ConnectorCallbacks,
    TimerOwner,
    ListMember<H1Client>
{
  previous: H1Client | null = null;
  next: H1Client | null = null;
  state: number = CONNECTING;
  /** Requests it may still begin. */
  remaining: number;
  /** Requests it has begun. */
  requests = 0;
  info: PooledUpstream | null = null;
  codec: ClientConnection | null = null;
  private readonly pool: H1Pool;
  private readonly account: ConnectionAccount;
  /** Null once connected. */
  private connector: Connector | null;
  private readonly phaseTimer: Timer;
  private maxDurationTimer: Timer | null = null;
  private connection: Connection | null = null;
  /** A request is in flight, or was given up. */
  private incomplete = false;

  constructor(pool: H1Pool) {
    const { services, info, host } = pool;
    const settings = info.connection;
    const { dispatcher } = services;
    this.pool = pool;
    this.remaining =
      settings.maxRequestsPerConnection > 0 ? settings.maxRequestsPerConnection : UNLIMITED;
    this.account = new ConnectionAccount(info, host, pool.limits, dispatcher.monotonicMs());
    this.phaseTimer = dispatcher.create(this, PHASE_TIMER);
    this.connector = new Connector(dispatcher, services.sockets, settings, host.description, this);
  }

  connect(): void {
    this.account.opened();
    this.pool.info.stats.upstreamCxHttp1Total.inc();
    this.phaseTimer.arm(this.pool.info.connection.connectTimeoutMs);
    this.connector?.start();
  }

  /** Closes at once, whatever it is doing. */
  close(): void {
    if (this.state === CLOSED) return;
    if (this.connection === null) {
      this.connector?.cancel();
      this.failConnect(LOCAL_CLOSE_FAILURE, "local");
    } else {
      this.connection.close("no-flush");
    }
  }

  /** It waits for a request. */
  idle(): void {
    const { idleTimeoutMs } = this.pool.info.connection;
    if (idleTimeoutMs > 0) this.phaseTimer.arm(idleTimeoutMs);
  }

  /** A request begins. True when it is the last one. */
  begin(): boolean {
    this.phaseTimer.disarm();
    this.incomplete = true;
    this.requests++;
    return --this.remaining === 0;
  }

  onSocketConnected(socket: Socket, address: SocketAddress): void {
    const { pool } = this;
    const { dispatcher } = pool.services;
    const { connection: settings } = pool.info;
    const nowMs = dispatcher.monotonicMs();
    const connection = new Connection(dispatcher, socket, this, {
      bufferLimitBytes: pool.info.perConnectionBufferLimitBytes,
      halfClose: false,
    });
    this.connection = connection;
    this.connector = null;
    if (settings.keepalive !== null) socket.setKeepAlive(true, settings.keepalive.initialDelayMs);
    this.account.connected(connection, nowMs);
    const localAddress = socket.localSocketAddress();
    this.info = new PooledUpstream(
      pool.host.description,
      { address, localAddress, startMs: this.account.startMs, endMs: nowMs },
      "HTTP/1.1",
      pool.services.connectionIds.next(),
    );
    this.codec = pool.services.createHttp1Client(connection, this, pool.info.http1);
    this.phaseTimer.disarm();
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

  onData(bytes: Buffer): void {
    this.account.countBytes();
    if (this.state === READY && isRequestTimeout(bytes)) {
      this.close();
      return;
    }
    (this.codec as ClientConnection).dispatch(bytes);
  }

  onClose(source: ConnectionCloseSource): void {
    this.pool.clientClosed(this);
    const ended = (this.codec as ClientConnection).onConnectionClose("connection termination", "");
    this.closeBooks(source, this.incomplete && (source === "local" || !ended));
    this.pool.info.stats.upstreamRqPerCx.record(this.requests);
    this.pool.afterClose();
  }

  onAboveWriteBufferHighWatermark(): void {
    (this.codec as ClientConnection).onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    (this.codec as ClientConnection).onBelowWriteBufferLowWatermark();
  }

  onStreamComplete(): void {
    this.incomplete = false;
    this.account.countBytes();
    // Whoever stopped reading did not start it again: the next request would wait for ever.
    if (!(this.connection as Connection).readEnabled) {
      this.close();
      return;
    }
    this.pool.streamComplete(this);
  }

  /**
   * The response announced the end of the connection, or our side gave the request up
   * (`incomplete`).
   */
  onNoMoreStreams(incomplete: boolean): void {
    this.incomplete = incomplete;
    if (!incomplete) this.pool.info.stats.upstreamCxCloseNotify.inc();
    this.close();
  }

  onProtocolError(details: string): void {
    if (details === UNSOLICITED_BYTES) this.incomplete = false;
    this.pool.info.stats.upstreamCxProtocolError.inc();
    this.close();
  }

  onTimer(kind: number): void {
    const { stats } = this.pool.info;
    if (kind === MAX_DURATION_TIMER) {
      stats.upstreamCxMaxDurationReached.inc();
      if (this.state === READY) this.close();
      else this.state = DRAINING;
    } else if (this.state === CONNECTING) {
      stats.upstreamCxConnectTimeout.inc();
      this.connector?.cancel();
      this.failConnect(CONNECT_TIMEOUT_FAILURE, "local");
    } else if (this.state === READY) {
      stats.upstreamCxIdleTimeout.inc();
      this.close();
    }
  }

  private failConnect(failure: ConnectFailure, source: ConnectionCloseSource): void {
    this.account.connectFailed();
    this.closeBooks(source, false);
    this.pool.connectFailed(this, failure);
  }

  private closeBooks(source: ConnectionCloseSource, activeRequest: boolean): void {
    this.phaseTimer.close();
    this.maxDurationTimer?.close();
    this.account.closed(source, activeRequest, this.pool.services.dispatcher.monotonicMs());
  }
}

/**
 * `HTTP/1.x 408` on an idle connection is how some servers say that they close it: no protocol
 * error (Envoy: `getPrematureResponseHttpCode`).
 */
function isRequestTimeout(bytes: Buffer): boolean {
  if (bytes.length < 12 || bytes[5] !== ONE) return false;
  const hundreds = (bytes[9] as number) - ZERO;
  const tens = (bytes[10] as number) - ZERO;
  const ones = (bytes[11] as number) - ZERO;
  return hundreds * 100 + tens * 10 + ones === REQUEST_TIMEOUT;
}
