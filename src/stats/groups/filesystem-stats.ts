/**
 * Stats of log files, `filesystem.*`. Envoy: ACCESS_LOG_FILE_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** One writer per data plane; values add up. */
export class FilesystemStats {
  readonly flushedByTimer: Counter;
  readonly reopenFailed: Counter;
  readonly writeBuffered: Counter;
  readonly writeCompleted: Counter;
  readonly writeFailed: Counter;
  readonly writeTotalBuffered: Gauge;

  constructor(scope: StatsScope) {
    this.flushedByTimer = scope.counter("flushed_by_timer");
    this.reopenFailed = scope.counter("reopen_failed");
    this.writeBuffered = scope.counter("write_buffered");
    this.writeCompleted = scope.counter("write_completed");
    this.writeFailed = scope.counter("write_failed");
    this.writeTotalBuffered = scope.gauge("write_total_buffered");
  }
}

/** `scope` is `filesystem`. */
export function createFilesystemStats(scope: StatsScope): FilesystemStats {
  return new FilesystemStats(scope);
}
