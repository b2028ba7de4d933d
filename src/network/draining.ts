/**
 * The end of a listener or filter chain: its connections may finish, and what is left when the
 * drain time is over is closed. Differs from Envoy: the drain ends as soon as the last connection
 * has gone, not only when the time is over.
 */
import type { Timers } from "../platform/time.ts";
import type { DrainManager } from "./drain-decision.ts";

/** Something with connections that can be drained. */
export interface Drainable {
  readonly drain: DrainManager;
  readonly connectionCount: number;
  /** Called each time the last connection has gone. */
  onEmpty: (() => void) | null;
  closeConnections(): void;
}

/** Starts the drain; calls back exactly once, possibly at once. */
export function drainConnections(
  subject: Drainable,
  drainTimeMs: number,
  timers: Timers,
  done: () => void,
): void {
  subject.drain.startDrain();
  if (subject.connectionCount === 0) {
    done();
    return;
  }
  const timer = timers.after(drainTimeMs, () => subject.closeConnections());
  subject.onEmpty = () => {
    subject.onEmpty = null;
    timer.close();
    done();
  };
}
