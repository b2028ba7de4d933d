// hot: per request
/**
 * The clocks of one routed request: the route's time-out, that of one attempt, and the longest life
 * of the upstream stream. Timers are borrowed. Envoy: `Filter::onRequestComplete`,
 * `UpstreamRequest::setupPerTryTimeout`, `UpstreamRequest::onPoolReady`.
 */
import type { TimerOwner } from "../../../platform/time.ts";
import type { PooledTimer, TimerPool } from "../../../platform/timer-pool.ts";
import type { RouterServices } from "./router-services.ts";

const TIMEOUT = 0;
const TRY_TIMEOUT = 1;
const STREAM_DURATION = 2;

export interface RouterClocksOwner {
  onTimeout(): void;
  onTryTimeout(): void;
  onStreamDuration(): void;
}

export class RouterClocks implements TimerOwner {
  /** 0 = none. */
  timeoutMs = 0;
  tryTimeoutMs = 0;
  /** Of the request's own header; −1 = the cluster's. */
  streamDurationMs = -1;
  private readonly services: RouterServices;
  private readonly owner: RouterClocksOwner;
  private timeout: PooledTimer | null = null;
  private tryTimeout: PooledTimer | null = null;
  private duration: PooledTimer | null = null;

  constructor(services: RouterServices, owner: RouterClocksOwner) {
    this.services = services;
    this.owner = owner;
  }

  /** The request is complete: time-outs of the answer begin. */
  onRequestEnd(upstreamReady: boolean): void {
    const { timeoutTimers } = this.services;
    if (this.timeoutMs > 0) this.timeout = this.start(timeoutTimers, TIMEOUT, this.timeoutMs);
    if (upstreamReady) this.startTry();
  }

  onUpstreamReady(requestEnded: boolean, clusterDurationMs: number): void {
    if (requestEnded) this.startTry();
    const durationMs = this.streamDurationMs >= 0 ? this.streamDurationMs : clusterDurationMs;
    if (durationMs === 0) return;
    this.duration = this.start(this.services.durationTimers, STREAM_DURATION, durationMs);
  }

  stop(): void {
    const { timeoutTimers, tryTimers, durationTimers } = this.services;
    if (this.timeout !== null) timeoutTimers.release(this.timeout);
    if (this.tryTimeout !== null) tryTimers.release(this.tryTimeout);
    if (this.duration !== null) durationTimers.release(this.duration);
    this.timeout = null;
    this.tryTimeout = null;
    this.duration = null;
  }

  onTimer(kind: number): void {
    if (kind === TIMEOUT) this.owner.onTimeout();
    else if (kind === TRY_TIMEOUT) this.owner.onTryTimeout();
    else this.owner.onStreamDuration();
  }

  private startTry(): void {
    if (this.tryTimeoutMs === 0) return;
    this.tryTimeout = this.start(this.services.tryTimers, TRY_TIMEOUT, this.tryTimeoutMs);
  }

  private start(pool: TimerPool, kind: number, delayMs: number): PooledTimer {
    const timer = pool.acquire(this, kind);
    timer.arm(delayMs);
    return timer;
  }
}
