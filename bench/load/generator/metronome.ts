// A thread that wakes the generator at the intended times. Node's timers count milliseconds, which
// would send five requests at once at 5 000 rps and hand the proxy a batching it does not get in
// life; Atomics.wait sleeps in nanoseconds.
import { readlinkSync, writeFileSync } from "node:fs";
import { parentPort, Worker, workerData } from "node:worker_threads";

export interface MetronomeData {
  readonly intendedMicros: Float64Array<SharedArrayBuffer>;
  /** [0]: 1 while a wake-up is on its way, [1]: 1 to stop. */
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly startNanos: bigint;
}

/** Starts the thread. It ends by itself after the last intended time. */
export function startMetronome(data: MetronomeData, onTick: () => void): Worker {
  const worker = new Worker(process.argv[1] as string, {
    workerData: data,
    argv: ["@metronome"],
  });
  worker.on("message", onTick);
  return worker;
}

/** The thread's side. */
export function runMetronome(): void {
  sharpenTimers();
  const { intendedMicros, control, startNanos } = workerData as MetronomeData;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const port = parentPort;
  if (port === null) return;
  port.postMessage(0);
  for (const intended of intendedMicros) {
    const now = Number(process.hrtime.bigint() - startNanos) / 1000;
    if (intended > now) Atomics.wait(sleeper, 0, 0, (intended - now) / 1000);
    if (Atomics.load(control, 1) === 1) return;
    if (Atomics.exchange(control, 0, 1) === 0) port.postMessage(0);
  }
  // The generator's clock may stand a hair behind ours: nothing may stay unsent.
  for (let extra = 0; extra < 20 && Atomics.load(control, 1) === 0; extra++) {
    Atomics.wait(sleeper, 0, 0, 1);
    port.postMessage(0);
  }
}

/** Linux rounds sleeps of a thread up by 50 µs unless told otherwise. */
function sharpenTimers(): void {
  try {
    const thread = readlinkSync("/proc/thread-self").split("/").pop();
    writeFileSync(`/proc/${thread}/timerslack_ns`, "1");
  } catch {
    // Not Linux, or not allowed: the send lag in the result shows the cost.
  }
}
