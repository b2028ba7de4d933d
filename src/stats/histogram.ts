// hot: per request
/**
 * Log-linear histogram of non-negative integers with the bins of circllhist, as Envoy uses it: 0, 1
 * … 99 each alone, then two significant digits per decade (100–109, 110–119, …, 1000–1099, …). Bins
 * live in the slab, one block per decade, allocated when the decade sees its first value, so that
 * an unused histogram costs 24 bytes of memory.
 */
import type { StatEntry, StatSlab } from "./slab.ts";
import {
  HISTOGRAM_BLOCK_CELLS,
  HISTOGRAM_BLOCKS,
  HISTOGRAM_TABLE_CELLS,
  offsetOf,
} from "./slab.ts";

/** Largest value kept apart; greater ones count in the last bin. */
export const HISTOGRAM_VALUE_MAX: number = 1e13 - 1;
/** `percent` histograms record ratio × this. */
export const PERCENT_SCALE = 1_000_000;

const NO_BLOCKS: readonly null[] = new Array<null>(HISTOGRAM_BLOCKS).fill(null);
const NO_OFFSETS: readonly number[] = new Array<number>(HISTOGRAM_BLOCKS).fill(0);
const WORD_VALUES = 2 ** 32;

/** Two handles of one name share their memory: blocks are found through the table in the slab. */
export class Histogram {
  readonly #slab: StatSlab;
  /** Page and place of the header: count, sum, table cell. */
  readonly #cells: Float64Array;
  readonly #index: number;
  #blocks: (Uint32Array | null)[] = NO_BLOCKS as null[];
  #offsets: number[] = NO_OFFSETS as number[];

  constructor(slab: StatSlab, entry: Pick<StatEntry, "cell">) {
    this.#slab = slab;
    this.#cells = slab.page(entry.cell).cells;
    this.#index = offsetOf(entry.cell);
  }

  /** Fractions are cut off; negative values count as 0; NaN is ignored. */
  record(value: number): void {
    let block = 0;
    let width = 1;
    if (value >= 100) {
      if (value > HISTOGRAM_VALUE_MAX) value = HISTOGRAM_VALUE_MAX;
      do {
        block++;
        width *= 10;
      } while (value >= width * 100);
    } else if (!(value >= 0)) {
      if (Number.isNaN(value)) return;
      value = 0;
    }
    const words = this.#blocks[block] ?? this.#openBlock(block);
    const at = (this.#offsets[block] as number) + ((value / width) | 0);
    const count = (words[at] as number) + 1;
    if (count === WORD_VALUES) this.#carry(block, (value / width) | 0);
    words[at] = count;
    const cells = this.#cells;
    const index = this.#index;
    (cells[index] as number)++;
    (cells[index + 1] as number) += value;
  }

  /** Values recorded by this data plane. */
  count(): number {
    return this.#cells[this.#index] as number;
  }

  /** Exact sum of the values recorded by this data plane. */
  sum(): number {
    return this.#cells[this.#index + 1] as number;
  }

  #openBlock(block: number): Uint32Array {
    if (this.#blocks === NO_BLOCKS) {
      this.#blocks = NO_BLOCKS.slice();
      this.#offsets = NO_OFFSETS.slice();
    }
    const cell = this.#blockCell(block);
    const words = this.#slab.page(cell).words;
    this.#blocks[block] = words;
    this.#offsets[block] = offsetOf(cell) * 2;
    return words;
  }

  /**
   * The high word of a bin whose low word is about to wrap: one second block, ten days at 5,000 a
   * second away.
   */
  #carry(block: number, digits: number): void {
    const cell = this.#blockCell(HISTOGRAM_BLOCKS + block);
    const words = this.#slab.page(cell).words;
    (words[offsetOf(cell) * 2 + digits] as number)++;
  }

  /**
   * Finds a block through the table in the slab; creates table and block when they are not there
   * yet.
   */
  #blockCell(tableSlot: number): number {
    const slab = this.#slab;
    let table = this.#cells[this.#index + 2] as number;
    if (table === 0) {
      table = slab.allocate(HISTOGRAM_TABLE_CELLS);
      this.#cells[this.#index + 2] = table;
    }
    const tableCells = slab.page(table).cells;
    const at = offsetOf(table) + tableSlot;
    let cell = tableCells[at] as number;
    if (cell === 0) {
      cell = slab.allocate(HISTOGRAM_BLOCK_CELLS);
      tableCells[at] = cell;
    }
    return cell;
  }
}
