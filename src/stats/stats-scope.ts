/**
 * A name prefix under which an object makes its stats:
 * `scope("cluster.foo").counter("upstream_rq_total")`. Names are joined with dots and sanitised as
 * Envoy does. Resolve handles once and hold them: a call here is a map lookup.
 */
import type { Counter } from "./counter.ts";
import type { Gauge } from "./gauge.ts";
import type { Histogram } from "./histogram.ts";
import type { GaugeMerge, HistogramUnit } from "./slab.ts";
import type { StatsStore } from "./stats-store.ts";
import type { TextReadout } from "./text-readout.ts";

export class StatsScope {
  /** "" or ends with a dot. */
  readonly prefix: string;
  readonly #store: StatsStore;
  readonly #held: number[] = [];
  readonly #parent: StatsScope | null;
  readonly #children = new Set<StatsScope>();

  constructor(store: StatsStore, prefix: string, parent: StatsScope | null = null) {
    this.#store = store;
    this.prefix = prefix;
    this.#parent = parent;
  }

  counter(name: string): Counter {
    return this.#store.counter(this.#fullName(name), this.#held);
  }

  /**
   * `max` is for values that every data plane computes alike (`membership_total`); others add up.
   */
  gauge(name: string, merge: GaugeMerge = "sum"): Gauge {
    return this.#store.gauge(this.#fullName(name), merge, this.#held);
  }

  histogram(name: string, unit: HistogramUnit = "unspecified"): Histogram {
    return this.#store.histogram(this.#fullName(name), unit, this.#held);
  }

  textReadout(name: string): TextReadout {
    return this.#store.textReadout(this.#fullName(name), this.#held);
  }

  /** A scope below this one. It is released and removed with its parent, or alone. */
  scope(name: string): StatsScope {
    const child = new StatsScope(this.#store, `${this.#fullName(name)}.`, this);
    this.#children.add(child);
    return child;
  }

  /**
   * The object of this scope went idle: its handles are no longer used, its values stay visible,
   * and a later scope of the same name goes on with them.
   */
  release(): void {
    this.#giveBack(false);
  }

  /** The object of this scope is gone: stats that no other scope holds disappear. */
  remove(): void {
    this.#giveBack(true);
  }

  /**
   * Stats below this prefix that no scope holds disappear: what released scopes of the same name
   * left behind. Walks all stats; for rare use.
   */
  sweep(): void {
    this.#store.sweep((name) => !name.startsWith(this.prefix));
  }

  #giveBack(remove: boolean): void {
    for (const child of this.#children) child.#giveBack(remove);
    for (const id of this.#held) this.#store.unhold(id, remove);
    this.#held.length = 0;
    if (this.#parent !== null) this.#parent.#children.delete(this);
  }

  #fullName(name: string): string {
    return this.prefix + sanitizeStatName(name);
  }
}

/**
 * Envoy's Stats::Utility::sanitizeStatsName: one leading and one trailing dot go; `://`, `:/`, `:`
 * and NUL become `_`.
 */
export function sanitizeStatName(name: string): string {
  let start = 0;
  let end = name.length;
  if (end > 0 && name.charCodeAt(end - 1) === 0x2e) end--;
  if (end > 0 && name.charCodeAt(0) === 0x2e) start++;
  const trimmed = start > 0 || end < name.length ? name.slice(start, end) : name;
  if (!trimmed.includes(":") && !trimmed.includes("\0")) return trimmed;
  return trimmed.replaceAll("://", "_").replaceAll(":/", "_").replace(/[:\0]/g, "_");
}
