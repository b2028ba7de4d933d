/** Real time: the system clocks and one `setTimeout` per timer wheel. */
import type { Alarm, AlarmFactory, TimeSource } from "../time.ts";

const [seconds, nanos] = process.hrtime();
/**
 * `performance.now()` begins with each thread; threads that share state in memory compare times.
 */
const ORIGIN_MS: number = seconds * 1000 + nanos / 1e6 - performance.now();

export const systemTime: TimeSource = {
  monotonicMs: (): number => performance.now() + ORIGIN_MS,
  wallMs: (): number => Date.now(),
};

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

class TimeoutAlarm implements Alarm {
  private readonly wakeUp: () => void;
  private timeout: NodeJS.Timeout | null = null;

  constructor(wakeUp: () => void) {
    this.wakeUp = wakeUp;
  }

  set(delayMs: number): void {
    this.clear();
    // setTimeout rounds down and may fire up to 1 ms early; a timer must never fire early.
    const delay = Math.min(Math.ceil(delayMs) + 1, LONGEST_TIMEOUT_MS);
    this.timeout = setTimeout(this.wakeUp, delay);
    this.timeout.unref();
  }

  clear(): void {
    if (this.timeout !== null) clearTimeout(this.timeout);
    this.timeout = null;
  }
}

export const systemAlarm: AlarmFactory = (wakeUp) => new TimeoutAlarm(wakeUp);
