// hot: per request
/**
 * What outlier detection and active health checks know of hosts and clusters, in shared memory: it
 * outlives the data plane that found it out. Only clusters that use one of them have slots. Envoy:
 * `DetectorHostMonitorImpl`, `ActiveHealthCheckSession` keep the same in their objects.
 */
import {
  createSharedSlots,
  SCRATCH_SLOT,
  SharedSlots,
  type SharedSlotsHandle,
} from "./shared-slots.ts";

/** 32-bit words of a host that all data planes change by atomic operations. */
export const HostWord = {
  Consecutive5xx: 0,
  ConsecutiveGatewayFailure: 1,
  ConsecutiveLocalOriginFailure: 2,
  /** 1 while the host counts among the ejected ones of its cluster. */
  Ejected: 3,
  /** How often it was ejected. */
  Ejections: 4,
  /** The next ejection lasts this many base times, and one more. */
  EjectionBackoff: 5,
  /** Health checks: results in a row, and what is known so far. */
  CheckSuccesses: 6,
  CheckFailures: 7,
  CheckState: 8,
} as const;

/** Words of a cluster. */
export const ClusterWord = {
  /** Moves on whenever a health flag of one of its hosts changes. */
  HealthGeneration: 0,
  /** Hosts ejected now. */
  Ejected: 1,
  /** 1 once any data plane has opened a connection pool. */
  Used: 2,
  /** 1 + number of the data plane that decides about ejections at this moment; 0 = none. */
  Decider: 9,
} as const;
const WORDS = 10;

/** 64-bit numbers that each data plane counts for itself: the sum counts. */
export const HostCell = {
  ExternalSuccess: 0,
  ExternalFailure: 1,
  LocalSuccess: 2,
  LocalFailure: 3,
} as const;
/** 64-bit numbers with one writer at a time, whoever it is. */
export const HostFact = {
  /** Sums of the cells when the current interval began. */
  ExternalSuccess: 4,
  ExternalFailure: 5,
  LocalSuccess: 6,
  LocalFailure: 7,
  /** Monotonic times in ms, plus 1; 0 = never. */
  EjectedAtMs: 8,
  UnejectedAtMs: 9,
  EjectionJitterMs: 10,
  /** As `encodeRate` makes them. */
  ExternalSuccessRate: 11,
  LocalSuccessRate: 12,
  /** Health checks: monotonic time in ms, plus 1, of the last change of health. */
  CheckChangedAtMs: 13,
} as const;
/** The same for a cluster, as `encodeRate` makes them. */
export const ClusterFact = {
  ExternalAverage: 4,
  ExternalThreshold: 5,
  LocalAverage: 6,
  LocalThreshold: 7,
} as const;
const CELLS = 14;

/**
 * New memory is zero, which shall mean "not known"; the rate that Envoy shows for it is −1. Its own
 * inverse.
 */
export function encodeRate(rate: number): number {
  if (rate === 0) return -1;
  return rate === -1 ? 0 : rate;
}

/** New memory is zero, which shall mean "never". */
export function encodeTime(timeMs: number): number {
  return timeMs + 1;
}

export function decodeTime(value: number): number {
  return value - 1;
}

/** As many hosts as `host-slots.ts` counts, and their clusters. */
const CAPACITY = 81_920;

/** Memory for all data planes. */
export function createHealthSlots(dataPlanes: number): SharedSlotsHandle {
  return createSharedSlots({
    capacity: CAPACITY,
    dataPlanes,
    sharedWords: WORDS,
    stripeCells: CELLS,
  });
}

/** A data plane died, perhaps while it decided. What it counted and found out stays. */
export function reclaimHealthSlots(handle: SharedSlotsHandle, dataPlane: number): void {
  const slots = new SharedSlots(handle);
  for (let slot = SCRATCH_SLOT + 1; slot < slots.end; slot++) {
    const decider = slots.wordIndex(slot) + ClusterWord.Decider;
    Atomics.compareExchange(slots.words, decider, dataPlane + 1, 0);
  }
}

/** The slots as one data plane uses them. */
export class HealthSlots {
  readonly slots: SharedSlots;
  readonly dataPlane: number;

  constructor(handle: SharedSlotsHandle, dataPlane: number) {
    this.slots = new SharedSlots(handle, dataPlane);
    this.dataPlane = dataPlane;
  }

  /** `key` names a host or a cluster, equal on every data plane. `release` must follow. */
  acquire(key: string): HealthSlot {
    return new HealthSlot(this, key, this.slots.acquire(key));
  }
}

/** One host's or cluster's slot. What is written after `release` goes nowhere. */
export class HealthSlot {
  private readonly owner: HealthSlots;
  private readonly key: string;
  private readonly words: Int32Array;
  private readonly cells: Float64Array;
  private slot: number;
  private wordAt: number;
  /** Start of this data plane's stripe. */
  private cellAt: number;
  /** Start of the first stripe, where the facts are. */
  private factAt: number;

  constructor(owner: HealthSlots, key: string, slot: number) {
    const { slots, dataPlane } = owner;
    this.owner = owner;
    this.key = key;
    this.words = slots.words;
    this.cells = slots.cells;
    this.slot = slot;
    this.wordAt = slots.wordIndex(slot);
    this.cellAt = slots.cellIndex(slot, dataPlane);
    this.factAt = slots.cellIndex(slot, 0);
  }

  /** False when all slots were taken: it shares a slot without meaning. */
  get held(): boolean {
    return this.slot !== SCRATCH_SLOT;
  }

  release(): void {
    if (this.slot === SCRATCH_SLOT) return;
    const { slots, dataPlane } = this.owner;
    slots.release(this.key);
    this.slot = SCRATCH_SLOT;
    this.wordAt = slots.wordIndex(SCRATCH_SLOT);
    this.cellAt = slots.cellIndex(SCRATCH_SLOT, dataPlane);
    this.factAt = slots.cellIndex(SCRATCH_SLOT, 0);
  }

  load(word: number): number {
    return Atomics.load(this.words, this.wordAt + word);
  }

  store(word: number, value: number): void {
    Atomics.store(this.words, this.wordAt + word, value);
  }

  /** The value after the addition. */
  add(word: number, value: number): number {
    return Atomics.add(this.words, this.wordAt + word, value) + value;
  }

  /** Sets the word to 0. */
  clear(word: number): void {
    const at = this.wordAt + word;
    // Almost always it is 0 already, and a load is cheaper than a store.
    if (Atomics.load(this.words, at) !== 0) Atomics.store(this.words, at, 0);
  }

  /** True when the word was `expected` and is `next` now. */
  exchange(word: number, expected: number, next: number): boolean {
    return Atomics.compareExchange(this.words, this.wordAt + word, expected, next) === expected;
  }

  /** Counts one in this data plane's cell. */
  count(cell: number): void {
    (this.cells[this.cellAt + cell] as number)++;
  }

  /** A cell summed over all data planes. */
  sum(cell: number): number {
    return this.owner.slots.sum(this.slot, cell);
  }

  fact(fact: number): number {
    return this.cells[this.factAt + fact] as number;
  }

  setFact(fact: number, value: number): void {
    this.cells[this.factAt + fact] = value;
  }
}
