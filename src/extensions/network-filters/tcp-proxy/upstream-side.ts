// hot: per chunk
/**
 * The upstream half of a proxied connection. Outlives the downstream half while it still has bytes
 * to hand over. Envoy: `TcpProxy::Filter::UpstreamCallbacks`, `Drainer`.
 */
import type { Connection, ConnectionCallbacks } from "../../../network/connection.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { TcpProxyStats } from "../../../stats/groups/tcp-proxy-stats.ts";
import type { TcpProxyFilter } from "./tcp-proxy-filter.ts";

export class UpstreamSide implements ConnectionCallbacks, TimerOwner {
  readonly connection: Connection;
  private readonly stats: TcpProxyStats;
  private readonly idleTimeoutMs: number;
  /** Null once the downstream half is gone. */
  private filter: TcpProxyFilter | null;
  private flushTimer: Timer | null = null;
  private flushing = false;

  constructor(
    connection: Connection,
    filter: TcpProxyFilter,
    stats: TcpProxyStats,
    idleTimeoutMs: number,
  ) {
    this.connection = connection;
    this.filter = filter;
    this.stats = stats;
    this.idleTimeoutMs = idleTimeoutMs;
    connection.halfClose = true;
    connection.callbacks = this;
  }

  onData(bytes: Buffer, endStream: boolean): void {
    this.filter?.onUpstreamData(bytes, endStream);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.filter?.onUpstreamAboveHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.filter?.onUpstreamBelowLowWatermark();
  }

  onClose(): void {
    if (this.flushing) {
      this.flushing = false;
      this.stats.upstreamFlushActive.dec();
      this.flushTimer?.close();
    }
    const { filter } = this;
    this.filter = null;
    filter?.onUpstreamClosed();
  }

  /** The downstream half is gone; `flush` lets what was written to upstream leave first. */
  detach(flush: boolean): void {
    this.filter = null;
    const { connection } = this;
    if (connection.closed) return;
    if (flush && connection.bufferedBytes > 0) {
      this.flushing = true;
      this.stats.upstreamFlushTotal.inc();
      this.stats.upstreamFlushActive.inc();
      this.armFlushTimer();
      connection.close("flush-write");
    } else {
      connection.close(flush ? "flush-write" : "no-flush");
    }
  }

  /** Nothing moved for the idle timeout while flushing. */
  onTimer(): void {
    this.stats.idleTimeout.inc();
    this.connection.close("no-flush");
  }

  private armFlushTimer(): void {
    if (this.idleTimeoutMs === 0) return;
    this.flushTimer = this.connection.dispatcher.create(this, 0);
    this.flushTimer.arm(this.idleTimeoutMs);
  }
}
