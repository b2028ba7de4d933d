/** Threads over node:worker_threads: both sides. */

import process from "node:process";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { parentPort, SHARE_ENV, Worker, workerData } from "node:worker_threads";
import type { MessageChannelEnd, Thread, ThreadFactory } from "../threads.ts";

const MEBIBYTE = 1 << 20;
/** A worker that compiles a large configuration needs some room whatever the machine has. */
const OLD_SPACE_MIN_MB = 64;

export class NodeThreadFactory implements ThreadFactory {
  private readonly entry: URL;
  private readonly oldSpaceMb: number;

  /**
   * `entry` is the file that each thread runs. All `threads` together may fill as much old space
   * as this thread: more of them need no larger machine. The young generation is a matter of
   * `flags`: what stands on the command line overrides a limit of the thread.
   */
  constructor(entry: URL, threads: number, flags: readonly string[] = []) {
    this.entry = entry;
    for (const flag of flags) setFlagsFromString(flag);
    const limitMb = getHeapStatistics().heap_size_limit / MEBIBYTE;
    this.oldSpaceMb = Math.max(OLD_SPACE_MIN_MB, Math.floor(limitMb / threads));
  }

  start(name: string, data: unknown): Thread {
    const worker = new Worker(this.entry, {
      name,
      workerData: data,
      env: SHARE_ENV,
      resourceLimits: { maxOldGenerationSizeMb: this.oldSpaceMb },
    });
    return new NodeThread(worker);
  }
}

class NodeThread implements Thread {
  onMessage: (message: unknown) => void = () => undefined;
  onEnd: (reason: string) => void = () => undefined;
  private readonly worker: Worker;
  private error = "";

  constructor(worker: Worker) {
    this.worker = worker;
    worker.on("message", (message: unknown) => this.onMessage(message));
    worker.on("messageerror", (error) => {
      this.error = String(error);
      this.terminate();
    });
    worker.on("error", (error: Error & { code?: string }) => {
      this.error = error.code ?? String(error);
    });
    worker.on("exit", (code) => this.onEnd(this.error === "" ? `exit code ${code}` : this.error));
  }

  post(message: unknown): void {
    this.worker.postMessage(message);
  }

  terminate(): void {
    void this.worker.terminate();
  }
}

/** The starting thread, as the started one sees it. */
export function parentChannel(): { readonly data: unknown; readonly channel: MessageChannelEnd } {
  const port = parentPort;
  if (port === null) throw new Error("This file is the entry of a worker thread");
  const channel: MessageChannelEnd = {
    post: (message) => port.postMessage(message),
    onMessage: () => undefined,
  };
  port.on("message", (message: unknown) => channel.onMessage(message));
  return { data: workerData as unknown, channel };
}

/** Errors that nothing caught: with a listener they do not end the thread. */
export function onUncaughtError(listener: (error: unknown) => void): void {
  process.on("uncaughtException", listener);
  process.on("unhandledRejection", listener);
}

export function threadMemory(): { readonly heapUsed: number; readonly heapTotal: number } {
  const { used_heap_size, total_heap_size } = getHeapStatistics();
  return { heapUsed: used_heap_size, heapTotal: total_heap_size };
}

/** Without the flag (a foreign launcher) there is nothing to call: the process is 4 MB larger. */
export function trimMemory(): void {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
