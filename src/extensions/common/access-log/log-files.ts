/**
 * Log files with Envoy's batching and stats. Envoy: `AccessLogManagerImpl`
 * (access_log_manager_impl.cc).
 */
import type { Files, LogFile, LogFileObserver } from "../../../platform/files.ts";
import type { FilesystemStats } from "../../../stats/groups/filesystem-stats.ts";
import type { LogFiles } from "./line-logger.ts";

/** Envoy: MIN_FLUSH_SIZE. */
const FLUSH_BYTES = 65_536;
/** What waits for a slow disk; more is dropped and counted in write_failed. */
const MAX_BYTES = 16 * 1024 * 1024;

export class StatedLogFiles implements LogFiles {
  private readonly files: Files;
  private readonly flushIntervalMs: number;
  private readonly observer: LogFileObserver;

  constructor(files: Files, flushIntervalMs: number, stats: FilesystemStats) {
    this.files = files;
    this.flushIntervalMs = flushIntervalMs;
    this.observer = new StatsObserver(stats);
  }

  open(path: string): LogFile {
    const { flushIntervalMs, observer } = this;
    return this.files.openLog(path, {
      flushIntervalMs,
      flushBytes: FLUSH_BYTES,
      maxBytes: MAX_BYTES,
      observer,
    });
  }
}

class StatsObserver implements LogFileObserver {
  private readonly stats: FilesystemStats;

  constructor(stats: FilesystemStats) {
    this.stats = stats;
  }

  onAppend(bytes: number): void {
    this.stats.writeBuffered.inc();
    this.stats.writeTotalBuffered.add(bytes);
  }

  onDrop(): void {
    this.stats.writeFailed.inc();
  }

  onTimer(): void {
    this.stats.flushedByTimer.inc();
  }

  onWritten(bytes: number): void {
    this.stats.writeCompleted.inc();
    this.stats.writeTotalBuffered.sub(bytes);
  }

  onWriteFailed(bytes: number): void {
    this.stats.writeFailed.inc();
    this.stats.writeTotalBuffered.sub(bytes);
  }

  onReopenFailed(): void {
    this.stats.reopenFailed.inc();
  }
}
