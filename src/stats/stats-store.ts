/**
 * Gives out stat handles by full name for one data plane: same name, same cell; names that the
 * stats matcher rejects get handles that write to a scratch cell. Counts how many scopes hold a
 * stat, so that stats of removed objects go away while an overlapping new version keeps them.
 * Envoy: Stats::Store, stats_config.stats_matcher.
 */
import { Counter } from "./counter.ts";
import { Gauge } from "./gauge.ts";
import { Histogram } from "./histogram.ts";
import {
  type GaugeMerge,
  HISTOGRAM_HEADER_CELLS,
  type HistogramUnit,
  offsetOf,
  type StatEntry,
  type StatKind,
  StatSlab,
} from "./slab.ts";
import { StatsScope } from "./stats-scope.ts";
import { TextReadout } from "./text-readout.ts";

/** Says whether a stat is created at all (`stats_config.stats_matcher`). */
export interface StatsMatcher {
  accepts(name: string): boolean;
}

/** The default: every stat is created. */
export const ACCEPT_ALL_STATS: StatsMatcher = { accepts: () => true };

/**
 * `reject_all`; also for compiling without running, and for data planes that leave some stats to
 * another.
 */
export const REJECT_ALL_STATS: StatsMatcher = { accepts: () => false };

export class StatsStore {
  readonly slab: StatSlab;
  /** Names start here. */
  readonly root: StatsScope;
  readonly #matcher: StatsMatcher;
  readonly #ids: Record<StatKind, Map<string, number>>;
  /** By entry id: how many scopes hold it. */
  readonly #holders: number[] = [];
  #scratchHistogram: Histogram | null = null;

  constructor(slab: StatSlab, matcher: StatsMatcher = ACCEPT_ALL_STATS) {
    this.slab = slab;
    this.#matcher = matcher;
    this.#ids = {
      counter: new Map(),
      gauge: new Map(),
      histogram: new Map(),
      textReadout: new Map(),
    };
    this.root = new StatsScope(this, "");
  }

  /** `holder` remembers the ids it holds, to give them back with unhold(). */
  counter(name: string, holder: number[]): Counter {
    const entry = this.#entry(name, "counter", "unspecified", "sum", holder);
    if (entry === null) return new Counter(this.slab.page(0).cells, 0);
    return new Counter(this.slab.page(entry.cell).cells, offsetOf(entry.cell));
  }

  gauge(name: string, merge: GaugeMerge, holder: number[]): Gauge {
    const entry = this.#entry(name, "gauge", "unspecified", merge, holder);
    if (entry === null) return new Gauge(this.slab.page(0).cells, 0);
    return new Gauge(this.slab.page(entry.cell).cells, offsetOf(entry.cell));
  }

  histogram(name: string, unit: HistogramUnit, holder: number[]): Histogram {
    const entry = this.#entry(name, "histogram", unit, "sum", holder);
    return entry === null ? this.#rejectedHistogram() : new Histogram(this.slab, entry);
  }

  textReadout(name: string, holder: number[]): TextReadout {
    const entry = this.#entry(name, "textReadout", "unspecified", "sum", holder);
    return new TextReadout(this.slab, entry === null ? -1 : entry.id);
  }

  /** One holder less. With `remove`, a stat that nobody holds any more leaves the directory. */
  unhold(id: number, remove: boolean): void {
    const holders = (this.#holders[id] ?? 0) - 1;
    this.#holders[id] = Math.max(0, holders);
    if (remove && holders <= 0) this.#removeEntry(id);
  }

  /**
   * Removes stats that nobody holds (their objects are idle or gone) and that `keep` does not want
   * kept.
   */
  sweep(keep: (name: string) => boolean): void {
    for (const entry of this.slab.entries) {
      if (entry === null || (this.#holders[entry.id] ?? 0) > 0 || keep(entry.name)) continue;
      this.#removeEntry(entry.id);
    }
  }

  #entry(
    name: string,
    kind: StatKind,
    unit: HistogramUnit,
    merge: GaugeMerge,
    holder: number[],
  ): StatEntry | null {
    const ids = this.#ids[kind];
    let id = ids.get(name);
    if (id === undefined) {
      if (!this.#matcher.accepts(name)) return null;
      id = this.slab.add(name, kind, unit, merge).id;
      ids.set(name, id);
      this.#holders[id] = 0;
    }
    (this.#holders[id] as number)++;
    holder.push(id);
    return this.slab.entries[id] as StatEntry;
  }

  #removeEntry(id: number): void {
    const entry = this.slab.entries[id] ?? null;
    if (entry === null) return;
    this.#ids[entry.kind].delete(entry.name);
    this.slab.remove(id);
  }

  /** All rejected histograms share one that no directory names. */
  #rejectedHistogram(): Histogram {
    this.#scratchHistogram ??= new Histogram(this.slab, {
      cell: this.slab.allocate(HISTOGRAM_HEADER_CELLS),
    });
    return this.#scratchHistogram;
  }
}

/** A scope whose stats can be written and are nowhere shown. */
export function createSilentScope(): StatsScope {
  return new StatsStore(new StatSlab(), REJECT_ALL_STATS).root;
}
