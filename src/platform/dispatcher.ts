// hot: per event
/**
 * One event loop as the data path sees it: the time of the current event, timers, and the writes
 * that wait for its end. Envoy: `Event::Dispatcher` (approximateMonotonicTime, createTimer,
 * deferredDelete). A write that is put off to the end of the event leaves as one system call
 * together with everything else the event produced for the same connection.
 */
import type { RandomGenerator } from "./random.ts";
import type { AlarmFactory, Timer, TimerOwner, Timers, TimeSource } from "./time.ts";
import { TimerWheel } from "./timer-wheel.ts";

/** Something that collected work during an event. */
export interface Flushable {
  /** Called once at the end of the event in which it was deferred. */
  flush(): void;
}

/** What the outside world gives to an event loop. */
export interface DispatcherPlatform {
  readonly time: TimeSource;
  readonly alarm: AlarmFactory;
  readonly random: RandomGenerator;
  /** Runs a function soon, outside the current call (a microtask). */
  readonly defer: (run: () => void) => void;
  /** Told of every throw that reached an event's outermost callback. Envoy: `ENVOY_BUG`. */
  readonly onBug: (error: unknown) => void;
}

export class Dispatcher implements TimeSource, Timers {
  readonly random: RandomGenerator;
  readonly onBug: (error: unknown) => void;
  /** Monotonic time in ms at the start of the current event. */
  nowMs: number;
  private readonly time: TimeSource;
  private readonly wheel: TimerWheel;
  private readonly defer: (run: () => void) => void;
  private readonly runDeferred: () => void;
  private readonly pending: (Flushable | null)[] = [];
  private pendingCount = 0;
  private depth = 0;
  private deferred = false;

  constructor(platform: DispatcherPlatform) {
    this.time = platform.time;
    this.random = platform.random;
    this.defer = platform.defer;
    this.onBug = platform.onBug;
    this.nowMs = platform.time.monotonicMs();
    this.wheel = new TimerWheel(this, (wakeUp) => platform.alarm(() => this.runEvent(wakeUp)));
    this.runDeferred = (): void => {
      this.deferred = false;
      this.runEvent(() => undefined);
    };
  }

  /** Time of the current event (read once per event), or of now outside events. */
  monotonicMs(): number {
    return this.depth === 0 ? this.time.monotonicMs() : this.nowMs;
  }

  wallMs(): number {
    return this.time.wallMs();
  }

  /** Timers armed and not yet fired; zero once everything is closed. */
  get armedTimers(): number {
    return this.wheel.armedCount;
  }

  /**
   * Runs a callback from the outside as one event; a throw is reported and ends only this event.
   */
  runEvent(callback: () => void): void {
    this.begin();
    try {
      callback();
    } catch (error) {
      this.onBug(error);
    } finally {
      this.end();
    }
  }

  /** True inside an event: what is deferred now is flushed before the event's callback returns. */
  get inEvent(): boolean {
    return this.depth > 0;
  }

  /** Call at the start of every callback from the outside; `end` must follow. */
  begin(): void {
    if (this.depth++ === 0) this.nowMs = this.time.monotonicMs();
  }

  end(): void {
    if (this.depth === 1 && this.pendingCount > 0) this.flush();
    this.depth--;
  }

  /** Runs `item.flush()` at the end of the current event, or soon when called outside an event. */
  deferFlush(item: Flushable): void {
    this.pending[this.pendingCount++] = item;
    if (this.depth === 0 && !this.deferred) {
      this.deferred = true;
      this.defer(this.runDeferred);
    }
  }

  create(owner: TimerOwner, kind: number): Timer {
    return this.wheel.create(owner, kind);
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.wheel.after(delayMs, callback);
  }

  /** The array keeps its storage between events: shrinking it would allocate anew per event. */
  private flush(): void {
    const { pending } = this;
    for (let index = 0; index < this.pendingCount; index++) {
      this.flushOne(pending[index] as Flushable);
      pending[index] = null;
    }
    this.pendingCount = 0;
  }

  private flushOne(item: Flushable): void {
    try {
      item.flush();
    } catch (error) {
      this.onBug(error);
    }
  }
}
