/**
 * The main thread's side of stats: follows the slabs of all data planes and gives merged stats for
 * the admin pages, for Prometheus and for sinks. Costs nothing between two looks.
 */
import { MergedStat } from "./merged-stat.ts";
import type { SlabView, StatEntry, StatKind } from "./slab.ts";

interface AttachedSlab {
  readonly view: SlabView;
  /**
   * The entries as of the last look; entries are immutable, so identity says whether one changed.
   */
  readonly seen: (StatEntry | null)[];
  version: number;
}

export class StatsReader {
  readonly #slabs: AttachedSlab[] = [];
  /** By kind, since a counter and a gauge may have the same name. */
  readonly #merged: Readonly<Record<StatKind, Map<string, MergedStat>>> = {
    counter: new Map(),
    gauge: new Map(),
    textReadout: new Map(),
    histogram: new Map(),
  };
  #version = 0;
  #sorted: MergedStat[] = [];
  #sortedVersion = 0;

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

  /** Changes whenever a stat appears or disappears. */
  version(): number {
    for (const slab of this.#slabs) this.#follow(slab);
    return this.#version;
  }

  /** The stats of one kind, in no order. Live: do not hold it over a pause. */
  ofKind(kind: StatKind): ReadonlyMap<string, MergedStat> {
    this.version();
    return this.#merged[kind];
  }

  /** Every stat, by name. The list is not changed later; a newer one replaces it. */
  stats(): readonly MergedStat[] {
    if (this.version() !== this.#sortedVersion) {
      const { counter, gauge, textReadout, histogram } = this.#merged;
      const all = [counter, gauge, textReadout, histogram].flatMap((map) => [...map.values()]);
      this.#sorted = all.sort(compareNames);
      this.#sortedVersion = this.#version;
    }
    return this.#sorted;
  }

  /** Ends the interval of all histograms; called every `stats_flush_interval`. */
  rotateIntervals(): void {
    for (const stat of this.ofKind("histogram").values()) stat.rotateInterval();
  }

  /** `/reset_counters`: counters show 0; gauges and histograms keep their values, as in Envoy. */
  resetCounters(): void {
    for (const stat of this.ofKind("counter").values()) stat.reset();
  }

  #follow(slab: AttachedSlab): void {
    if (slab.version === slab.view.version) return;
    slab.version = slab.view.version;
    const { entries } = slab.view;
    for (let id = 0; id < entries.length; id++) {
      const entry = entries[id] ?? null;
      const before = slab.seen[id] ?? null;
      slab.seen[id] = entry;
      if (entry === before) continue;
      if (before !== null) this.#removePlace(slab.view, before, "drop");
      if (entry !== null) this.#addPlace(slab.view, entry);
    }
  }

  #addPlace(view: SlabView, entry: StatEntry): void {
    const map = this.#merged[entry.kind];
    const stat = map.get(entry.name);
    if (stat !== undefined) {
      stat.addPlace({ view, entry });
      return;
    }
    map.set(entry.name, new MergedStat({ view, entry }));
    this.#version++;
  }

  #removePlace(view: SlabView, entry: StatEntry, counts: "carry" | "drop"): void {
    const map = this.#merged[entry.kind];
    const stat = map.get(entry.name);
    if (stat === undefined) return;
    stat.removePlace(view, entry, counts);
    if (!stat.isGone()) return;
    map.delete(entry.name);
    this.#version++;
  }
}

function compareNames(a: MergedStat, b: MergedStat): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
