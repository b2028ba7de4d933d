// hot: per request
/**
 * Response codes: `upstream_rq_completed`, `upstream_rq_<n>xx`, `upstream_rq_<code>` and
 * `upstream_rq_time`, created when first needed. No string is built for a code seen before. Envoy:
 * Http::CodeStatsImpl.
 */
import type { Counter } from "../counter.ts";
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";

/**
 * The response answers an internal request (x-envoy-internal: true); else it counts as external.
 */
export const INTERNAL_REQUEST = 1;
/** The response came from a host marked as canary, or said so with x-envoy-upstream-canary. */
export const CANARY_HOST = 2;

/** The codes of one scope: a cluster, one of its categories, a virtual cluster, a pair of zones. */
export class ResponseCodeStats {
  readonly #scope: StatsScope;
  readonly #codes = new Map<number, Counter>();
  readonly #classes: (Counter | null)[] = [null, null, null, null, null, null];
  #completed: Counter | null = null;
  #time: Histogram | null = null;
  /** Most responses have the code of the one before. */
  #lastStatus = 0;
  #lastCounter: Counter | null = null;

  constructor(scope: StatsScope) {
    this.#scope = scope;
  }

  /** Counts one complete response, or a local reply given in its place. */
  count(status: number): void {
    this.#completed ??= this.#scope.counter("upstream_rq_completed");
    this.#completed.inc();
    const known = status >= 100 && status < 600;
    const group = known ? (status / 100) | 0 : 0;
    (this.#classes[group] ?? this.#openClass(group)).inc();
    if (!known) return;
    if (status !== this.#lastStatus || this.#lastCounter === null) {
      this.#lastStatus = status;
      this.#lastCounter = this.#codes.get(status) ?? this.#openCode(status);
    }
    this.#lastCounter.inc();
  }

  /** From the end of the request to the end of the response, in whole milliseconds. */
  recordTime(timeMs: number): void {
    this.#time ??= this.#scope.histogram("upstream_rq_time", "milliseconds");
    this.#time.record(timeMs);
  }

  #openClass(group: number): Counter {
    const name = group === 0 ? "upstream_rq_unknown" : `upstream_rq_${group}xx`;
    const counter = this.#scope.counter(name);
    this.#classes[group] = counter;
    return counter;
  }

  #openCode(status: number): Counter {
    const counter = this.#scope.counter(`upstream_rq_${status}`);
    this.#codes.set(status, counter);
    return counter;
  }
}

/**
 * The codes of a cluster with Envoy's categories: all, canary, internal or external, zone pairs,
 * retried.
 */
export class ClusterResponseCodeStats {
  readonly all: ResponseCodeStats;
  readonly #scope: StatsScope;
  #canary: ResponseCodeStats | null = null;
  #internal: ResponseCodeStats | null = null;
  #external: ResponseCodeStats | null = null;
  #retried: ResponseCodeStats | null = null;
  readonly #zones = new Map<string, Map<string, ResponseCodeStats>>();

  /** `scope` is `cluster.<alt_stat_name or name>`. */
  constructor(scope: StatsScope) {
    this.#scope = scope;
    this.all = new ResponseCodeStats(scope);
  }

  /** `flags`: INTERNAL_REQUEST, CANARY_HOST or both, added. */
  count(status: number, flags: number): void {
    this.all.count(status);
    if ((flags & CANARY_HOST) !== 0) this.#canaryStats().count(status);
    this.#originStats(flags).count(status);
  }

  /** `flags` as in count(). */
  recordTime(timeMs: number, flags: number): void {
    this.all.recordTime(timeMs);
    if ((flags & CANARY_HOST) !== 0) this.#canaryStats().recordTime(timeMs);
    this.#originStats(flags).recordTime(timeMs);
  }

  /** A response that was not passed on because the request is tried again. */
  countRetried(status: number): void {
    this.#retried ??= new ResponseCodeStats(this.#scope.scope("retry"));
    this.#retried.count(status);
  }

  /** `zone.<from>.<to>.`; the caller skips this when it does not know both zones. */
  zone(from: string, to: string): ResponseCodeStats {
    const existing = this.#zones.get(from)?.get(to);
    if (existing !== undefined) return existing;
    const stats = new ResponseCodeStats(this.#scope.scope("zone").scope(from).scope(to));
    const targets = this.#zones.get(from) ?? new Map<string, ResponseCodeStats>();
    this.#zones.set(from, targets.set(to, stats));
    return stats;
  }

  #canaryStats(): ResponseCodeStats {
    this.#canary ??= new ResponseCodeStats(this.#scope.scope("canary"));
    return this.#canary;
  }

  #originStats(flags: number): ResponseCodeStats {
    if ((flags & INTERNAL_REQUEST) !== 0) {
      this.#internal ??= new ResponseCodeStats(this.#scope.scope("internal"));
      return this.#internal;
    }
    this.#external ??= new ResponseCodeStats(this.#scope.scope("external"));
    return this.#external;
  }
}
