// hot: per request
/**
 * The clocks of one stream: idle, whole request, longest duration, periodic log. Timers are
 * borrowed from pools and armed lazily. Envoy: `ActiveStream::onIdleTimeout`, `onRequestTimeout`,
 * `onStreamMaxDurationReached`.
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import { ResponseFlag } from "../network/stream-info.ts";
import type { TimerOwner } from "../platform/time.ts";
import type { PooledTimer, TimerPool } from "../platform/timer-pool.ts";
import type { Route, RouteEntry } from "../route/route.ts";
import type { ActiveStream } from "./active-stream.ts";
import type { ConnectionManagerRuntime } from "./connection-manager-runtime.ts";
import { formatGrpcTimeout, parseGrpcTimeoutMs } from "./grpc-timeout.ts";
import { isGrpc } from "./local-reply.ts";
import { logStream } from "./stream-finish.ts";

const IDLE = 0;
const REQUEST = 1;
const DURATION = 2;
const HEAD = 3;
const LOG = 4;

export class StreamTimeouts implements TimerOwner {
  private readonly stream: ActiveStream;
  private readonly runtime: ConnectionManagerRuntime;
  private idleMs: number;
  private idleTimer: PooledTimer | null = null;
  private requestTimer: PooledTimer | null = null;
  private durationTimer: PooledTimer | null = null;
  private headTimer: PooledTimer | null = null;
  private logTimer: PooledTimer | null = null;

  constructor(stream: ActiveStream, runtime: ConnectionManagerRuntime) {
    this.stream = stream;
    this.runtime = runtime;
    const { timeouts, logIntervalMs } = runtime.config;
    if (logIntervalMs > 0) this.logTimer = this.lend(runtime.logTimers, LOG, logIntervalMs);
    this.idleMs = timeouts.streamIdleMs;
    if (this.idleMs > 0) this.idleTimer = this.lend(runtime.idleTimers, IDLE, this.idleMs);
    if (timeouts.requestMs > 0)
      this.requestTimer = this.lend(runtime.requestTimers, REQUEST, timeouts.requestMs);
    if (timeouts.requestHeadersMs > 0) {
      this.headTimer = this.lend(runtime.headTimers, HEAD, timeouts.requestHeadersMs);
    }
    if (timeouts.maxStreamDurationMs > 0) {
      this.durationTimer = this.lend(
        runtime.durationTimers,
        DURATION,
        timeouts.maxStreamDurationMs,
      );
    }
  }

  /** The route may bring its own idle and duration limits. */
  onRoute(route: Route | null, headers: RequestHeaderMap): void {
    const entry = route?.entry ?? null;
    if (entry === null) return;
    if (entry.idleTimeoutMs >= 0) this.setIdle(entry.idleTimeoutMs);
    if (entry.usesNewTimeouts) this.setDuration(streamDuration(entry, headers, this.runtime));
  }

  /** The request head is complete. */
  onHeadEnd(): void {
    if (this.headTimer !== null) this.runtime.headTimers.release(this.headTimer);
    this.headTimer = null;
  }

  onActivity(): void {
    if (this.idleTimer !== null) this.idleTimer.arm(this.idleMs);
  }

  onRequestEnd(): void {
    this.stopRequestTimer();
  }

  onResponseStart(): void {
    this.stopRequestTimer();
    this.onActivity();
  }

  close(): void {
    this.stopRequestTimer();
    this.onHeadEnd();
    if (this.idleTimer !== null) this.runtime.idleTimers.release(this.idleTimer);
    if (this.durationTimer !== null) this.runtime.durationTimers.release(this.durationTimer);
    if (this.logTimer !== null) this.runtime.logTimers.release(this.logTimer);
    this.idleTimer = null;
    this.durationTimer = null;
    this.logTimer = null;
  }

  onTimer(kind: number): void {
    try {
      if (kind === IDLE) this.onIdle();
      else if (kind === REQUEST) this.onRequestTimeout();
      else if (kind === HEAD) this.onHeadTimeout();
      else if (kind === LOG) this.onLogInterval();
      else this.onMaxDuration();
    } catch (error) {
      this.stream.fail(error);
    }
  }

  private onIdle(): void {
    this.runtime.stats.manager.downstreamRqIdleTimeout.inc();
    this.stream.streamInfo.setFlag(ResponseFlag.StreamIdleTimeout);
    this.reply("stream timeout", "stream_idle_timeout");
  }

  private onRequestTimeout(): void {
    this.runtime.stats.manager.downstreamRqTimeout.inc();
    this.reply("request timeout", "request_overall_timeout");
  }

  private onHeadTimeout(): void {
    this.runtime.stats.manager.downstreamRqHeaderTimeout.inc();
    this.reply("request header timeout", "request_header_timeout");
  }

  private onLogInterval(): void {
    logStream(this.stream, "DownstreamPeriodic");
    this.logTimer?.arm(this.runtime.config.logIntervalMs);
  }

  private onMaxDuration(): void {
    this.runtime.stats.manager.downstreamRqMaxDurationReached.inc();
    this.reply("downstream duration timeout", "max_duration_timeout", 4);
  }

  /** 504 once the request is complete, else 408: then it is the client that is slow. */
  private reply(body: string, details: string, grpcStatus?: number): void {
    const status = this.stream.requestEnded ? 504 : 408;
    const reply = { status, body, details };
    this.stream.sendLocalReply(grpcStatus === undefined ? reply : { ...reply, grpcStatus });
  }

  private setIdle(idleMs: number): void {
    if (idleMs === this.idleMs) return;
    this.idleMs = idleMs;
    if (idleMs === 0) this.releaseIdle();
    else if (this.idleTimer === null)
      this.idleTimer = this.lend(this.runtime.idleTimers, IDLE, idleMs);
    else this.idleTimer.arm(idleMs);
  }

  private releaseIdle(): void {
    if (this.idleTimer !== null) this.runtime.idleTimers.release(this.idleTimer);
    this.idleTimer = null;
  }

  private setDuration(durationMs: number): void {
    if (this.durationTimer !== null) this.runtime.durationTimers.release(this.durationTimer);
    this.durationTimer = null;
    if (durationMs === 0) return;
    const elapsed = this.runtime.dispatcher.nowMs - this.stream.streamInfo.startMs;
    const restMs = Math.max(0, durationMs - elapsed);
    this.durationTimer = this.lend(this.runtime.durationTimers, DURATION, restMs);
  }

  private stopRequestTimer(): void {
    if (this.requestTimer !== null) this.runtime.requestTimers.release(this.requestTimer);
    this.requestTimer = null;
  }

  private lend(pool: TimerPool, kind: number, delayMs: number): PooledTimer {
    const timer = pool.acquire(this, kind);
    timer.arm(delayMs);
    return timer;
  }
}

/**
 * `max_stream_duration` of a route: a gRPC deadline, capped, or a fixed time; 0 = no limit. Passes
 * the deadline on. Envoy: `ActiveStream::refreshDurationTimeout`.
 */
function streamDuration(
  entry: RouteEntry,
  headers: RequestHeaderMap,
  runtime: ConnectionManagerRuntime,
): number {
  const asked = parseGrpcTimeoutMs(headers.get(Headers.GrpcTimeout));
  const deadline = asked >= 0 && entry.grpcTimeoutHeaderMaxMs >= 0;
  const durationMs = deadline
    ? grpcDeadline(entry, asked)
    : entry.maxStreamDurationMs >= 0
      ? entry.maxStreamDurationMs
      : runtime.config.timeouts.maxStreamDurationMs;
  if (isGrpc(headers)) {
    if (durationMs === 0) headers.remove(Headers.GrpcTimeout);
    else headers.set(Headers.GrpcTimeout, formatGrpcTimeout(durationMs));
  }
  return durationMs;
}

function grpcDeadline(entry: RouteEntry, askedMs: number): number {
  const capMs = entry.grpcTimeoutHeaderMaxMs;
  const durationMs = capMs > 0 ? Math.min(askedMs, capMs) : askedMs;
  const offsetMs = Math.max(0, entry.grpcTimeoutHeaderOffsetMs);
  return offsetMs < durationMs ? durationMs - offsetMs : durationMs;
}
