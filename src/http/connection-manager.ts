// hot: per request
/**
 * The HTTP connection manager on one connection: codec, streams in progress, connection time-outs,
 * draining. Envoy: `Http::ConnectionManagerImpl` (source/common/http/conn_manager_impl.cc).
 */
import type {
  ResponseEncoder,
  ServerConnection,
  ServerConnectionCallbacks,
} from "../codec/codec.ts";
import { Http1ServerConnection, type ServerCodecObserver } from "../codec/h1/server-connection.ts";
import type { Connection, ConnectionCloseSource } from "../network/connection.ts";
import type {
  NetworkFilter,
  NetworkFilterCallbacks,
  NetworkFilterStatus,
} from "../network/network-filter.ts";
import type { ConnectionInfo, Protocol, StreamInfo } from "../network/stream-info.ts";
import type { Timer, TimerOwner } from "../platform/time.ts";
import { ActiveStream } from "./active-stream.ts";
import type { ConnectionManagerRuntime } from "./connection-manager-runtime.ts";

const IDLE_TIMER = 0;
const DURATION_TIMER = 1;
const DRAIN_TIMER = 2;

/** Envoy's `DrainState`: open, answers announce the end, the last stream ends the connection. */
const NOT_DRAINING = 0;
const DRAINING = 1;
const CLOSING = 2;

export class ConnectionManager
  implements NetworkFilter, ServerConnectionCallbacks, ServerCodecObserver, TimerOwner
{
  readonly runtime: ConnectionManagerRuntime;
  readonly connection: Connection;
  readonly info: ConnectionInfo;
  readonly bufferLimitBytes: number;
  /** Who ended the connection; null while it is open. */
  closeSource: ConnectionCloseSource | null = null;
  private readonly codec: ServerConnection;
  /** What the listener's own access log tells of the connection. */
  private readonly connectionStreamInfo: StreamInfo;
  /** Streams in progress; HTTP/1 has one at most. */
  private streams = 0;
  private requests = 0;
  private drainState: number = NOT_DRAINING;
  /** Bytes have come: from then on the connection speaks HTTP and is drained, not cut. */
  private speaks = false;
  /** The next answer ends the connection (`http1_safe_max_connection_duration`). */
  private softDrain = false;
  private countedRx = 0;
  private countedTx = 0;
  private readonly startMs: number;
  private lastActivityMs: number;
  private idleTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private drainTimer: Timer | null = null;

  constructor(runtime: ConnectionManagerRuntime, callbacks: NetworkFilterCallbacks) {
    this.runtime = runtime;
    this.connection = callbacks.connection;
    this.connectionStreamInfo = callbacks.streamInfo;
    this.info = callbacks.streamInfo.connection;
    this.bufferLimitBytes = runtime.bufferLimitBytes;
    this.startMs = runtime.dispatcher.nowMs;
    this.lastActivityMs = this.startMs;
    this.codec = new Http1ServerConnection(this.connection, this, this, runtime.requestParser);
    // Counted here as in Envoy: an earlier filter may close before `onNewConnection`.
    runtime.stats.manager.downstreamCxTotal.inc();
    runtime.stats.manager.downstreamCxActive.inc();
  }

  get protocol(): Protocol {
    return this.codec.protocol;
  }

  get multiplexed(): boolean {
    return this.codec.multiplexed;
  }

  onNewConnection(): NetworkFilterStatus {
    const { stats, config } = this.runtime;
    this.connection.delayedCloseMs = config.timeouts.delayedCloseMs;
    this.connection.delayedCloseTimeouts = stats.manager.downstreamCxDelayedCloseTimeout;
    this.idleTimer = this.startTimer(IDLE_TIMER, config.timeouts.idleMs);
    this.durationTimer = this.startTimer(DURATION_TIMER, config.timeouts.maxConnectionDurationMs);
    return "continue";
  }

  onData(bytes: Buffer, _endStream: boolean): NetworkFilterStatus {
    if (!this.speaks) this.startHttp();
    this.lastActivityMs = this.runtime.dispatcher.nowMs;
    this.codec.dispatch(bytes);
    return "stop";
  }

  onAboveWriteBufferHighWatermark(): void {
    this.codec.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.codec.onBelowWriteBufferLowWatermark();
  }

  closeIfQuiet(sinceMs: number): void {
    if (this.streams === 0 && this.lastActivityMs <= sinceMs) this.connection.close(FINISH);
  }

  onConnectionClose(source: ConnectionCloseSource): void {
    const { manager } = this.runtime.stats;
    this.closeSource = source;
    if (source === "remote") manager.downstreamCxDestroyRemote.inc();
    else manager.downstreamCxDestroyLocal.inc();
    if (this.streams === 0) return;
    manager.downstreamCxDestroyActiveRq.inc();
    // Envoy counts every end that does not come from its connection manager as the peer's.
    manager.downstreamCxDestroyRemoteActiveRq.inc();
  }

  /** The connection is gone. */
  onDestroy(): void {
    this.closeSource ??= "remote";
    this.idleTimer?.close();
    this.durationTimer?.close();
    this.drainTimer?.close();
    this.codec.onConnectionClose();
    this.countBytes();
    this.countClose();
  }

  newStream(encoder: ResponseEncoder): ActiveStream {
    const { stats, config } = this.runtime;
    this.idleTimer?.disarm();
    this.requests++;
    this.streams++;
    if (this.requests === config.maxRequestsPerConnection) {
      stats.manager.downstreamCxMaxRequestsReached.inc();
      this.drainState = CLOSING;
    }
    stats.manager.downstreamRqTotal.inc();
    stats.manager.downstreamRqHttp1Total.inc();
    stats.manager.downstreamRqActive.inc();
    return new ActiveStream(this, encoder);
  }

  onCodecClose(): void {
    this.connection.close(FINISH);
  }

  onHeadersDropped(count: number): void {
    this.runtime.stats.codec.droppedHeadersWithUnderscores.add(count);
  }

  onUnderscoreRefused(): void {
    this.runtime.stats.codec.requestsRejectedWithUnderscoresInHeaders.inc();
  }

  /** Asked when a response head is about to leave: whether the connection ends with it. */
  endsWith(stream: ActiveStream): boolean {
    const { manager } = this.runtime.stats;
    if (this.drainState === NOT_DRAINING) {
      if (this.runtime.drain.drainClose()) {
        this.startDrain();
        manager.downstreamCxDrainClose.inc();
      } else if (this.softDrain) this.drainState = CLOSING;
    }
    // Also while draining: what stands behind a body framed by the close would belong to that body.
    if (stream.closesConnection) this.drainState = CLOSING;
    // An answer before the request is complete: nobody wants to wait for the rest.
    if (!stream.requestEnded) {
      if (!this.multiplexed) this.drainState = CLOSING;
      manager.downstreamRqResponseBeforeRqComplete.inc();
    }
    return this.drainState !== NOT_DRAINING && !this.multiplexed;
  }

  /** A stream that was not answered makes way for one with the same request. */
  succeedStream(encoder: ResponseEncoder): ActiveStream {
    this.streams--;
    this.runtime.stats.manager.downstreamRqActive.dec();
    return this.newStream(encoder);
  }

  onStreamEnd(stream: ActiveStream): void {
    const { manager } = this.runtime.stats;
    this.streams--;
    manager.downstreamRqActive.dec();
    this.lastActivityMs = this.runtime.dispatcher.nowMs;
    this.countBytes();
    if (this.closeSource !== null) return;
    if (stream.wasReset && !this.multiplexed) this.drainState = CLOSING;
    if (this.streams > 0) return;
    if (this.drainState === CLOSING) {
      // Without a request that is still coming there is no race that a delay could avoid.
      this.connection.close(stream.closesConnection && stream.requestEnded ? FLUSH : FINISH);
    } else this.idleTimer?.arm(this.runtime.config.timeouts.idleMs);
  }

  onTimer(kind: number): void {
    const { stats, config } = this.runtime;
    if (kind === DRAIN_TIMER) {
      this.drainState = CLOSING;
      this.codec.endDrain();
      if (this.streams === 0) this.connection.close(FINISH);
    } else if (kind === IDLE_TIMER) {
      stats.manager.downstreamCxIdleTimeout.inc();
      this.drainOrClose();
    } else {
      stats.manager.downstreamCxMaxDurationReached.inc();
      if (this.speaks && config.http1SafeMaxDuration) this.startSoftDrain();
      else this.drainOrClose();
    }
  }

  private startHttp(): void {
    this.speaks = true;
    this.connectionStreamInfo.protocol = this.codec.protocol;
    const { manager } = this.runtime.stats;
    manager.downstreamCxHttp1Total.inc();
    manager.downstreamCxHttp1Active.inc();
  }

  private startTimer(kind: number, delayMs: number): Timer | null {
    if (delayMs === 0) return null;
    const timer = this.runtime.dispatcher.create(this, kind);
    timer.arm(delayMs);
    return timer;
  }

  private drainOrClose(): void {
    if (!this.speaks) this.connection.close(FLUSH);
    else if (this.drainState === NOT_DRAINING) this.startDrain();
  }

  /**
   * From now on answers say that the connection ends; it does after `drain_timeout`, so that a
   * request already on its way is served.
   */
  private startDrain(): void {
    this.drainState = DRAINING;
    this.codec.startDrain();
    this.drainTimer = this.runtime.dispatcher.create(this, DRAIN_TIMER);
    this.drainTimer.arm(this.runtime.config.timeouts.drainMs);
  }

  private startSoftDrain(): void {
    if (this.softDrain) return;
    this.softDrain = true;
    this.runtime.stats.manager.downstreamCxHttp1SoftDrain.inc();
  }

  private countBytes(): void {
    const { manager } = this.runtime.stats;
    manager.downstreamCxRxBytesTotal.add(this.connection.bytesReceived - this.countedRx);
    manager.downstreamCxTxBytesTotal.add(this.connection.bytesSent - this.countedTx);
    this.countedRx = this.connection.bytesReceived;
    this.countedTx = this.connection.bytesSent;
  }

  private countClose(): void {
    const { manager } = this.runtime.stats;
    manager.downstreamCxDestroy.inc();
    manager.downstreamCxActive.dec();
    if (this.speaks) manager.downstreamCxHttp1Active.dec();
    if (this.softDrain) manager.downstreamCxHttp1SoftDrain.dec();
    manager.downstreamCxLengthMs.record(Math.round(this.runtime.dispatcher.nowMs - this.startMs));
  }
}

/** After everything written; with FIN first and time for the peer to see it. */
const FLUSH = "flush-write";
const FINISH = "flush-write-and-delay";
