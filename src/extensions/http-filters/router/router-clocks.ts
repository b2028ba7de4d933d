// hot: per request
/**
 * How long one routed request and each of its attempts may take, and the clock of the whole: it
 * begins when the request is complete and runs through all attempts. Envoy: `TimeoutData`,
 * `Filter::onRequestComplete`.
 */
import type { TimerOwner } from "../../../platform/time.ts";
import type { PooledTimer } from "../../../platform/timer-pool.ts";
import { AttemptClocks, type AttemptClocksOwner } from "./attempt-clocks.ts";
import type { RouterServices } from "./router-services.ts";

export interface RouterClocksOwner {
  onTimeout(): void;
}

export class RouterClocks implements TimerOwner {
  /** 0 = none. */
  timeoutMs = 0;
  tryTimeoutMs = 0;
  tryIdleTimeoutMs = 0;
  /** Of the request's own header; −1 = the cluster's. */
  streamDurationMs = -1;
  private readonly services: RouterServices;
  private readonly owner: RouterClocksOwner;
  private timeout: PooledTimer | null = null;

  constructor(services: RouterServices, owner: RouterClocksOwner) {
    this.services = services;
    this.owner = owner;
  }

  /** The request is complete and on its way. */
  start(): void {
    if (this.timeoutMs === 0) return;
    this.timeout = this.services.timeoutTimers.acquire(this, 0);
    this.timeout.arm(this.timeoutMs);
  }

  /** Null when nothing limits an attempt. */
  forAttempt(owner: AttemptClocksOwner, clusterDurationMs: number): AttemptClocks | null {
    const { tryTimeoutMs: tryMs, tryIdleTimeoutMs: tryIdleMs } = this;
    const durationMs = this.streamDurationMs >= 0 ? this.streamDurationMs : clusterDurationMs;
    if (tryMs === 0 && tryIdleMs === 0 && durationMs === 0) return null;
    return new AttemptClocks(this.services, owner, { tryMs, tryIdleMs, durationMs });
  }

  stop(): void {
    if (this.timeout !== null) this.services.timeoutTimers.release(this.timeout);
    this.timeout = null;
  }

  onTimer(): void {
    this.owner.onTimeout();
  }
}
