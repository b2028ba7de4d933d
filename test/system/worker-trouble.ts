// Preloaded into the proxy (NODE_OPTIONS=--import): makes a worker thread die or hang when a file
// says so. The product has no such door.
import { readFileSync, rmSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

const LOOK_MS = 10;

/** What a worker can do to itself; `block` keeps its event loop from turning, then it exits. */
export type Trouble = "exit" | "exhaust" | "block";

function begin(trouble: Trouble): void {
  if (trouble === "exhaust") exhaust();
  if (trouble === "block") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  process.exit(7);
}

function exhaust(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}

/** "1 exit": the number of the worker and what it shall do. */
function read(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").trim().split(" ");
  } catch {
    return [];
  }
}

const path = process.env["WORKER_TROUBLE"];
if (!isMainThread && path !== undefined) {
  const own = String((workerData as { id: number }).id);
  setInterval(() => {
    const [id, trouble] = read(path);
    if (id !== own) return;
    rmSync(path);
    begin(trouble as Trouble);
  }, LOOK_MS).unref();
}
