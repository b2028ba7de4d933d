/** What a process needs to run worker threads: the threads, their ports, their shared turns. */
import { availableParallelism } from "node:os";
import { trimNativeHeap } from "./native-heap.ts";
import { NodeSharedPorts } from "./shared-ports.ts";
import { NodeThreadFactory } from "./threads.ts";
import { createWriteTurn, reclaimWriteTurn, WriteTurn } from "./write-turn.ts";

/** Of the turns to write: the main thread is the first. */
const MAIN_THREAD = 0;

export interface WorkerThreads {
  /** Makes that many threads. */
  factory(threads: number): NodeThreadFactory;
  readonly ports: NodeSharedPorts;
  /** Threads write to the standard streams in turns. */
  readonly writeTurn: SharedArrayBuffer;
  /** A worker died. */
  reclaim(worker: number): void;
  /** Gives free memory of the C heap back to the system; blocks this thread for a moment. */
  trimNativeHeap(): void;
  /** Processors that this process may use. */
  parallelism(): number;
}

/** Each thread runs `entry`, with `flags` of the runtime for its isolate. */
export function createWorkerThreads(entry: URL, flags: readonly string[]): WorkerThreads {
  const writeTurn = createWriteTurn();
  return {
    factory: (threads) => new NodeThreadFactory(entry, threads, flags),
    ports: new NodeSharedPorts(),
    writeTurn,
    reclaim: (worker) => reclaimWriteTurn(writeTurn, 1 + MAIN_THREAD + worker),
    trimNativeHeap,
    parallelism: availableParallelism,
  };
}

/** The main thread's turn to write. */
export function mainTurn({ writeTurn }: WorkerThreads): WriteTurn {
  return new WriteTurn(writeTurn, MAIN_THREAD);
}
