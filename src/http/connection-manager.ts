// hot: per request
/**
 * The HTTP connection manager on one connection: codec, streams in progress, connection time-outs,
 * draining. Envoy: `Http::ConnectionManagerImpl` (source/common/http/conn_manager_impl.cc).
 */
import type { RequestDecoder, ResponseEncoder, ServerConnection, ServerConnectionCallbacks } from "../codec/codec.ts";
import { Http1ServerConnection, type ServerCodecObserver } from "../codec/h1/server-connection.ts";
import type { Connection } from "../network/connection.ts";
import type { NetworkFilter, NetworkFilterCallbacks, NetworkFilterStatus } from "../network/network-filter.ts";
import type { ConnectionInfo, Protocol } from "../network/stream-info.ts";
import type { Timer, TimerOwner } from "../platform/time.ts";
import { ActiveStream } from "./active-stream.ts";
import type { ConnectionManagerRuntime } from "./connection-manager-runtime.ts";

const IDLE_TIMER = 0;
const DURATION_TIMER = 1;
const HEADERS_TIMER = 2;

export class ConnectionManager
  implements NetworkFilter, ServerConnectionCallbacks, ServerCodecObserver, TimerOwner
{
  readonly runtime: ConnectionManagerRuntime;
  readonly connection: Connection;
  readonly info: ConnectionInfo;
  readonly bufferLimitBytes: number;
  private readonly codec: ServerConnection;
  private stream: ActiveStream | null = null;
  private requests = 0;
  private draining = false;
  private countedRx = 0;
  private countedTx = 0;
  private readonly startMs: number;
  private lastActivityMs: number;
  private idleTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private headersTimer: Timer | null = null;

  constructor(runtime: ConnectionManagerRuntime, callbacks: NetworkFilterCallbacks) {
    this.runtime = runtime;
    this.connection = callbacks.connection;
    this.info = callbacks.streamInfo.connection;
    this.bufferLimitBytes = runtime.bufferLimitBytes;
    this.startMs = runtime.dispatcher.nowMs;
    this.lastActivityMs = this.startMs;
    this.codec = new Http1ServerConnection(this.connection, this, this, runtime.requestParser);
  }

  get protocol(): Protocol {
    return this.codec.protocol;
  }

  onNewConnection(): NetworkFilterStatus {
    const { stats, config, dispatcher } = this.runtime;
    stats.manager.downstreamCxTotal.inc();
    stats.manager.downstreamCxActive.inc();
    stats.manager.downstreamCxHttp1Total.inc();
    stats.manager.downstreamCxHttp1Active.inc();
    this.connection.delayedCloseMs = config.timeouts.delayedCloseMs;
    if (config.timeouts.idleMs > 0) {
      this.idleTimer = dispatcher.create(this, IDLE_TIMER);
      this.idleTimer.arm(config.timeouts.idleMs);
    }
    if (config.timeouts.maxConnectionDurationMs > 0) {
      this.durationTimer = dispatcher.create(this, DURATION_TIMER);
      this.durationTimer.arm(config.timeouts.maxConnectionDurationMs);
    }
    return "continue";
  }

  onData(bytes: Buffer, _endStream: boolean): NetworkFilterStatus {
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
    if (this.stream === null && this.lastActivityMs <= sinceMs) this.startDrain();
  }

  /** The connection is gone. */
  onDestroy(): void {
    this.idleTimer?.close();
    this.durationTimer?.close();
    this.headersTimer?.close();
    this.codec.onConnectionClose();
    this.countBytes();
    this.countClose();
  }

  newStream(encoder: ResponseEncoder): RequestDecoder {
    const { stats, config } = this.runtime;
    this.idleTimer?.disarm();
    this.headersTimer?.disarm();
    this.requests++;
    if (config.maxRequestsPerConnection > 0 && this.requests >= config.maxRequestsPerConnection) {
      if (!this.draining) stats.manager.downstreamCxMaxRequestsReached.inc();
      this.draining = true;
    }
    stats.manager.downstreamRqTotal.inc();
    stats.manager.downstreamRqHttp1Total.inc();
    stats.manager.downstreamRqActive.inc();
    const stream = new ActiveStream(this, encoder);
    this.stream = stream;
    return stream;
  }

  onCodecClose(): void {
    this.connection.close("flush-write-and-delay");
  }

  onHeadStart(): void {
    const { requestHeadersMs } = this.runtime.config.timeouts;
    if (requestHeadersMs === 0) return;
    this.headersTimer ??= this.runtime.dispatcher.create(this, HEADERS_TIMER);
    this.headersTimer.arm(requestHeadersMs);
  }

  /** Asked when a response head is about to leave. */
  shouldClose(requestEnded: boolean): boolean {
    if (this.draining || !requestEnded) return true;
    if (!this.runtime.drain.drainClose()) return false;
    this.draining = true;
    this.runtime.stats.manager.downstreamCxDrainClose.inc();
    return true;
  }

  onStreamEnd(stream: ActiveStream): void {
    const { stats, config } = this.runtime;
    this.stream = null;
    stats.manager.downstreamRqActive.dec();
    stats.manager.downstreamRqTime.record(Math.round(stream.streamInfo.endMs - stream.streamInfo.startMs));
    this.countBytes();
    if (stream.closesConnection) this.connection.close("flush-write-and-delay");
    else this.idleTimer?.arm(config.timeouts.idleMs);
  }

  onTimer(kind: number): void {
    const { stats } = this.runtime;
    if (kind === HEADERS_TIMER) {
      stats.manager.downstreamRqHeaderTimeout.inc();
      this.codec.onHeadTimeout();
    } else if (kind === IDLE_TIMER) {
      stats.manager.downstreamCxIdleTimeout.inc();
      this.startDrain();
    } else {
      stats.manager.downstreamCxMaxDurationReached.inc();
      this.startDrain();
    }
  }

  private startDrain(): void {
    this.draining = true;
    if (this.stream === null) this.connection.close("flush-write-and-delay");
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
    manager.downstreamCxHttp1Active.dec();
    manager.downstreamCxLengthMs.record(Math.round(this.runtime.dispatcher.nowMs - this.startMs));
  }
}
