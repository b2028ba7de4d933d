import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { LogFileOptions } from "../../../src/platform/files.ts";
import { NodeFiles } from "../../../src/platform/node/files.ts";
import { NodeLogFile } from "../../../src/platform/node/log-file.ts";

describe("NodeLogFile", () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-log-"));
  after(() => rmSync(folder, { recursive: true }));
  let count = 0;
  const newPath = (): string => join(folder, `${count++}.log`);
  const options: LogFileOptions = { flushIntervalMs: 60_000, flushBytes: 64, maxBytes: 256 };
  const flushed = (log: NodeLogFile): Promise<void> => new Promise((resolve) => log.flush(resolve));

  it("writes lines in order, byte for byte", async () => {
    const path = newPath();
    const log = new NodeLogFile(path, options);
    for (let line = 0; line < 30; line += 1) {
      log.append(`${line} \xe9\xff\n`);
      if (line % 7 === 0) await flushed(log);
    }
    await flushed(log);
    const expected = Array.from({ length: 30 }, (_, line) => `${line} \xe9\xff\n`).join("");
    assert.equal(readFileSync(path, "latin1"), expected);
  });

  it("starts to write by itself when enough waits", async () => {
    const path = newPath();
    const log = new NodeLogFile(path, options);
    log.append("x".repeat(64));
    // The write is under way; a flush of nothing more waits for it.
    await flushed(log);
    assert.equal(readFileSync(path, "latin1").length, 64);
  });

  it("drops whole lines beyond its bound, and counts their bytes", async () => {
    const path = newPath();
    const log = new NodeLogFile(path, { ...options, flushBytes: 1000 });
    log.append("a".repeat(200));
    log.append("b".repeat(100));
    log.append("c".repeat(50));
    await flushed(log);
    assert.equal(readFileSync(path, "latin1"), "a".repeat(200) + "c".repeat(50));
    assert.equal(log.droppedBytes, 100);
  });

  it("tells its observer of lines, batches and losses", async () => {
    const events: string[] = [];
    const note = (name: string) => (bytes?: number) =>
      void events.push(`${name} ${bytes ?? ""}`.trim());
    const observer = {
      onAppend: note("append"),
      onDrop: note("drop"),
      onTimer: note("timer"),
      onWritten: note("written"),
      onWriteFailed: note("failed"),
      onReopenFailed: note("reopen failed"),
    };
    const log = new NodeLogFile(newPath(), { ...options, flushBytes: 1000, observer });
    log.append("a".repeat(200));
    log.append("b".repeat(100));
    await flushed(log);
    assert.deepEqual(events, ["append 200", "drop 100", "written 200"]);
  });

  it("writes lines whose time came during a slow write", { timeout: 60_000 }, async () => {
    const path = newPath();
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const written: number[] = [];
    const timer = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const observer = {
      onAppend: () => undefined,
      onDrop: () => undefined,
      onTimer: () => timer.resolve(),
      onWritten: (bytes: number) => {
        written.push(bytes);
        if (written.length === 2) second.resolve();
      },
      onWriteFailed: () => assert.fail("a write failed"),
      onReopenFailed: () => undefined,
    };
    const manyBytes = 1 << 20;
    const log = new NodeLogFile(path, {
      flushIntervalMs: 1,
      flushBytes: manyBytes,
      maxBytes: 2 * manyBytes,
      observer,
    });
    // More than the pipe holds: the write waits until somebody reads.
    log.append("x".repeat(manyBytes));
    log.append("late\n");
    await timer.promise;
    assert.deepEqual(written, []);
    const socket = new Socket({ fd: reader });
    socket.resume();
    await second.promise;
    assert.deepEqual(written, [manyBytes, 5]);
    socket.destroy();
  });

  it("loses lines, and counts them, while its path cannot be opened", async () => {
    const events: string[] = [];
    const observer = {
      onAppend: () => undefined,
      onDrop: () => undefined,
      onTimer: () => undefined,
      onWritten: () => void events.push("written"),
      onWriteFailed: (bytes: number) => void events.push(`failed ${bytes}`),
      onReopenFailed: () => void events.push("reopen failed"),
    };
    const path = join(folder, "later", "access.log");
    const log = new NodeLogFile(path, { ...options, observer });
    log.append("lost\n");
    await flushed(log);
    log.reopen();
    mkdirSync(join(folder, "later"));
    log.reopen();
    log.append("kept\n");
    await flushed(log);
    assert.equal(readFileSync(path, "latin1"), "kept\n");
    assert.deepEqual(events, ["failed 5", "reopen failed", "written"]);
  });

  it("goes on in a new file after rotation, without losing a line", async () => {
    const path = newPath();
    const log = new NodeLogFile(path, options);
    log.append("before\n");
    await flushed(log);
    renameSync(path, `${path}.1`);
    log.reopen();
    log.append("after\n");
    await flushed(log);
    assert.equal(readFileSync(`${path}.1`, "latin1"), "before\n");
    assert.equal(readFileSync(path, "latin1"), "after\n");
  });

  it("is one writer per path for all who open it", () => {
    const files = new NodeFiles();
    const path = newPath();
    assert.equal(files.openLog(path, options), files.openLog(path, options));
    assert.notEqual(files.openLog(path, options), files.openLog(newPath(), options));
  });
});
