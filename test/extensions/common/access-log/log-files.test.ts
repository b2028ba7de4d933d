// What log files report becomes `filesystem.*`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { StatedLogFiles } from "../../../../src/extensions/common/access-log/log-files.ts";
import type { Files, LogFile, LogFileOptions } from "../../../../src/platform/files.ts";
import { createFilesystemStats } from "../../../../src/stats/groups/filesystem-stats.ts";
import { StatSlab } from "../../../../src/stats/slab.ts";
import { StatsStore } from "../../../../src/stats/stats-store.ts";

test("counts lines, batches, waiting bytes and losses", () => {
  const opened: LogFileOptions[] = [];
  const file: LogFile = {
    append: () => undefined,
    flush: (done) => done(),
    reopen: () => undefined,
    droppedBytes: 0,
  };
  const openLog = (_path: string, options: LogFileOptions): LogFile => {
    opened.push(options);
    return file;
  };
  const stats = createFilesystemStats(new StatsStore(new StatSlab()).root.scope("filesystem"));
  const logs = new StatedLogFiles({ openLog } as unknown as Files, 10_000, stats);
  assert.equal(logs.open("/log"), file);
  const [options] = opened;
  assert.equal(options?.flushIntervalMs, 10_000);
  assert.equal(options?.flushBytes, 65_536);
  const observer = options!.observer!;
  observer.onAppend(10);
  observer.onAppend(5);
  observer.onTimer();
  assert.equal(stats.writeTotalBuffered.value(), 15);
  observer.onWritten(10);
  observer.onWriteFailed(5);
  observer.onDrop(7);
  observer.onReopenFailed();
  const { writeBuffered, writeCompleted, writeFailed, flushedByTimer, reopenFailed } = stats;
  assert.deepEqual(
    [writeBuffered, writeCompleted, writeFailed, flushedByTimer, reopenFailed].map((one) =>
      one.value(),
    ),
    [2, 1, 2, 1, 1],
  );
  assert.equal(stats.writeTotalBuffered.value(), 0);
});
