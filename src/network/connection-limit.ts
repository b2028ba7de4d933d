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

/** Memory of a SharedConnectionLimit: the count, then the share of each data plane. */
export function createConnectionCount(dataPlanes: number): SharedArrayBuffer {
  return new SharedArrayBuffer((1 + dataPlanes) * Int32Array.BYTES_PER_ELEMENT);
}

/** A data plane died: its connections are gone. */
export function reclaimConnectionCount(memory: SharedArrayBuffer, dataPlane: number): void {
  const words = new Int32Array(memory);
  Atomics.sub(words, 0, Atomics.exchange(words, 1 + dataPlane, 0));
}

/** Counts over all data planes: the count is one word of shared memory. */
export class SharedConnectionLimit implements ConnectionLimit {
  private readonly words: Int32Array;
  private readonly own: number;
  private readonly max: () => number;

  /** `memory` is that of createConnectionCount; `max` is asked at every connection. */
  constructor(memory: SharedArrayBuffer, max: () => number, dataPlane: number = 0) {
    this.words = new Int32Array(memory);
    this.own = 1 + dataPlane;
    this.max = max;
  }

  tryAcquire(): boolean {
    if (Atomics.add(this.words, 0, 1) < this.max()) {
      (this.words[this.own] as number)++;
      return true;
    }
    Atomics.sub(this.words, 0, 1);
    return false;
  }

  release(): void {
    Atomics.sub(this.words, 0, 1);
    (this.words[this.own] as number)--;
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
