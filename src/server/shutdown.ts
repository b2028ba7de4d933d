/**
 * An orderly end: readiness fails, listeners accept for a short settle time while every answer
 * announces the end of its connection, then nothing new comes in and what is in flight finishes.
 * Differs from Envoy, which exits at once on SIGTERM.
 */
import type { Timers } from "../platform/time.ts";
import type { Server } from "./server.ts";

/**
 * Time for load balancers to notice the failing readiness, in ms; new connections are still served.
 */
const SETTLE_MS = 1000;
/** A connection without any traffic for this long holds nothing that could be lost. */
const QUIET_MS = 1500;
const CHECK_MS = 100;

export interface ShutdownOptions {
  /** `--drain-time-s` in ms: the longest wait for work in flight. */
  readonly drainTimeMs: number;
}

/** Resolves when every connection has gone or the drain time is over. */
export function drainServer(
  server: Server,
  timers: Timers,
  options: ShutdownOptions,
): Promise<void> {
  server.failHealthCheck(true);
  server.startDrain();
  return new Promise((resolve) => {
    const deadline = timers.after(options.drainTimeMs, () => finish());
    let next = timers.after(Math.min(SETTLE_MS, options.drainTimeMs), () => stopAccepting());
    let over = false;
    const finish = (): void => {
      over = true;
      deadline.close();
      next.close();
      resolve();
    };
    const stopAccepting = (): void => {
      server.planes?.stopListeners("all");
      void check();
    };
    const check = async (): Promise<void> => {
      server.planes?.closeQuietConnections(QUIET_MS);
      if (((await server.planes?.connectionCount()) ?? 0) === 0) finish();
      else if (!over) next = timers.after(CHECK_MS, () => void check());
    };
  });
}
