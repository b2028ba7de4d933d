// hot: per request
/**
 * The clocks of one attempt: time to the response head, time without progress, life of the upstream
 * stream. Made only where one of them has a limit. Envoy: `UpstreamRequest::setupPerTryTimeout`,
 * `resetPerTryIdleTimer`, `onStreamMaxDurationReached`.
 */
import type { TimerOwner } from "../../../platform/time.ts";
import type { PooledTimer, TimerPool } from "../../../platform/timer-pool.ts";
import type { RouterServices } from "./router-services.ts";

const TRY = 0;
const TRY_IDLE = 1;
const DURATION = 2;

/** In ms, 0 = none. */
export interface AttemptLimits {
  readonly tryMs: number;
  readonly tryIdleMs: number;
  readonly durationMs: number;
}

export interface AttemptClocksOwner {
  onTryTimeout(): void;
  onTryIdleTimeout(): void;
  onStreamDuration(): void;
}

export class AttemptClocks implements TimerOwner {
  private readonly services: RouterServices;
  private readonly owner: AttemptClocksOwner;
  private readonly limits: AttemptLimits;
  private ready = false;
  private tryTimer: PooledTimer | null = null;
  private idleTimer: PooledTimer | null = null;
  private durationTimer: PooledTimer | null = null;

  constructor(services: RouterServices, owner: AttemptClocksOwner, limits: AttemptLimits) {
    this.services = services;
    this.owner = owner;
    this.limits = limits;
  }

  /** The attempt has its connection. */
  onReady(requestEnded: boolean): void {
    const { durationMs } = this.limits;
    this.ready = true;
    if (durationMs > 0) {
      this.durationTimer = this.start(this.services.durationTimers, DURATION, durationMs);
    }
    if (requestEnded) this.startTry();
  }

  /** The client's request is complete. */
  onRequestEnd(): void {
    if (this.ready) this.startTry();
  }

  /** Something came from upstream. */
  onActivity(): void {
    this.idleTimer?.arm(this.limits.tryIdleMs);
  }

  stop(): void {
    const { tryTimers, tryIdleTimers, durationTimers } = this.services;
    if (this.tryTimer !== null) tryTimers.release(this.tryTimer);
    if (this.idleTimer !== null) tryIdleTimers.release(this.idleTimer);
    if (this.durationTimer !== null) durationTimers.release(this.durationTimer);
    this.tryTimer = null;
    this.idleTimer = null;
    this.durationTimer = null;
  }

  onTimer(kind: number): void {
    if (kind === TRY) this.owner.onTryTimeout();
    else if (kind === TRY_IDLE) this.owner.onTryIdleTimeout();
    else this.owner.onStreamDuration();
  }

  private startTry(): void {
    const { tryMs, tryIdleMs } = this.limits;
    const { tryTimers, tryIdleTimers } = this.services;
    if (tryMs > 0) this.tryTimer = this.start(tryTimers, TRY, tryMs);
    if (tryIdleMs > 0) this.idleTimer = this.start(tryIdleTimers, TRY_IDLE, tryIdleMs);
  }

  private start(pool: TimerPool, kind: number, delayMs: number): PooledTimer {
    const timer = pool.acquire(this, kind);
    timer.arm(delayMs);
    return timer;
  }
}
