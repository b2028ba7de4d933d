/**
 * How many connections may be open at once. Envoy: per listener the runtime key
 * `envoy.resource_limits.listener.<name>.connection_limit`, in total the overload manager's
 * downstream connections.
 */

export interface ConnectionLimit {
  /** Takes a place; false when all are taken. */
  tryAcquire(): boolean;
  release(): void;
}

export const UNLIMITED: ConnectionLimit = {
  tryAcquire: (): boolean => true,
  release: (): void => undefined,
};

/** Counts over all data planes: the count is one word of shared memory. */
export class SharedConnectionLimit implements ConnectionLimit {
  private readonly words: Int32Array;
  private readonly max: () => number;

  /** `memory` has room for one word; `max` is asked at every connection. */
  constructor(memory: SharedArrayBuffer, max: () => number) {
    this.words = new Int32Array(memory, 0, 1);
    this.max = max;
  }

  tryAcquire(): boolean {
    if (Atomics.add(this.words, 0, 1) < this.max()) return true;
    Atomics.sub(this.words, 0, 1);
    return false;
  }

  release(): void {
    Atomics.sub(this.words, 0, 1);
  }
}

/** Counts on one data plane. */
export class LocalConnectionLimit implements ConnectionLimit {
  private readonly max: () => number;
  private open = 0;

  /** `max` is asked at every connection. */
  constructor(max: () => number) {
    this.max = max;
  }

  tryAcquire(): boolean {
    if (this.open >= this.max()) return false;
    this.open++;
    return true;
  }

  release(): void {
    this.open--;
  }
}
