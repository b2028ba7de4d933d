// hot: per chunk
/**
 * The upstream half of a proxied connection. Outlives the downstream half while it still has bytes
 * to hand over. Envoy: `TcpProxy::Filter::UpstreamCallbacks`, `Drainer`.
 */
import type { Connection, ConnectionCallbacks } from "../../../network/connection.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { TcpProxyStats } from "../../../stats/groups/tcp-proxy-stats.ts";
import type { TcpProxyFilter } from "./tcp-proxy-filter.ts";

/** Keeps the stats of the TCP proxy while somebody still counts in them. */
export class StatsLease {
  private readonly onUnused: () => void;
  private holders = 1;

  /** The maker holds it too, until it calls `release`. */
  constructor(onUnused: () => void) {
    this.onUnused = onUnused;
  }

  hold(): void {
    this.holders++;
  }

  release(): void {
    if (--this.holders === 0) this.onUnused();
  }
}

/** What all upstream halves of one filter chain share. */
export interface UpstreamSideServices {
  readonly stats: TcpProxyStats;
  readonly statsLease: StatsLease;
}

export class UpstreamSide implements ConnectionCallbacks, TimerOwner {
  readonly connection: Connection;
  private readonly services: UpstreamSideServices;
  private readonly idleTimeoutMs: number;
  /** Null once the downstream half is gone. */
  private filter: TcpProxyFilter | null;
  private flushTimer: Timer | null = null;
  private flushing = false;
  /** What waited when the flush timer was armed. */
  private flushBacklog = 0;

  constructor(
    connection: Connection,
    filter: TcpProxyFilter,
    services: UpstreamSideServices,
    idleTimeoutMs: number,
  ) {
    this.connection = connection;
    this.filter = filter;
    this.services = services;
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
      this.services.stats.upstreamFlushActive.dec();
      this.services.statsLease.release();
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
      this.services.statsLease.hold();
      this.services.stats.upstreamFlushTotal.inc();
      this.services.stats.upstreamFlushActive.inc();
      this.armFlushTimer();
      connection.close("flush-write");
    } else {
      connection.close(flush ? "flush-write" : "no-flush");
    }
  }

  /** The idle timeout while flushing; an upstream that took something gets it again. */
  onTimer(): void {
    if (this.connection.bufferedBytes < this.flushBacklog) {
      this.armFlushTimer();
      return;
    }
    this.services.stats.idleTimeout.inc();
    this.connection.close("no-flush");
  }

  private armFlushTimer(): void {
    if (this.idleTimeoutMs === 0) return;
    this.flushBacklog = this.connection.bufferedBytes;
    this.flushTimer ??= this.connection.dispatcher.create(this, 0);
    this.flushTimer.arm(this.idleTimeoutMs);
  }
}
