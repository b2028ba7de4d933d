// hot: per chunk
/**
 * The books of one upstream connection: cluster and host counters, the connection limit, bytes,
 * life time. Every `opened` is followed by exactly one `closed`. Envoy:
 * `ConnPoolImplBase::ActiveClient`, `reportUpstreamCxDestroy`.
 */
import type { Connection, ConnectionCloseSource } from "../../network/connection.ts";
import type { ClusterInfo } from "../cluster.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { ResourceLimits } from "../resource-limits.ts";
import type { UpstreamHost } from "../upstream-host.ts";

/**
 * Takes a place for one more connection, within the limits of cluster and host. With `always` it
 * takes one beyond them too; the answer is still whether it is within. Every place is given back by
 * `closed`.
 */
export function takeConnection(
  host: UpstreamHost,
  limits: ResourceLimits,
  always: boolean,
): boolean {
  if (limits.connections.tryAcquire()) {
    if (host.stats.tryConnectionOpened(limits.maxConnectionsPerHost)) return true;
    limits.connections.release();
  }
  if (always) {
    limits.connections.acquire();
    host.stats.connectionOpened();
  }
  return false;
}

export class ConnectionAccount {
  readonly startMs: number;
  connectedMs = -1;
  private readonly stats: ClusterStats;
  private readonly host: UpstreamHost;
  private readonly limits: ResourceLimits;
  private connection: Connection | null = null;
  private sentCounted = 0;
  private receivedCounted = 0;

  constructor(info: ClusterInfo, host: UpstreamHost, limits: ResourceLimits, nowMs: number) {
    this.stats = info.stats;
    this.host = host;
    this.limits = limits;
    this.startMs = nowMs;
  }

  /** Its place was taken by `takeConnection`. */
  opened(): void {
    this.stats.upstreamCxTotal.inc();
    this.stats.upstreamCxActive.inc();
  }

  connected(connection: Connection, nowMs: number): void {
    this.connection = connection;
    this.connectedMs = nowMs;
    this.stats.upstreamCxConnectMs.record(nowMs - this.startMs);
  }

  connectFailed(): void {
    this.stats.upstreamCxConnectFail.inc();
    this.host.stats.connectFailed();
  }

  /** Brings the byte counters up to the connection's own. */
  countBytes(): void {
    const connection = this.connection;
    if (connection === null) return;
    const { bytesSent, bytesReceived } = connection;
    if (bytesSent !== this.sentCounted) {
      this.stats.upstreamCxTxBytesTotal.add(bytesSent - this.sentCounted);
      this.sentCounted = bytesSent;
    }
    if (bytesReceived !== this.receivedCounted) {
      this.stats.upstreamCxRxBytesTotal.add(bytesReceived - this.receivedCounted);
      this.receivedCounted = bytesReceived;
    }
  }

  /** `activeRequest`: something unfinished was on it. */
  closed(source: ConnectionCloseSource, activeRequest: boolean, nowMs: number): void {
    this.countBytes();
    this.connection = null;
    const { stats } = this;
    stats.upstreamCxDestroy.inc();
    if (source === "remote") stats.upstreamCxDestroyRemote.inc();
    else stats.upstreamCxDestroyLocal.inc();
    if (activeRequest) {
      stats.upstreamCxDestroyWithActiveRq.inc();
      if (source === "remote") stats.upstreamCxDestroyRemoteWithActiveRq.inc();
      else stats.upstreamCxDestroyLocalWithActiveRq.inc();
    }
    stats.upstreamCxLengthMs.record(nowMs - this.startMs);
    stats.upstreamCxActive.dec();
    this.host.stats.connectionClosed();
    this.limits.connections.release();
  }
}
