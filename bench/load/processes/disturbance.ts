// How much other programs ran meanwhile: on a shared machine the difference between a measurement
// and an accident. A window is measured again while others took more than a share of one core.
import { setTimeout as sleep } from "node:timers/promises";
import { readCpu, readMachineBusyMicros } from "./proc-stat.ts";

export interface Undisturbed<T> {
  readonly value: T;
  /** CPU of other programs during the window, in per cent of one core; NaN where unknown. */
  readonly othersPercent: number;
}

export interface Patience {
  /** Above this a window is measured again. */
  readonly othersPercentMax: number;
  /** How often at most; the least disturbed window counts. */
  readonly tries: number;
}

const PAUSE_MS = 1000;

/** Runs `window` until it was quiet, or as often as patience allows. */
export async function undisturbed<T>(
  window: () => Promise<T>,
  patience: Patience,
): Promise<Undisturbed<T>> {
  let best: Undisturbed<T> | null = null;
  for (let attempt = 1; ; attempt++) {
    const before = readOthers();
    const begin = performance.now();
    const value = await window();
    const seconds = (performance.now() - begin) / 1000;
    const othersPercent = Math.max(0, readOthers() - before) / seconds / 10_000;
    if (best === null || othersPercent < best.othersPercent) best = { value, othersPercent };
    // NaN compares as quiet: without /proc there is nothing to wait for.
    const noisy = best.othersPercent > patience.othersPercentMax;
    if (!noisy || attempt >= patience.tries) return best;
    await sleep(PAUSE_MS);
  }
}

/** CPU µs of everything but this program and its children. */
function readOthers(): number {
  const all = readMachineBusyMicros();
  const own = readCpu(process.pid);
  return all === null || own === null ? Number.NaN : all - own.tickMicros;
}
