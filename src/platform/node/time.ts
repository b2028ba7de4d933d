/** Real time: the system clocks and one `setTimeout` per timer wheel. */
import type { Alarm, AlarmFactory, TimeSource } from "../time.ts";

export const systemTime: TimeSource = {
  monotonicMs: (): number => performance.now(),
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
