// hot: per request
/**
 * Timers in buckets of due time over one alarm. Re-arming to a later time is a store: the bucket
 * moves the timer on when it comes due, so a keep-alive connection that re-arms per request touches
 * a bucket once per time-out, not once per request.
 */
import type { Alarm, AlarmFactory, Timer, TimerOwner, Timers, TimeSource } from "./time.ts";

const NEVER = Number.POSITIVE_INFINITY;

class Bucket {
  readonly dueMs: number;
  first: WheelTimer | null = null;

  constructor(dueMs: number) {
    this.dueMs = dueMs;
  }
}

class WheelTimer implements Timer {
  private readonly wheel: TimerWheel;
  readonly owner: TimerOwner;
  readonly kind: number;
  deadlineMs: number = NEVER;
  bucket: Bucket | null = null;
  previous: WheelTimer | null = null;
  next: WheelTimer | null = null;

  constructor(wheel: TimerWheel, owner: TimerOwner, kind: number) {
    this.wheel = wheel;
    this.owner = owner;
    this.kind = kind;
  }

  get armed(): boolean {
    return this.deadlineMs !== NEVER;
  }

  arm(delayMs: number): void {
    this.wheel.arm(this, delayMs);
  }

  disarm(): void {
    this.deadlineMs = NEVER;
  }

  close(): void {
    this.deadlineMs = NEVER;
    if (this.bucket !== null) unlink(this);
  }
}

class CallbackOwner implements TimerOwner {
  private readonly callback: () => void;

  constructor(callback: () => void) {
    this.callback = callback;
  }

  onTimer(): void {
    this.callback();
  }
}

/**
 * The only `Timers` implementation; real and simulated time differ in the alarm and the time source
 * given to it.
 */
export class TimerWheel implements Timers {
  private readonly time: TimeSource;
  private readonly alarm: Alarm;
  private readonly buckets = new Map<number, Bucket>();
  /** Due times of `buckets`, smallest first (binary heap). */
  private readonly heap: number[] = [];
  private alarmDueMs: number = NEVER;

  constructor(time: TimeSource, makeAlarm: AlarmFactory) {
    this.time = time;
    this.alarm = makeAlarm(() => this.run());
  }

  create(owner: TimerOwner, kind: number): Timer {
    return new WheelTimer(this, owner, kind);
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = new WheelTimer(this, new CallbackOwner(callback), 0);
    timer.arm(delayMs);
    return timer;
  }

  /** Number of armed timers: zero when a test leaked nothing. */
  get armedCount(): number {
    let count = 0;
    for (const bucket of this.buckets.values()) {
      for (let timer = bucket.first; timer !== null; timer = timer.next) if (timer.armed) count++;
    }
    return count;
  }

  /** @internal Called by the timer. */
  arm(timer: WheelTimer, delayMs: number): void {
    const delay = delayMs > 0 ? delayMs : 0;
    const deadline = this.time.monotonicMs() + delay;
    timer.deadlineMs = deadline;
    if (timer.bucket !== null) {
      if (timer.bucket.dueMs <= deadline + delay / 64 + 1) return;
      unlink(timer);
    }
    this.place(timer, delay);
  }

  private place(timer: WheelTimer, delayMs: number): void {
    const grain = granularityMs(delayMs);
    const dueMs = Math.ceil(timer.deadlineMs / grain) * grain;
    let bucket = this.buckets.get(dueMs);
    if (bucket === undefined) {
      bucket = new Bucket(dueMs);
      this.buckets.set(dueMs, bucket);
      heapPush(this.heap, dueMs);
      if (dueMs < this.alarmDueMs) this.setAlarm(dueMs);
    }
    link(bucket, timer);
  }

  private setAlarm(dueMs: number): void {
    this.alarmDueMs = dueMs;
    this.alarm.set(Math.max(0, dueMs - this.time.monotonicMs()));
  }

  private run(): void {
    this.alarmDueMs = NEVER;
    const nowMs = this.time.monotonicMs();
    while (this.heap.length > 0 && (this.heap[0] as number) <= nowMs) {
      const dueMs = heapPop(this.heap);
      const bucket = this.buckets.get(dueMs) as Bucket;
      this.buckets.delete(dueMs);
      this.runBucket(bucket, nowMs);
    }
    const next = this.heap[0];
    if (next !== undefined && next < this.alarmDueMs) this.setAlarm(next);
  }

  /** A throw leaves the rest of the bucket and of the wheel for a next run. */
  private fire(timer: WheelTimer, bucket: Bucket): void {
    let done = false;
    try {
      timer.owner.onTimer(timer.kind);
      done = true;
    } finally {
      if (!done) this.putBack(bucket);
    }
  }

  private putBack(bucket: Bucket): void {
    for (let timer = bucket.first; timer !== null; timer = bucket.first) {
      unlink(timer);
      if (timer.deadlineMs !== NEVER) this.place(timer, 0);
    }
    const next = this.heap[0];
    if (next !== undefined) this.setAlarm(next);
  }

  private runBucket(bucket: Bucket, nowMs: number): void {
    for (let timer = bucket.first; timer !== null; timer = bucket.first) {
      unlink(timer);
      if (timer.deadlineMs <= nowMs) {
        timer.deadlineMs = NEVER;
        this.fire(timer, bucket);
      } else if (timer.deadlineMs !== NEVER) {
        this.place(timer, timer.deadlineMs - nowMs);
      }
    }
  }
}

/** The largest power of two that is at most 1/64 of the delay, at least 1 ms. */
function granularityMs(delayMs: number): number {
  return delayMs < 128 ? 1 : 1 << (31 - Math.clz32(Math.min(delayMs / 64, 1 << 30)));
}

function link(bucket: Bucket, timer: WheelTimer): void {
  timer.bucket = bucket;
  timer.previous = null;
  timer.next = bucket.first;
  if (bucket.first !== null) bucket.first.previous = timer;
  bucket.first = timer;
}

function unlink(timer: WheelTimer): void {
  const bucket = timer.bucket as Bucket;
  if (timer.previous === null) bucket.first = timer.next;
  else timer.previous.next = timer.next;
  if (timer.next !== null) timer.next.previous = timer.previous;
  timer.bucket = null;
  timer.previous = null;
  timer.next = null;
}

function heapPush(heap: number[], value: number): void {
  let index = heap.length;
  heap.push(value);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as number;
    if (above <= value) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = value;
}

function heapPop(heap: number[]): number {
  const top = heap[0] as number;
  const last = heap.pop() as number;
  const size = heap.length;
  if (size === 0) return top;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && (heap[child + 1] as number) < (heap[child] as number)) child++;
    const below = heap[child] as number;
    if (below >= last) break;
    heap[index] = below;
    index = child;
  }
  heap[index] = last;
  return top;
}
