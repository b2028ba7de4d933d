/**
 * One stat as the outside sees it: the values of all data planes together. Counters add up, gauges
 * add up or take the maximum, histograms add up bin by bin. Reads shared memory; never writes it.
 * There is one object per name, so it is kept small: what few stats need hangs off `#history` and
 * `#otherPlaces`.
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

/** Where the stat belongs on the Prometheus page; filled in at the first scrape. */
export interface StatFamily {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a stat remembers beyond the slabs. */
interface History {
  /** What data planes that ended had counted. */
  carried: number;
  carriedSnapshot: HistogramSnapshot | null;
  /** What a counter showed when it was reset: readers must not write, so they subtract. */
  baseline: number;
  /** The histogram at the end of the last interval, and what was recorded in that interval. */
  previous: HistogramSnapshot | null;
  interval: HistogramSnapshot | null;
}

const scratch = new Float64Array(HISTOGRAM_BINS);

export class MergedStat implements StatPlace {
  /** The first place; the others have the same name, kind, unit and merge. */
  view: SlabView;
  entry: StatEntry;
  family: StatFamily | null = null;
  /** False once no data plane has the stat any more; its counts may still be carried. */
  #placed = true;
  #otherPlaces: StatPlace[] | null = null;
  #history: History | null = null;

  constructor({ view, entry }: StatPlace) {
    this.view = view;
    this.entry = entry;
  }

  get name(): string {
    return this.entry.name;
  }

  /** Counter or gauge. */
  value(): number {
    let value = this.#history === null ? 0 : this.#history.carried - this.#history.baseline;
    for (const { view, entry } of this.#places()) {
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
        return (this.#history?.carried ?? 0) !== 0 || this.#places().some(isWritten);
    }
  }

  /** Text readout: the first data plane that has one. */
  text(): string {
    for (const { view, entry } of this.#places()) {
      const text = view.text(entry.id);
      if (text !== "") return text;
    }
    return "";
  }

  /** Histogram: everything recorded since the process started. */
  snapshot(): HistogramSnapshot {
    scratch.fill(0);
    const carried = this.#history?.carriedSnapshot ?? null;
    if (carried !== null) addSnapshot(carried, scratch);
    for (const { view, entry } of this.#places()) addHistogramBins(view, entry.cell, scratch);
    return createHistogramSnapshot(scratch, this.entry.unit);
  }

  /** Histogram: what was recorded in the last complete interval. */
  intervalSnapshot(): HistogramSnapshot {
    return this.#history?.interval ?? new HistogramSnapshot([], [], this.entry.unit);
  }

  /** Histogram: ends an interval. Cheap when nothing was recorded in it. */
  rotateInterval(): void {
    const before = this.#history?.previous ?? null;
    if (this.#sampleCount() === (before?.sampleCount ?? 0)) {
      if (this.#history !== null) this.#history.interval = null;
      return;
    }
    const now = this.snapshot();
    const history = this.#ownHistory();
    history.interval = before === null ? now : now.since(before);
    history.previous = now;
  }

  /** Counter: shows 0 from now on, until it grows again. */
  reset(): void {
    const shown = this.value();
    if (shown !== 0) this.#ownHistory().baseline += shown;
  }

  addPlace(place: StatPlace): void {
    if (this.#placed) {
      this.#otherPlaces ??= [];
      this.#otherPlaces.push(place);
    } else {
      this.#setFirstPlace(place);
    }
  }

  /**
   * `carry` keeps what was counted there: the data plane ended, the stat did not. Gauges end with
   * it.
   */
  removePlace(view: SlabView, entry: StatEntry, counts: "carry" | "drop"): void {
    if (counts === "carry") this.#carry(view, entry);
    const others = this.#otherPlaces ?? [];
    if (this.view !== view || this.entry !== entry) {
      this.#otherPlaces = others.filter((place) => place.view !== view || place.entry !== entry);
      return;
    }
    const next = others.shift();
    if (next === undefined) this.#placed = false;
    else this.#setFirstPlace(next);
  }

  /** Nothing is left to show. */
  isGone(): boolean {
    if (this.#placed) return false;
    const history = this.#history;
    return history === null || (history.carried === 0 && history.carriedSnapshot === null);
  }

  #setFirstPlace({ view, entry }: StatPlace): void {
    this.view = view;
    this.entry = entry;
    this.#placed = true;
  }

  #places(): readonly StatPlace[] {
    if (!this.#placed) return [];
    return this.#otherPlaces === null ? [this] : [this, ...this.#otherPlaces];
  }

  #carry(view: SlabView, entry: StatEntry): void {
    const count = readCell(view.pages, entry.cell);
    if (entry.kind === "counter" && count !== 0) this.#ownHistory().carried += count;
    if (entry.kind !== "histogram" || count === 0) return;
    const history = this.#ownHistory();
    scratch.fill(0);
    if (history.carriedSnapshot !== null) addSnapshot(history.carriedSnapshot, scratch);
    addHistogramBins(view, entry.cell, scratch);
    history.carriedSnapshot = createHistogramSnapshot(scratch, entry.unit);
  }

  #sampleCount(): number {
    let count = this.#history?.carriedSnapshot?.sampleCount ?? 0;
    for (const { view, entry } of this.#places()) count += readCell(view.pages, entry.cell);
    return count;
  }

  #ownHistory(): History {
    this.#history ??= {
      carried: 0,
      carriedSnapshot: null,
      baseline: 0,
      previous: null,
      interval: null,
    };
    return this.#history;
  }
}

/** The slab writes −0 into a new cell; any increment or set replaces it. */
function isWritten({ view, entry }: StatPlace): boolean {
  const page = view.pages[pageOf(entry.cell)];
  return page !== undefined && !Object.is(page.cells[offsetOf(entry.cell)], -0);
}
