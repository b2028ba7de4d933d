/**
 * The runtime flags that Outrigger ships with, in one place: the launcher is built from them
 * (build/launcher.ts), the load harness and the process tests start the proxy with them.
 *
 * They must stand on the command line: V8 sizes the young generation when the isolate is made.
 * Measured on Node 26.10, a loop that allocates without end: no flag 64 MB of new space;
 * `v8.setFlagsFromString("--max-semi-space-size=4")` after start 64 MB (no effect); the flag on the
 * command line or in NODE_OPTIONS 8 MB. A shell launcher costs 1–2 ms, a re-exec 24–37 ms.
 */

/** Arguments for `node`, before the script. */
export const RUNTIME_FLAGS: readonly string[] = [
  // 4 MB semi-space: 117 → 73 MB under load with better p99.9; 8 is faster, 1–2 worse on both axes.
  "--max-semi-space-size=4",
  // Lets the process give back what starting needed: 66.4 → 62.6 MB resident when idle.
  "--expose-gc",
  // One helper thread of V8 instead of four, each with memory of its own: 120.5 → 115.7 MB with one
  // data thread and 121.9 → 119.2 with two, saturated; CPU per request the same.
  "--v8-pool-size=1",
];

/**
 * For the threads of `--concurrency N`, set before the first of them starts (a new isolate reads
 * them). Two workers saturated on 64 connections, resident and CPU a request: 4 MB semi-space
 * 124–131 MB, 17.9–18.1 µs; 2 MB 117–121, 18.2–18.9; 1 MB 113–119, 19.5–20.1.
 *
 * It must be small for another reason too: Node gives a worker whose heap is full 16 MB more to
 * come to its end. A large young generation that is promoted at once takes the process with it.
 */
export const WORKER_FLAGS: readonly string[] = ["--max-semi-space-size=2"];
