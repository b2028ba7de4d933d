// hot: per request
/**
 * Counts and token buckets of filters that are exact over all data planes: one 64-bit word of
 * shared memory each, changed by compare-and-swap; no message is sent. Envoy:
 * `AtomicTokenBucketImpl` (source/common/common/token_bucket_impl.h), and the atomics of
 * connection_limit and fault. Not here: what is limited.
 */
import type { TimeSource } from "../platform/time.ts";
import {
  createSharedSlots,
  SCRATCH_SLOT,
  SharedSlots,
  type SharedSlotsHandle,
} from "./shared-slots.ts";

/** Two words, so that the pair can be read as one of 64 bits. */
const SHARED_WORDS = 2;
/** What this data plane has taken of a count. */
const STRIPE_CELLS = 1;
const CAPACITY = 65536;

/** Memory for the limits of all filters. */
export function createLimiterSlots(dataPlanes: number): SharedSlotsHandle {
  return createSharedSlots({
    capacity: CAPACITY,
    dataPlanes,
    sharedWords: SHARED_WORDS,
    stripeCells: STRIPE_CELLS,
  });
}

/** A data plane died: gives back what it had taken of every count. Buckets refill by themselves. */
export function reclaimLimiterSlots(handle: SharedSlotsHandle, dataPlane: number): void {
  const slots = new SharedSlots(handle);
  for (let slot = 0; slot < slots.end; slot++) {
    const own = slots.cellIndex(slot, dataPlane);
    const taken = slots.cells[own] as number;
    if (taken !== 0) Atomics.sub(slots.words, slots.wordIndex(slot), taken);
    slots.cells[own] = 0;
  }
}

export interface TokenBucketRate {
  /** The bucket starts with so many and never holds more. */
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** The slots as one data plane uses them. `key` must be equal on every data plane. */
export class LimiterSlots {
  private readonly slots: SharedSlots;
  private readonly bits: BigInt64Array;
  private readonly dataPlane: number;

  constructor(handle: SharedSlotsHandle, dataPlane: number) {
    this.slots = new SharedSlots(handle, dataPlane);
    this.bits = new BigInt64Array(handle.words);
    this.dataPlane = dataPlane;
  }

  /** `release` must follow. */
  count(key: string): SharedCount {
    const slot = this.slots.acquire(`count ${key}`);
    if (slot === SCRATCH_SLOT) {
      return new SharedCount(new Int32Array(1), 0, new Float64Array(1), 0, holdNothing);
    }
    const { words, cells } = this.slots;
    const cell = this.slots.cellIndex(slot, this.dataPlane);
    const release = (): void => this.slots.release(`count ${key}`);
    return new SharedCount(words, this.slots.wordIndex(slot), cells, cell, release);
  }

  /** `release` must follow. A bucket that another data plane has made goes on as it is. */
  bucket(key: string, rate: TokenBucketRate, time: TimeSource): SharedTokenBucket {
    const slot = this.slots.acquire(`bucket ${key}`);
    // Without a slot of its own a bucket counts for this data plane alone.
    if (slot === SCRATCH_SLOT) return new SharedTokenBucket(rate, time, new BigInt64Array(1), 0);
    const index = this.slots.wordIndex(slot) / 2;
    return new SharedTokenBucket(rate, time, this.bits, index, () =>
      this.slots.release(`bucket ${key}`),
    );
  }
}

function holdNothing(): void {
  // No slot is held.
}

/** How many there are of something, over all data planes. */
export class SharedCount {
  /** Gives the slot back; what is still counted later goes nowhere. */
  readonly close: () => void;
  private words: Int32Array;
  private index: number;
  private cells: Float64Array;
  private cell: number;

  constructor(
    words: Int32Array,
    index: number,
    cells: Float64Array,
    cell: number,
    release: () => void,
  ) {
    this.words = words;
    this.index = index;
    this.cells = cells;
    this.cell = cell;
    this.close = (): void => {
      release();
      this.words = new Int32Array(1);
      this.cells = new Float64Array(1);
      this.index = 0;
      this.cell = 0;
    };
  }

  get value(): number {
    return Atomics.load(this.words, this.index);
  }

  /** Takes one unless there are `max` already. */
  tryAcquire(max: number): boolean {
    for (;;) {
      const before = Atomics.load(this.words, this.index);
      if (before >= max) return false;
      if (Atomics.compareExchange(this.words, this.index, before, before + 1) !== before) continue;
      (this.cells[this.cell] as number)++;
      return true;
    }
  }

  release(): void {
    Atomics.sub(this.words, this.index, 1);
    (this.cells[this.cell] as number)--;
  }
}

/** The bits of a number, and back. */
const asNumber = new Float64Array(1);
const asBits = new BigInt64Array(asNumber.buffer);
/** Memory that nobody has written yet. */
const FRESH = 0n;

/**
 * A token bucket that refills continuously: 10 tokens a minute are one every 6 seconds, not ten at
 * the full minute. Its state is one number, the time (ms) at which it was, or would have been,
 * empty: the tokens are what has come in since then.
 */
export class SharedTokenBucket {
  readonly rate: TokenBucketRate;
  readonly tokensPerMs: number;
  private readonly time: TimeSource;
  private bits: BigInt64Array;
  private index: number;
  private readonly release: () => void;

  constructor(
    rate: TokenBucketRate,
    time: TimeSource,
    bits: BigInt64Array,
    index: number,
    release: () => void = holdNothing,
  ) {
    this.rate = rate;
    this.tokensPerMs = rate.tokensPerFill / rate.fillIntervalMs;
    this.time = time;
    this.bits = bits;
    this.index = index;
    this.release = release;
  }

  /** Takes tokens; false, and nothing is taken, when there are not enough. */
  tryConsume(tokens: number = 1): boolean {
    const { bits, index, tokensPerMs } = this;
    const nowMs = this.time.monotonicMs();
    for (;;) {
      const before = Atomics.load(bits, index);
      const left = this.tokensAt(before, nowMs) - tokens;
      if (left < 0) return false;
      asNumber[0] = nowMs - left / tokensPerMs;
      // All bits zero would mean a full bucket.
      if (asBits[0] === FRESH) asNumber[0] = Number.MIN_VALUE;
      const after = asBits[0] as bigint;
      if (Atomics.compareExchange(bits, index, before, after) === before) return true;
    }
  }

  /** Tokens there are now, with fractions. */
  get remaining(): number {
    return this.tokensAt(Atomics.load(this.bits, this.index), this.time.monotonicMs());
  }

  /** Gives the slot back; from now on the bucket is one of its own. */
  close(): void {
    this.release();
    this.bits = new BigInt64Array(1);
    this.index = 0;
  }

  private tokensAt(bits: bigint, nowMs: number): number {
    const { maxTokens } = this.rate;
    if (bits === FRESH) return maxTokens;
    asBits[0] = bits;
    const gained = (nowMs - (asNumber[0] as number)) * this.tokensPerMs;
    return gained > maxTokens ? maxTokens : gained > 0 ? gained : 0;
  }
}

/** For one connection or one test: a bucket that no other data plane sees. */
export function localTokenBucket(rate: TokenBucketRate, time: TimeSource): SharedTokenBucket {
  return new SharedTokenBucket(rate, time, new BigInt64Array(1), 0);
}
