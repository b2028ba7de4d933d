/**
 * One stat as the outside sees it: the values of all data planes together. Counters add up, gauges
 * add up or take the maximum, histograms add up bin by bin. Reads shared memory; never writes it.
 */
import {
  addHistogramBins,
  addSnapshot,
  createHistogramSnapshot,
  HISTOGRAM_BINS,
  HistogramSnapshot,
} from "./histogram-snapshot.ts";
import { offsetOf, pageOf, readCell, type SlabView, type StatEntry } from "./slab.ts";

/** Where one data plane keeps the stat. */
export interface StatPlace {
  readonly view: SlabView;
  readonly entry: StatEntry;
}

const scratch = new Float64Array(HISTOGRAM_BINS);

export class MergedStat {
  readonly entry: StatEntry;
  readonly places: StatPlace[] = [];
  /** What data planes that ended had counted. */
  #carried = 0;
  #carriedSnapshot: HistogramSnapshot | null = null;
  /** What a counter showed when it was reset: readers must not write, so they subtract. */
  #baseline = 0;
  #previous: HistogramSnapshot | null = null;
  #interval: HistogramSnapshot | null = null;

  /** `entry` is that of any place: name, kind, unit and merge are the same everywhere. */
  constructor(entry: StatEntry) {
    this.entry = entry;
  }

  get name(): string {
    return this.entry.name;
  }

  /** Counter or gauge. */
  value(): number {
    let value = this.#carried - this.#baseline;
    for (const { view, entry } of this.places) {
      const cell = readCell(view.pages, entry.cell);
      value = this.entry.merge === "max" ? Math.max(value, cell) : value + cell;
    }
    return value;
  }

  /** Written at least once since the process started. */
  isUsed(): boolean {
    switch (this.entry.kind) {
      case "histogram":
        return this.#sampleCount() > 0;
      case "textReadout":
        return this.text() !== "";
      default:
        return this.#carried !== 0 || this.places.some(isWritten);
    }
  }

  /** Text readout: the first data plane that has one. */
  text(): string {
    for (const { view, entry } of this.places) {
      const text = view.text(entry.id);
      if (text !== "") return text;
    }
    return "";
  }

  /** Histogram: everything recorded since the process started. */
  snapshot(): HistogramSnapshot {
    scratch.fill(0);
    if (this.#carriedSnapshot !== null) addSnapshot(this.#carriedSnapshot, scratch);
    for (const { view, entry } of this.places) addHistogramBins(view, entry.cell, scratch);
    return createHistogramSnapshot(scratch, this.entry.unit);
  }

  /** Histogram: what was recorded in the last complete interval. */
  intervalSnapshot(): HistogramSnapshot {
    return this.#interval ?? new HistogramSnapshot([], [], this.entry.unit);
  }

  /** Histogram: ends an interval. Cheap when nothing was recorded in it. */
  rotateInterval(): void {
    const before = this.#previous?.sampleCount ?? 0;
    if (this.#sampleCount() === before) {
      this.#interval = null;
      return;
    }
    const now = this.snapshot();
    this.#interval = this.#previous === null ? now : now.since(this.#previous);
    this.#previous = now;
  }

  /** Counter: shows 0 from now on, until it grows again. */
  reset(): void {
    this.#baseline += this.value();
  }

  /** Keeps what a data plane that ends had counted. Its gauges end with it. */
  carry(place: StatPlace): void {
    const { view, entry } = place;
    if (entry.kind === "counter") this.#carried += readCell(view.pages, entry.cell);
    if (entry.kind !== "histogram") return;
    scratch.fill(0);
    if (this.#carriedSnapshot !== null) addSnapshot(this.#carriedSnapshot, scratch);
    addHistogramBins(view, entry.cell, scratch);
    this.#carriedSnapshot = createHistogramSnapshot(scratch, entry.unit);
  }

  hasCarried(): boolean {
    return this.#carried !== 0 || (this.#carriedSnapshot?.sampleCount ?? 0) > 0;
  }

  #sampleCount(): number {
    let count = this.#carriedSnapshot?.sampleCount ?? 0;
    for (const { view, entry } of this.places) count += readCell(view.pages, entry.cell);
    return count;
  }
}

/** The slab writes −0 into a new cell; any increment or set replaces it. */
function isWritten({ view, entry }: StatPlace): boolean {
  const page = view.pages[pageOf(entry.cell)];
  return page !== undefined && !Object.is(page.cells[offsetOf(entry.cell)], -0);
}
