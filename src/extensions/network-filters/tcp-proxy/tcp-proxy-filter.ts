// hot: per chunk
/**
 * One proxied TCP connection: choose cluster and host, connect, relay, end. Bytes go from one
 * socket's read buffer to the other's write without a copy. Envoy: `TcpProxy::Filter`.
 */

import type { AccessLogger } from "../../../http/access-log.ts";
import type { Connection, ConnectionCloseSource } from "../../../network/connection.ts";
import type {
  NetworkFilter,
  NetworkFilterCallbacks,
  NetworkFilterStatus,
} from "../../../network/network-filter.ts";
import { ResponseFlag, type StreamInfo, type UpstreamInfo } from "../../../network/stream-info.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { AccessLogType } from "../../../route/formatter.ts";
import type { TcpProxyStats } from "../../../stats/groups/tcp-proxy-stats.ts";
import type { Cluster, ClusterManager } from "../../../upstream/cluster.ts";
import type {
  PoolCancellable,
  PooledUpstreamInfo,
  PoolFailureReason,
  TcpPoolCallbacks,
} from "../../../upstream/connection-pool.ts";
import { type Host, MonitorResult } from "../../../upstream/host.ts";
import type { TcpProxyConfig } from "./config.ts";
import { loadBalancerContext, pickRoute } from "./route-choice.ts";
import { type StatsLease, UpstreamSide } from "./upstream-side.ts";

/** What all connections through one filter chain share. */
export interface TcpProxyRuntime {
  readonly config: TcpProxyConfig;
  readonly dispatcher: Dispatcher;
  readonly clusters: ClusterManager;
  readonly stats: TcpProxyStats;
  readonly statsLease: StatsLease;
  readonly loggers: readonly AccessLogger[];
}

const IDLE_TIMER = 0;
const DURATION_TIMER = 1;
const LOG_TIMER = 2;

/** Less output leaves without an announcement, so that it could not be taken off again. */
const COUNTED_MIN_BYTES = 16384;

/** Overrides `idle_timeout` for one connection, in ms. */
const IDLE_TIMEOUT_KEY = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

/** No upstream yet; relaying; over. */
const CONNECTING = 0;
const RELAYING = 1;
const CLOSED = 2;

export class TcpProxyFilter implements NetworkFilter, TcpPoolCallbacks, TimerOwner {
  private readonly runtime: TcpProxyRuntime;
  private readonly connection: Connection;
  private readonly streamInfo: StreamInfo;
  private state: number = CONNECTING;
  private upstream: UpstreamSide | null = null;
  private cluster: Cluster | null = null;
  private attempts = 0;
  private waiting: PoolCancellable | null = null;
  private cancelLookup: (() => void) | null = null;
  private idleTimeoutMs: number;
  private idleTimer: Timer | null = null;
  private durationTimer: Timer | null = null;
  private logTimer: Timer | null = null;
  /** Bytes that arrived before upstream was there (only from filters that had held them). */
  private early: Buffer | null = null;
  private earlyEnd = false;
  /** What `downstream_cx_tx_bytes_buffered` counts of this connection. */
  private bufferedBytes = 0;
  private lastReceived = 0;
  private lastSent = 0;

  constructor(runtime: TcpProxyRuntime, callbacks: NetworkFilterCallbacks) {
    this.runtime = runtime;
    this.connection = callbacks.connection;
    this.streamInfo = callbacks.streamInfo;
    this.idleTimeoutMs = runtime.config.idleTimeoutMs;
    // Counted here as in Envoy: an earlier filter may close before `onNewConnection`.
    runtime.stats.downstreamCxTotal.inc();
  }

  onNewConnection(): NetworkFilterStatus {
    this.connection.halfClose = true;
    // Nothing is read before it can be handed over.
    this.connection.readDisable(true);
    this.startTimers();
    this.establish();
    return "stop";
  }

  onData(bytes: Buffer, endStream: boolean): NetworkFilterStatus {
    const { upstream } = this;
    this.runtime.stats.downstreamCxRxBytesTotal.add(bytes.length);
    if (upstream === null) {
      this.keepEarly(bytes, endStream);
      return "stop";
    }
    if (bytes.length > 0) upstream.connection.writeBytes(bytes);
    if (endStream) upstream.connection.end();
    this.touch();
    return "stop";
  }

  /** @internal Bytes or FIN from upstream. */
  onUpstreamData(bytes: Buffer, endStream: boolean): void {
    const { connection } = this;
    this.runtime.stats.downstreamCxTxBytesTotal.add(bytes.length);
    if (bytes.length > 0) connection.writeBytes(bytes);
    if (endStream) connection.end();
    this.countBuffered();
    this.touch();
  }

  /** @internal The upstream reads too slowly. */
  onUpstreamAboveHighWatermark(): void {
    this.runtime.stats.downstreamFlowControlPausedReadingTotal.inc();
    this.connection.readDisable(true);
  }

  /** @internal */
  onUpstreamBelowLowWatermark(): void {
    this.runtime.stats.downstreamFlowControlResumedReadingTotal.inc();
    this.connection.readDisable(false);
    this.touch();
  }

  onAboveWriteBufferHighWatermark(): void {
    const { upstream, cluster } = this;
    if (upstream === null) return;
    cluster?.info.stats.upstreamFlowControlPausedReadingTotal.inc();
    upstream.connection.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    const { upstream, cluster } = this;
    if (upstream === null) return;
    cluster?.info.stats.upstreamFlowControlResumedReadingTotal.inc();
    upstream.connection.readDisable(false);
  }

  onWriteBufferDrained(): void {
    this.countBuffered();
    this.touch();
  }

  /** @internal Upstream is gone: what it sent still goes to the client. */
  onUpstreamClosed(): void {
    this.countUpstreamBytes();
    this.upstream = null;
    if (this.state !== RELAYING) return;
    // The idle timer stays: a client that does not read must not hold the connection for ever.
    this.connection.close("flush-write");
  }

  onConnectionClose(source: ConnectionCloseSource): void {
    this.state = CLOSED;
    this.countBytes();
    this.idleTimer?.close();
    this.durationTimer?.close();
    this.logTimer?.close();
    this.waiting?.cancel();
    this.waiting = null;
    this.cancelLookup?.();
    this.cancelLookup = null;
    this.runtime.stats.downstreamCxTxBytesBuffered.sub(this.bufferedBytes);
    this.bufferedBytes = 0;
    const { upstream } = this;
    this.upstream = null;
    upstream?.detach(source === "remote");
    this.log("TcpConnectionEnd");
  }

  onPoolReady(connection: Connection, host: Host, upstream: PooledUpstreamInfo): void {
    const { runtime, streamInfo } = this;
    this.waiting = null;
    host.monitor?.onResult(MonitorResult.LocalOriginConnectSuccessFinal, 0);
    streamInfo.upstream = upstream;
    streamInfo.upstreamConnectStartMs = upstream.connectStartMs;
    streamInfo.upstreamConnectEndMs = upstream.connectEndMs;
    this.upstream = new UpstreamSide(connection, this, runtime, this.idleTimeoutMs);
    this.state = RELAYING;
    if (runtime.config.logOnConnected) this.log("TcpUpstreamConnected");
    this.touch();
    const { early } = this;
    this.early = null;
    if (early !== null) connection.writeBytes(early);
    if (this.earlyEnd) connection.end();
    this.connection.readDisable(false);
  }

  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host | null): void {
    const { streamInfo } = this;
    this.waiting = null;
    streamInfo.upstream = host === null ? null : failedUpstream(host);
    streamInfo.upstreamTransportFailureReason = transportFailure;
    if (reason === "remote connection failure" || reason === "connection timeout") {
      streamInfo.setFlag(ResponseFlag.UpstreamConnectionFailure);
      const timedOut = reason === "connection timeout";
      const { LocalOriginTimeout, LocalOriginConnectFailed } = MonitorResult;
      host?.monitor?.onResult(timedOut ? LocalOriginTimeout : LocalOriginConnectFailed, 0);
    }
    // A pool may fail inside `newConnection`; each attempt counts, so that this ends.
    if (this.state === CONNECTING) this.establish();
  }

  onTimer(kind: number): void {
    const { stats } = this.runtime;
    if (kind === LOG_TIMER) {
      this.log("TcpPeriodic");
      this.logTimer?.arm(this.runtime.config.logIntervalMs);
      return;
    }
    if (kind === IDLE_TIMER) {
      stats.idleTimeout.inc();
    } else {
      stats.maxDownstreamConnectionDuration.inc();
      this.streamInfo.setFlag(ResponseFlag.DurationTimeout);
    }
    this.connection.close("no-flush");
  }

  private establish(): void {
    const { runtime, streamInfo } = this;
    const route = pickRoute(runtime.config, streamInfo, runtime.dispatcher.random);
    const lookup = runtime.clusters.lookup(route.cluster);
    if (lookup.kind === "now") {
      this.connectTo(lookup.cluster, route.metadataMatch);
    } else if (lookup.kind === "none") {
      this.failWithoutCluster();
    } else {
      this.cancelLookup = lookup.wait((cluster) => {
        this.cancelLookup = null;
        if (cluster === null) this.failWithoutCluster();
        else this.connectTo(cluster, route.metadataMatch);
      });
    }
  }

  private connectTo(
    cluster: Cluster,
    metadataMatch: Readonly<Record<string, unknown>> | null,
  ): void {
    const { runtime, streamInfo } = this;
    const { info } = cluster;
    this.cluster = cluster;
    streamInfo.cluster = info;
    if (!info.limits[0].connections.canCreate()) {
      info.stats.upstreamCxOverflow.inc();
      this.fail(ResponseFlag.UpstreamOverflow);
      return;
    }
    if (this.attempts >= runtime.config.maxConnectAttempts) {
      info.stats.upstreamCxConnectAttemptsExceeded.inc();
      this.fail(ResponseFlag.UpstreamRetryLimitExceeded);
      return;
    }
    const context = loadBalancerContext(runtime.config, metadataMatch, streamInfo);
    const host = cluster.chooseHost(context);
    if (host === null) {
      this.fail(ResponseFlag.NoHealthyUpstream);
      return;
    }
    this.attempts++;
    streamInfo.attemptCount = this.attempts;
    const waiting = cluster.tcpPool(host, "DEFAULT").newConnection(this);
    if (this.state === CONNECTING && waiting !== null) this.waiting = waiting;
  }

  private failWithoutCluster(): void {
    this.runtime.stats.downstreamCxNoRoute.inc();
    this.fail(ResponseFlag.NoClusterFound);
  }

  private fail(flag: number): void {
    this.streamInfo.setFlag(flag);
    this.connection.close("no-flush");
  }

  private startTimers(): void {
    const { config, dispatcher } = this.runtime;
    const override = this.streamInfo.filterState(IDLE_TIMEOUT_KEY);
    if (override !== undefined) this.idleTimeoutMs = Number(override.serializeAsString()) || 0;
    if (this.idleTimeoutMs > 0) {
      this.idleTimer = dispatcher.create(this, IDLE_TIMER);
      this.idleTimer.arm(this.idleTimeoutMs);
    }
    if (config.maxDurationMs > 0) {
      const jitter = (dispatcher.random.uint32() / 4294967296) * config.maxDurationJitter;
      this.durationTimer = dispatcher.create(this, DURATION_TIMER);
      this.durationTimer.arm(Math.floor(config.maxDurationMs * (1 + jitter)));
    }
    if (config.logIntervalMs > 0) {
      this.logTimer = dispatcher.create(this, LOG_TIMER);
      this.logTimer.arm(config.logIntervalMs);
    }
  }

  /** Something moved: the idle time starts again. */
  private touch(): void {
    if (this.idleTimer !== null && this.state !== CLOSED) this.idleTimer.arm(this.idleTimeoutMs);
  }

  private countBuffered(): void {
    const waiting = this.connection.bufferedBytes;
    const bufferedBytes = waiting < COUNTED_MIN_BYTES ? 0 : waiting;
    this.runtime.stats.downstreamCxTxBytesBuffered.add(bufferedBytes - this.bufferedBytes);
    this.bufferedBytes = bufferedBytes;
  }

  private keepEarly(bytes: Buffer, endStream: boolean): void {
    if (this.state === CLOSED) return;
    this.early = this.early === null ? Buffer.from(bytes) : Buffer.concat([this.early, bytes]);
    this.earlyEnd = endStream;
  }

  private countBytes(): void {
    const { connection, streamInfo } = this;
    streamInfo.bytesReceived = connection.bytesReceived;
    streamInfo.bytesSent = connection.bytesSent;
    streamInfo.downstreamWireBytesReceived = connection.bytesReceived;
    streamInfo.downstreamWireBytesSent = connection.bytesSent;
    this.countUpstreamBytes();
  }

  private countUpstreamBytes(): void {
    const { upstream, streamInfo } = this;
    if (upstream !== null) {
      this.lastReceived = upstream.connection.bytesReceived;
      this.lastSent = upstream.connection.bytesSent;
    }
    streamInfo.upstreamWireBytesReceived = this.lastReceived;
    streamInfo.upstreamWireBytesSent = this.lastSent;
  }

  private log(logType: AccessLogType): void {
    const { loggers, dispatcher } = this.runtime;
    if (loggers.length === 0) return;
    const { streamInfo } = this;
    if (this.state !== CLOSED) this.countBytes();
    const context = {
      streamInfo,
      requestHeaders: null,
      responseHeaders: null,
      responseTrailers: null,
      logType,
      nowMs: dispatcher.monotonicMs(),
    };
    for (let index = 0; index < loggers.length; index++) loggers[index]?.log(context);
  }
}

function failedUpstream(host: Host): UpstreamInfo {
  const { description } = host;
  return {
    hostAddress: host.addressText,
    hostname: description.hostname,
    localAddress: null,
    connectionId: 0,
    protocol: null,
    metadata: description.metadata,
  };
}
