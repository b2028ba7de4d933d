/**
 * The main thread's side of stats: follows the slabs of all data planes and gives one merged,
 * sorted list for the admin pages, for Prometheus and for sinks. Costs nothing between two looks.
 */
import { MergedStat } from "./merged-stat.ts";
import type { SlabView, StatEntry } from "./slab.ts";

interface AttachedSlab {
  readonly view: SlabView;
  /**
   * The entries as of the last look; entries are immutable, so identity says whether one changed.
   */
  readonly seen: (StatEntry | null)[];
  version: number;
}

export class StatsReader {
  /** Changes whenever stats() gives another list. */
  version = 0;
  readonly #slabs: AttachedSlab[] = [];
  readonly #merged = new Map<string, MergedStat>();
  #sorted: MergedStat[] = [];
  #unsorted: MergedStat[] = [];
  #removedSome = false;

  /** Follows the slab of one more data plane. */
  addSlab(view: SlabView): void {
    this.#slabs.push({ view, seen: [], version: -1 });
  }

  /** A data plane ended: its counts stay in the totals, its gauges go. */
  retireSlab(view: SlabView): void {
    const at = this.#slabs.findIndex((slab) => slab.view === view);
    const slab = this.#slabs[at];
    if (slab === undefined) return;
    this.#follow(slab);
    for (const entry of slab.seen) {
      if (entry !== null) this.#removePlace(view, entry, "carry");
    }
    this.#slabs.splice(at, 1);
  }

  /** Every stat, by name. The list is not changed later; a newer one replaces it. */
  stats(): readonly MergedStat[] {
    for (const slab of this.#slabs) this.#follow(slab);
    if (this.#removedSome) {
      const alive = new Set(this.#merged.values());
      this.#sorted = this.#sorted.filter((stat) => alive.has(stat));
      this.#unsorted = this.#unsorted.filter((stat) => alive.has(stat));
    }
    if (this.#unsorted.length > 0 || this.#removedSome) {
      this.#sorted = [...this.#sorted, ...this.#unsorted].sort(compareNames);
      this.#unsorted = [];
      this.#removedSome = false;
      this.version++;
    }
    return this.#sorted;
  }

  /** Ends the interval of all histograms; called every `stats_flush_interval`. */
  rotateIntervals(): void {
    for (const stat of this.stats()) {
      if (stat.entry.kind === "histogram") stat.rotateInterval();
    }
  }

  /** `/reset_counters`: counters show 0; gauges and histograms keep their values, as in Envoy. */
  resetCounters(): void {
    for (const stat of this.stats()) {
      if (stat.entry.kind === "counter") stat.reset();
    }
  }

  #follow(slab: AttachedSlab): void {
    if (slab.version === slab.view.version) return;
    slab.version = slab.view.version;
    const { entries } = slab.view;
    for (let id = 0; id < entries.length; id++) {
      const entry = entries[id] ?? null;
      const before = slab.seen[id] ?? null;
      if (entry === before) continue;
      if (before !== null) this.#removePlace(slab.view, before, "drop");
      if (entry !== null) this.#addPlace(slab.view, entry);
      slab.seen[id] = entry;
    }
  }

  #addPlace(view: SlabView, entry: StatEntry): void {
    const key = keyOf(entry);
    let stat = this.#merged.get(key);
    if (stat === undefined) {
      stat = new MergedStat(entry);
      this.#merged.set(key, stat);
      this.#unsorted.push(stat);
    }
    stat.places.push({ view, entry });
  }

  #removePlace(view: SlabView, entry: StatEntry, counts: "carry" | "drop"): void {
    const stat = this.#merged.get(keyOf(entry));
    if (stat === undefined) return;
    const at = stat.places.findIndex((place) => place.view === view && place.entry === entry);
    const [place] = stat.places.splice(at, 1);
    if (place !== undefined && counts === "carry") stat.carry(place);
    if (stat.places.length > 0 || (counts === "carry" && stat.hasCarried())) return;
    this.#merged.delete(keyOf(entry));
    this.#removedSome = true;
  }
}

/** A counter and a gauge may have the same name. */
function keyOf(entry: StatEntry): string {
  return `${entry.kind[0]}${entry.name}`;
}

function compareNames(a: MergedStat, b: MergedStat): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
