/**
 * Slots in shared memory that several data planes find by name without sending each other messages:
 * every slot has words that all share (limits, health bits) and one stripe of counters per data
 * plane (plain stores, one writer). Built on SharedArrayBuffer; memory that is never touched costs
 * nothing. Not here: what the words mean (`host-slots.ts`, `resource-limits.ts`).
 */

/** How many slots, and what one slot holds. */
export interface SlotLayout {
  readonly capacity: number;
  /** Data planes that write; each owns one stripe. */
  readonly dataPlanes: number;
  /** 32-bit words of a slot that all data planes share. */
  readonly sharedWords: number;
  /** 64-bit floating-point cells per data plane. */
  readonly stripeCells: number;
}

/** What a data plane needs to open the same slots: structured-clone safe. */
export interface SharedSlotsHandle {
  readonly layout: SlotLayout;
  readonly directory: SharedArrayBuffer;
  /** Per entry of the directory, how many of its holders are on each data plane. */
  readonly shares: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  readonly cells: SharedArrayBuffer;
}

/**
 * The directory is a few tables of growing size that are searched in turn: a small proxy touches
 * only the first, so it pays for one page and not for a sparse table.
 */
const TABLE_SIZES: readonly number[] = [512, 8192, 131072];
const PROBES = 16;
/** Entry: key low, key high, holders (0 = free), slot number. */
const ENTRY_WORDS = 4;
const HOLDERS = 2;
const SLOT = 3;
/** Header of the directory: lock, next never used slot, head of the free list. */
const HEADER_WORDS = 4;
const LOCK = 0;
const NEXT = 1;
const FREE = 2;
/** Words every slot has before its own: generation, next free slot. */
const SLOT_HEADER_WORDS = 2;
const GENERATION = 0;
const NEXT_FREE = 1;

/** Slot 0 belongs to nobody: what lost its slot writes there. */
export const SCRATCH_SLOT = 0;

export function createSharedSlots(layout: SlotLayout): SharedSlotsHandle {
  const entries = TABLE_SIZES.reduce((sum, size) => sum + size, 0);
  const wordsPerSlot = SLOT_HEADER_WORDS + layout.sharedWords;
  const cellsPerSlot = layout.dataPlanes * layout.stripeCells;
  const handle: SharedSlotsHandle = {
    layout,
    directory: new SharedArrayBuffer((HEADER_WORDS + entries * ENTRY_WORDS) * 4),
    shares: new SharedArrayBuffer(entries * layout.dataPlanes * 4),
    words: new SharedArrayBuffer(layout.capacity * wordsPerSlot * 4),
    cells: new SharedArrayBuffer(layout.capacity * cellsPerSlot * 8),
  };
  new Int32Array(handle.directory)[NEXT] = SCRATCH_SLOT + 1;
  return handle;
}

/**
 * A data plane died: a lock that it held is open (what it did under it is half done, which costs a
 * slot at most). The result gives back the slots that it held: to be called once its successor has
 * acquired what it needs, and finds there what was counted.
 */
export function reclaimSharedSlots(handle: SharedSlotsHandle, dataPlane: number): () => void {
  return new SharedSlots(handle, handle.layout.dataPlanes).reclaim(dataPlane);
}

/** One thread's view of shared slots. */
export class SharedSlots {
  readonly layout: SlotLayout;
  readonly words: Int32Array;
  readonly cells: Float64Array;
  private readonly dataPlane: number;
  private readonly directory: Int32Array;
  private readonly shares: Int32Array;
  private readonly wordsPerSlot: number;
  private readonly cellsPerSlot: number;

  /** `dataPlane` holds what is acquired here. */
  constructor(handle: SharedSlotsHandle, dataPlane: number = 0) {
    this.layout = handle.layout;
    this.dataPlane = dataPlane;
    this.directory = new Int32Array(handle.directory);
    this.shares = new Int32Array(handle.shares);
    this.words = new Int32Array(handle.words);
    this.cells = new Float64Array(handle.cells);
    this.wordsPerSlot = SLOT_HEADER_WORDS + handle.layout.sharedWords;
    this.cellsPerSlot = handle.layout.dataPlanes * handle.layout.stripeCells;
  }

  /**
   * The slot of a key, made and zeroed when nobody holds it yet. `release` must follow.
   * `SCRATCH_SLOT` when all slots are taken: numbers are lost then, traffic is not.
   */
  acquire(key: string): number {
    const low = hash32(key, 0x811c9dc5);
    const high = hash32(key, 0x01234567);
    this.lock();
    try {
      const entry = this.findEntry(low, high);
      const slot = entry < 0 ? SCRATCH_SLOT : this.hold(entry, low, high);
      if (slot !== SCRATCH_SLOT) (this.shares[this.shareOf(entry, this.dataPlane)] as number)++;
      return slot;
    } finally {
      this.unlock();
    }
  }

  /** One holder less; the last one frees the slot and moves its generation on. */
  release(key: string): void {
    const low = hash32(key, 0x811c9dc5);
    const high = hash32(key, 0x01234567);
    this.lock();
    try {
      const entry = this.findEntry(low, high);
      if (entry >= 0 && (this.directory[entry + HOLDERS] as number) > 0)
        this.letGo(entry, this.dataPlane);
    } finally {
      this.unlock();
    }
  }

  /** @internal */
  reclaim(dataPlane: number): () => void {
    Atomics.compareExchange(this.directory, LOCK, 1 + dataPlane, 0);
    const held = new Map<number, number>();
    for (let entry = HEADER_WORDS; entry < this.directory.length; entry += ENTRY_WORDS) {
      if ((this.directory[entry + HOLDERS] as number) === 0) continue;
      const share = this.shares[this.shareOf(entry, dataPlane)] as number;
      if (share > 0) held.set(entry, share);
    }
    return () => this.letAllGo(held, dataPlane);
  }

  /** Changes each time the slot gets a new owner. */
  generation(slot: number): number {
    return Atomics.load(this.words, slot * this.wordsPerSlot + GENERATION);
  }

  /** Index in `words` of the slot's first shared word. */
  wordIndex(slot: number): number {
    return slot * this.wordsPerSlot + SLOT_HEADER_WORDS;
  }

  /** Index in `cells` of the slot's stripe of one data plane. */
  cellIndex(slot: number, dataPlane: number): number {
    return slot * this.cellsPerSlot + dataPlane * this.layout.stripeCells;
  }

  /** A cell summed over all data planes. */
  sum(slot: number, cell: number): number {
    let total = 0;
    const end = (slot + 1) * this.cellsPerSlot;
    for (let at = slot * this.cellsPerSlot + cell; at < end; at += this.layout.stripeCells) {
      total += this.cells[at] as number;
    }
    return total;
  }

  /** Slots ever given out are below this. */
  get end(): number {
    return this.directory[NEXT] as number;
  }

  /** Number of slots in use. */
  get used(): number {
    let count = 0;
    for (let at = HEADER_WORDS; at < this.directory.length; at += ENTRY_WORDS) {
      if ((this.directory[at + HOLDERS] as number) > 0) count++;
    }
    return count;
  }

  /**
   * The entry that holds the key, else a free one, else −1. A removed entry may leave a gap before
   * a living one, so all places of the key are looked at.
   */
  private findEntry(low: number, high: number): number {
    let free = -1;
    let base = HEADER_WORDS;
    for (const size of TABLE_SIZES) {
      for (let probe = 0; probe < PROBES; probe++) {
        const at = base + (((low >>> 0) + probe) % size) * ENTRY_WORDS;
        const held = (this.directory[at + HOLDERS] as number) > 0;
        if (!held && free < 0) free = at;
        else if (held && this.directory[at] === low && this.directory[at + 1] === high) return at;
      }
      base += size * ENTRY_WORDS;
    }
    return free;
  }

  private hold(entry: number, low: number, high: number): number {
    const directory = this.directory;
    if ((directory[entry + HOLDERS] as number) > 0) {
      (directory[entry + HOLDERS] as number)++;
      return directory[entry + SLOT] as number;
    }
    const slot = this.takeSlot();
    if (slot === SCRATCH_SLOT) return SCRATCH_SLOT;
    directory[entry] = low;
    directory[entry + 1] = high;
    directory[entry + HOLDERS] = 1;
    directory[entry + SLOT] = slot;
    return slot;
  }

  private takeSlot(): number {
    const directory = this.directory;
    let slot = directory[FREE] as number;
    if (slot !== 0) {
      directory[FREE] = this.words[slot * this.wordsPerSlot + NEXT_FREE] as number;
    } else {
      slot = directory[NEXT] as number;
      if (slot >= this.layout.capacity) return SCRATCH_SLOT;
      directory[NEXT] = slot + 1;
    }
    const word = this.wordIndex(slot);
    this.words.fill(0, word, word + this.layout.sharedWords);
    const cell = slot * this.cellsPerSlot;
    this.cells.fill(0, cell, cell + this.cellsPerSlot);
    return slot;
  }

  private letAllGo(held: ReadonlyMap<number, number>, dataPlane: number): void {
    this.lock();
    try {
      for (const [entry, share] of held)
        for (let count = 0; count < share; count++) this.letGo(entry, dataPlane);
    } finally {
      this.unlock();
    }
  }

  private shareOf(entry: number, dataPlane: number): number {
    return ((entry - HEADER_WORDS) / ENTRY_WORDS) * this.layout.dataPlanes + dataPlane;
  }

  private letGo(entry: number, dataPlane: number): void {
    const directory = this.directory;
    (this.shares[this.shareOf(entry, dataPlane)] as number)--;
    (directory[entry + HOLDERS] as number)--;
    if ((directory[entry + HOLDERS] as number) > 0) return;
    const slot = directory[entry + SLOT] as number;
    Atomics.add(this.words, slot * this.wordsPerSlot + GENERATION, 1);
    this.words[slot * this.wordsPerSlot + NEXT_FREE] = directory[FREE] as number;
    directory[FREE] = slot;
  }

  /**
   * Held for a few hundred instructions, only when objects come and go: spinning is enough. Says
   * who has it, in case that one dies.
   */
  private lock(): void {
    while (Atomics.compareExchange(this.directory, LOCK, 0, 1 + this.dataPlane) !== 0);
  }

  private unlock(): void {
    Atomics.store(this.directory, LOCK, 0);
  }
}

/** FNV-1a over UTF-16 units with a final mix. */
function hash32(text: string, seed: number): number {
  let hash = seed | 0;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16);
}
