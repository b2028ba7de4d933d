import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WORKER_FLAGS } from "../../../src/cli/runtime-flags.ts";
import { NodeThreadFactory } from "../../../src/platform/node/threads.ts";
import type { Thread } from "../../../src/platform/threads.ts";

const ENTRY = new URL("./fixtures/echo-thread.ts", import.meta.url);

/** Every thread gets the least old space that there is. */
const MANY = 100_000;

class Started {
  readonly thread: Thread;
  readonly ended: Promise<string>;
  private readonly received: unknown[] = [];
  private waiting: ((message: unknown) => void) | null = null;

  constructor(data: unknown, threads: number = 1) {
    this.thread = new NodeThreadFactory(ENTRY, threads, WORKER_FLAGS).start("test", data);
    this.thread.onMessage = (message): void => {
      this.received.push(message);
      this.waiting?.(this.received.shift());
      this.waiting = null;
    };
    this.ended = new Promise((resolve) => {
      this.thread.onEnd = resolve;
    });
  }

  next(): Promise<unknown> {
    if (this.received.length > 0) return Promise.resolve(this.received.shift());
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }
}

describe("a thread", () => {
  it("starts with its data, and talks", async () => {
    const started = new Started({ id: 3, big: 7n });
    assert.deepEqual(await started.next(), { began: { id: 3, big: 7n } });
    started.thread.post(new Map([["a", 1]]));
    assert.deepEqual(await started.next(), { echo: new Map([["a", 1]]) });
    started.thread.post("memory");
    const memory = (await started.next()) as { heapUsed: number; heapTotal: number };
    assert.ok(memory.heapUsed > 0 && memory.heapTotal >= memory.heapUsed);
    started.thread.terminate();
    assert.match(await started.ended, /exit code/);
  });

  it("shares memory that is made to be shared", async () => {
    const memory = new SharedArrayBuffer(4);
    const started = new Started(memory);
    await started.next();
    started.thread.post(memory);
    const { echo } = (await started.next()) as { echo: SharedArrayBuffer };
    new Int32Array(memory)[0] = 5;
    assert.equal(new Int32Array(echo)[0], 5);
    started.thread.terminate();
    await started.ended;
  });

  it("survives an error that nothing catches", async () => {
    const started = new Started(null);
    await started.next();
    started.thread.post("throw");
    assert.deepEqual(await started.next(), { caught: "Error: nobody catches it" });
    started.thread.terminate();
    await started.ended;
  });

  it("ends alone when it calls exit", async () => {
    const started = new Started(null);
    started.thread.post("exit");
    assert.equal(await started.ended, "exit code 3");
  });

  it("ends alone when its heap is full", async () => {
    const started = new Started(null, MANY);
    started.thread.post("exhaust");
    assert.equal(await started.ended, "ERR_WORKER_OUT_OF_MEMORY");
  });

  it("can be ended while it never returns", async () => {
    const started = new Started(null);
    await started.next();
    started.thread.post("spin");
    started.thread.terminate();
    assert.match(await started.ended, /exit code/);
  });
});
