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
