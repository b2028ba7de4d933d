// hot: per request
/**
 * Timers that are borrowed for one stream and given back. A returned timer stays in its bucket, so
 * borrowing and arming it again for a similar delay costs two stores. Keep one pool per purpose:
 * delays inside a pool should be alike.
 */
import type { Timer, TimerOwner, Timers } from "./time.ts";

const FREE_MAX = 4096;

/** A borrowed timer: forwards to whoever holds it now. */
export class PooledTimer implements TimerOwner {
  private readonly timer: Timer;
  private owner: TimerOwner | null = null;
  private kind = 0;

  constructor(timers: Timers) {
    this.timer = timers.create(this, 0);
  }

  /** @internal */
  lend(owner: TimerOwner, kind: number): void {
    this.owner = owner;
    this.kind = kind;
  }

  /** @internal */
  takeBack(): void {
    this.owner = null;
    this.timer.disarm();
  }

  /** @internal */
  close(): void {
    this.owner = null;
    this.timer.close();
  }

  onTimer(): void {
    this.owner?.onTimer(this.kind);
  }

  get armed(): boolean {
    return this.timer.armed;
  }

  arm(delayMs: number): void {
    this.timer.arm(delayMs);
  }

  disarm(): void {
    this.timer.disarm();
  }
}

export class TimerPool {
  private readonly timers: Timers;
  private readonly free: PooledTimer[] = [];

  constructor(timers: Timers) {
    this.timers = timers;
  }

  acquire(owner: TimerOwner, kind: number): PooledTimer {
    const timer = this.free.pop() ?? new PooledTimer(this.timers);
    timer.lend(owner, kind);
    return timer;
  }

  /** The caller must drop its reference. */
  release(timer: PooledTimer): void {
    if (this.free.length < FREE_MAX) {
      timer.takeBack();
      this.free.push(timer);
    } else {
      timer.close();
    }
  }
}
