/**
 * Where time comes from, and how callbacks are armed.
 * Envoy: `TimeSource` (envoy/common/time.h), `Event::Timer` (envoy/event/timer.h).
 */

/**
 * Monotonic values are for durations, wall values for timestamps. Both in milliseconds, with
 * fractions.
 */
export interface TimeSource {
  monotonicMs(): number;
  wallMs(): number;
}

/** Told when one of its timers fires. `kind` is the number given to `Timers.create`. */
export interface TimerOwner {
  onTimer(kind: number): void;
}

/** A re-armable timer. Arming and disarming are cheap enough for every request. */
export interface Timer {
  /**
   * Fires once after `delayMs`, up to 1/64 of the delay late (never early). Replaces an earlier
   * arming.
   */
  arm(delayMs: number): void;
  /**
   * Will not fire. Cheap: the wheel forgets the timer when its old time comes; use `close` when the
   * owner goes away.
   */
  disarm(): void;
  /** Disarms and lets go of the owner at once. */
  close(): void;
  readonly armed: boolean;
}

export interface Timers {
  /** A timer that calls `owner.onTimer(kind)`: no closure per timer. */
  create(owner: TimerOwner, kind: number): Timer;
  /** One-shot convenience for code that is not hot. The returned timer may be disarmed. */
  after(delayMs: number, callback: () => void): Timer;
}

/** The one primitive that differs between real and simulated time: a single wake-up call. */
export interface Alarm {
  /** Calls the wake-up callback once after `delayMs`; replaces an earlier setting. */
  set(delayMs: number): void;
  clear(): void;
}

/** Makes the alarm of a timer wheel. */
export type AlarmFactory = (wakeUp: () => void) => Alarm;
