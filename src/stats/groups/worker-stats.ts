/** Lives and deaths of worker threads, `server.worker_*`. Ours: Envoy's threads die together. */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Kept by the main thread. */
export class WorkerStats {
  /** Threads that ended without being asked, or had to be ended because they hung. */
  readonly workerCrashes: Counter;
  /** Successors that serve. */
  readonly workerRestarts: Counter;

  constructor(scope: StatsScope) {
    this.workerCrashes = scope.counter("worker_crashes");
    this.workerRestarts = scope.counter("worker_restarts");
  }
}

/** `scope` is `server`. */
export function createWorkerStats(scope: StatsScope): WorkerStats {
  return new WorkerStats(scope);
}
