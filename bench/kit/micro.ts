// Runs micro-benches: nanoseconds and allocated bytes per operation, and a bound on the bytes that
// may only go down. Under OUTRIGGER_BENCH_TINY=1 each operation runs a few times, so that the
// ordinary test run finds benches that rot.
import v8 from "node:v8";

export interface MicroBounds {
  /** Fails when an operation allocates more, in bytes; measured with some slack for the runtime. */
  readonly allocatedBytesMax?: number;
  /** When one call does several operations, so that results are per operation. */
  readonly operationsPerCall?: number;
}

export interface MicroResult {
  readonly name: string;
  readonly nanosPerOperation: number;
  readonly bytesPerOperation: number;
}

const TINY: boolean = process.env["OUTRIGGER_BENCH_TINY"] === "1";
const ROUND_MS = 100;
const ROUNDS = 7;
/** Allocation by the runtime itself that is no fault of the operation. */
const SLACK_BYTES = 2;

/** Keeps results alive, so that no operation is optimised away. */
let kept: unknown;

/**
 * Measures `operation`, prints one line, returns the numbers. `iteration` counts from 0; use it to
 * vary the input. Return something that depends on the work.
 */
export function bench(
  name: string,
  operation: (iteration: number) => unknown,
  bounds: MicroBounds = {},
): MicroResult {
  const perCall = bounds.operationsPerCall ?? 1;
  const calls = TINY ? 3 : callsPerRound(operation);
  const rounds = Array.from({ length: TINY ? 1 : ROUNDS }, () => round(operation, calls));
  const result: MicroResult = {
    name,
    nanosPerOperation: median(rounds.map(({ nanos }) => nanos)) / calls / perCall,
    bytesPerOperation: Math.min(...rounds.map(({ bytes }) => bytes)) / calls / perCall,
  };
  if (!TINY) report(result, bounds);
  return result;
}

function report(result: MicroResult, { allocatedBytesMax }: MicroBounds): void {
  const { name, nanosPerOperation: nanos, bytesPerOperation: bytes } = result;
  const time = `${nanos.toFixed(nanos < 100 ? 1 : 0)} ns`.padStart(12);
  console.log(`${name.padEnd(60)}${time}${`${bytes.toFixed(1)} B`.padStart(12)}`);
  if (allocatedBytesMax !== undefined && bytes > allocatedBytesMax + SLACK_BYTES) {
    console.error(`${name}: ${bytes.toFixed(1)} bytes per operation, over ${allocatedBytesMax}`);
    process.exitCode = 1;
  }
}

/** Warms up, and finds how many calls fill a round. */
function callsPerRound(operation: (iteration: number) => unknown): number {
  for (let calls = 64; ; calls *= 2) {
    const { nanos } = round(operation, calls);
    if (nanos > (ROUND_MS * 1e6) / 2) return Math.ceil((calls * ROUND_MS * 1e6) / nanos);
  }
}

function round(
  operation: (iteration: number) => unknown,
  calls: number,
): { nanos: number; bytes: number } {
  const bytesBefore = allocatedBytes();
  const before = process.hrtime.bigint();
  for (let iteration = 0; iteration < calls; iteration += 1) kept = operation(iteration);
  const nanos = Number(process.hrtime.bigint() - before);
  return { nanos, bytes: allocatedBytes() - bytesBefore };
}

/** All bytes ever allocated on the heap; older runtimes do not say, and report zero. */
function allocatedBytes(): number {
  const heap = v8.getHeapStatistics() as { total_allocated_bytes?: number };
  return heap.total_allocated_bytes ?? 0;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** What the last operation returned; exported so that it counts as used. */
export function lastResult(): unknown {
  return kept;
}
