/**
 * Several threads write to the standard streams of one process, which may be one pipe: a batch that
 * the pipe takes in parts must not have another thread's lines in its middle. One writes at a time;
 * a word of shared memory says who. Regular files need none: O_APPEND keeps each write together.
 */

const FIRST_WAIT_MS = 1;
/** A pipe that nobody reads holds its writer for long. */
const LONGEST_WAIT_MS = 50;

export function createWriteTurn(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/** A thread died: the others need not wait for it. */
export function reclaimWriteTurn(memory: SharedArrayBuffer, thread: number): void {
  Atomics.compareExchange(new Int32Array(memory), 0, 1 + thread, 0);
}

export class WriteTurn {
  private readonly word: Int32Array;
  private readonly own: number;

  /** `thread` is 0, 1, …: equal numbers are one thread. */
  constructor(memory: SharedArrayBuffer, thread: number) {
    this.word = new Int32Array(memory);
    this.own = 1 + thread;
  }

  /** Runs at once or later; `give` must follow. */
  take(run: () => void, waitMs: number = FIRST_WAIT_MS): void {
    if (Atomics.compareExchange(this.word, 0, 0, this.own) === 0) {
      run();
      return;
    }
    const nextMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    setTimeout(() => this.take(run, nextMs), waitMs).unref();
  }

  give(): void {
    Atomics.compareExchange(this.word, 0, this.own, 0);
  }
}
