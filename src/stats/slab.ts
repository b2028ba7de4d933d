/**
 * Shared memory in which one data plane keeps all its stats: pages of 8-byte cells over
 * SharedArrayBuffer, and a directory that says which name lives in which cell. One writer (the data
 * plane that owns the slab, plain stores), any number of readers (the main thread, at scrape time).
 * A reader in another thread follows through SlabUpdate.
 */

/** Cells per page: 32 KiB, small enough for an idle sidecar, large enough to need few messages. */
export const PAGE_CELLS = 4096;
const PAGE_SHIFT = 12;

/**
 * A histogram's fixed part: count, sum, and the cell of its block table (0 until the first record).
 */
export const HISTOGRAM_HEADER_CELLS = 3;
/**
 * Decades a histogram can tell apart. The first block holds 0–99, block k holds [10^(k+1),
 * 10^(k+2)).
 */
export const HISTOGRAM_BLOCKS = 12;
/**
 * The table: per block the cell of its low words, then per block the cell of its high words (0:
 * none yet).
 */
export const HISTOGRAM_TABLE_CELLS: number = HISTOGRAM_BLOCKS * 2;
/** A block has 100 32-bit words; the word is the value's two leading digits. */
export const HISTOGRAM_BLOCK_CELLS = 50;

/**
 * How the values of one gauge from several data planes become one: add them, or take the largest.
 */
export type GaugeMerge = "sum" | "max";

/**
 * What the numbers of a histogram are. `percent` values are recorded multiplied by PERCENT_SCALE,
 * as in Envoy.
 */
export type HistogramUnit = "unspecified" | "bytes" | "microseconds" | "milliseconds" | "percent";

export type StatKind = "counter" | "gauge" | "histogram" | "textReadout";

/** One named stat and the place of its value. Immutable; safe to send to another thread. */
export interface StatEntry {
  /** Position in the directory; reused after the stat was removed. */
  readonly id: number;
  /** Full dotted name, sanitised. */
  readonly name: string;
  readonly kind: StatKind;
  /** First cell. Counter, gauge: the value. Histogram: see histogram.ts. Text readout: unused. */
  readonly cell: number;
  readonly unit: HistogramUnit;
  readonly merge: GaugeMerge;
}

/** The same memory seen as floating-point cells and as 32-bit words (histogram bins). */
export interface SlabPage {
  readonly buffer: SharedArrayBuffer;
  readonly cells: Float64Array;
  readonly words: Uint32Array;
}

/**
 * What a reader in another thread needs to follow a slab. Structured-clone safe; buffers stay
 * shared.
 */
export interface SlabUpdate {
  readonly pages: readonly SharedArrayBuffer[];
  readonly added: readonly StatEntry[];
  readonly removed: readonly number[];
  /** Text readouts that changed: id and new text. */
  readonly texts: readonly (readonly [id: number, text: string])[];
}

/**
 * The reading side of a slab, the same for the owner's own slab and for a copy in another thread.
 */
export interface SlabView {
  readonly pages: readonly SlabPage[];
  /** By id; null where a stat was removed. */
  readonly entries: readonly (StatEntry | null)[];
  /** Changes whenever an entry appears or disappears. */
  readonly version: number;
  text(id: number): string;
}

/** Wraps a shared buffer; both views start at byte 0. */
export function createSlabPage(buffer: SharedArrayBuffer): SlabPage {
  return { buffer, cells: new Float64Array(buffer), words: new Uint32Array(buffer) };
}

export function pageOf(cell: number): number {
  return cell >>> PAGE_SHIFT;
}

export function offsetOf(cell: number): number {
  return cell & (PAGE_CELLS - 1);
}

/** The value of a cell that a reader may see before it has seen the page: 0 then. */
export function readCell(pages: readonly SlabPage[], cell: number): number {
  return pages[pageOf(cell)]?.cells[offsetOf(cell)] ?? 0;
}

/**
 * Freed memory waits until this many pieces of its size are queued before it is used again, so that
 * a late increment through a handle that outlived its object falls into a cell nobody shows.
 */
const QUARANTINE = 512;

/**
 * The owner's side of a slab. Cell 0 is a scratch cell: handles of rejected stats write there, and
 * "0" as a place means "none". An unwritten counter or gauge holds −0; any write turns it into +0
 * or a value, which is how readers tell "never used" from "back to zero" without a flag on the hot
 * path.
 */
export class StatSlab implements SlabView {
  readonly pages: SlabPage[] = [];
  readonly entries: (StatEntry | null)[] = [];
  version = 0;
  /**
   * Called at the first change after a takeUpdate(). Arrange for the next takeUpdate() in a while,
   * not at once: an object that is made creates dozens of stats.
   */
  onChange: (() => void) | null = null;

  readonly #texts = new Map<number, string>();
  readonly #freeIds: number[] = [];
  /** First cells of freed pieces, by size in cells, oldest first. */
  readonly #freed = new Map<number, number[]>();
  #nextCell = 1;
  /** Changes are collected for another thread once it has asked for the first update. */
  #followed = false;
  #changed = false;
  #sentPages = 0;
  #added: StatEntry[] = [];
  #removed: number[] = [];
  #changedTexts = new Set<number>();

  constructor() {
    this.#addPage();
  }

  /**
   * Puts a stat into the directory and gives it memory. The caller has checked that the name is
   * new.
   */
  add(name: string, kind: StatKind, unit: HistogramUnit, merge: GaugeMerge): StatEntry {
    const cell = this.#allocateFor(kind);
    const id = this.#freeIds.pop() ?? this.entries.length;
    const entry: StatEntry = { id, name, kind, cell, unit, merge };
    this.entries[id] = entry;
    this.version++;
    if (this.#followed) this.#added.push(entry);
    this.#markChanged();
    return entry;
  }

  /**
   * Takes a stat out of the directory. Handles on it may still write: their cell is reused only
   * much later.
   */
  remove(id: number): void {
    const entry = this.entries[id] ?? null;
    if (entry === null) return;
    this.entries[id] = null;
    this.version++;
    this.#texts.delete(id);
    if (this.#followed) this.#removed.push(id);
    this.#freeIds.push(id);
    this.#freeEntry(entry);
    this.#markChanged();
  }

  /** Contiguous zeroed cells within one page. `count` must not exceed PAGE_CELLS. */
  allocate(count: number): number {
    const freed = this.#freed.get(count);
    if (freed !== undefined && freed.length > QUARANTINE) {
      const cell = freed.shift() as number;
      this.page(cell).cells.fill(0, offsetOf(cell), offsetOf(cell) + count);
      return cell;
    }
    const room = PAGE_CELLS - offsetOf(this.#nextCell);
    if (pageOf(this.#nextCell) >= this.pages.length) this.#addPage();
    else if (room < count) {
      this.#nextCell += room;
      this.#addPage();
    }
    const cell = this.#nextCell;
    this.#nextCell += count;
    return cell;
  }

  page(cell: number): SlabPage {
    return this.pages[pageOf(cell)] as SlabPage;
  }

  text(id: number): string {
    return this.#texts.get(id) ?? "";
  }

  setText(id: number, text: string): void {
    this.#texts.set(id, text);
    if (this.#followed) this.#changedTexts.add(id);
    this.#markChanged();
  }

  /** Everything that changed since the last call; the first call gives the whole slab. */
  takeUpdate(): SlabUpdate {
    const texts = this.#followed ? this.#changedTexts : this.#texts.keys();
    const update: SlabUpdate = {
      pages: this.pages.slice(this.#sentPages).map((page) => page.buffer),
      // Not those that were removed again: the reader applies removals first.
      added: (this.#followed ? this.#added : this.entries).filter(
        (entry) => entry !== null && this.entries[entry.id] === entry,
      ) as StatEntry[],
      removed: this.#removed,
      texts: [...texts].map((id) => [id, this.text(id)] as const),
    };
    this.#followed = true;
    this.#sentPages = this.pages.length;
    this.#added = [];
    this.#removed = [];
    this.#changedTexts = new Set();
    this.#changed = false;
    return update;
  }

  #allocateFor(kind: StatKind): number {
    if (kind === "textReadout") return 0;
    if (kind === "histogram") return this.allocate(HISTOGRAM_HEADER_CELLS);
    const cell = this.allocate(1);
    this.page(cell).cells[offsetOf(cell)] = -0;
    return cell;
  }

  #freeEntry(entry: StatEntry): void {
    if (entry.kind === "counter" || entry.kind === "gauge") this.#free(entry.cell, 1);
    if (entry.kind !== "histogram") return;
    const table = readCell(this.pages, entry.cell + 2);
    this.#free(entry.cell, HISTOGRAM_HEADER_CELLS);
    if (table === 0) return;
    for (let slot = 0; slot < HISTOGRAM_TABLE_CELLS; slot++) {
      const block = readCell(this.pages, table + slot);
      if (block !== 0) this.#free(block, HISTOGRAM_BLOCK_CELLS);
    }
    this.#free(table, HISTOGRAM_TABLE_CELLS);
  }

  #free(cell: number, count: number): void {
    const pieces = this.#freed.get(count);
    if (pieces === undefined) this.#freed.set(count, [cell]);
    else pieces.push(cell);
  }

  #addPage(): void {
    this.pages.push(createSlabPage(new SharedArrayBuffer(PAGE_CELLS * 8)));
    this.#markChanged();
  }

  #markChanged(): void {
    if (this.#changed || !this.#followed) return;
    this.#changed = true;
    this.onChange?.();
  }
}

/** A reader's copy of another thread's slab, kept current by the updates that the owner sends. */
export class SlabMirror implements SlabView {
  readonly pages: SlabPage[] = [];
  readonly entries: (StatEntry | null)[] = [];
  version = 0;
  readonly #texts = new Map<number, string>();

  /** Removals come first: a removed id may be in use again within the same update. */
  apply(update: SlabUpdate): void {
    for (const buffer of update.pages) this.pages.push(createSlabPage(buffer));
    for (const id of update.removed) {
      this.entries[id] = null;
      this.#texts.delete(id);
    }
    for (const entry of update.added) {
      while (this.entries.length < entry.id) this.entries.push(null);
      this.entries[entry.id] = entry;
    }
    for (const [id, text] of update.texts) this.#texts.set(id, text);
    this.version++;
  }

  text(id: number): string {
    return this.#texts.get(id) ?? "";
  }
}
