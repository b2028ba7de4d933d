/**
 * How often a discovered configuration really changed. Envoy: ALL_RDS_STATS, ALL_CDS_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** One subscription to clusters or routes. */
export class ReloadStats {
  readonly configReload: Counter;
  readonly configReloadTimeMs: Gauge;

  constructor(scope: StatsScope) {
    this.configReload = scope.counter("config_reload");
    this.configReloadTimeMs = scope.gauge("config_reload_time_ms");
  }

  /** `wallMs` is the time of the change. */
  reloaded(wallMs: number): void {
    this.configReload.inc();
    this.configReloadTimeMs.set(Math.round(wallMs));
  }
}

/** `scope` is the subscription's root, e.g. `cluster_manager.cds`. */
export function createReloadStats(scope: StatsScope): ReloadStats {
  return new ReloadStats(scope);
}
