/**
 * Stats of a Maglev table, `cluster.<name>.maglev_lb.*`. Envoy: ALL_MAGLEV_LOAD_BALANCER_STATS.
 */
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** How well the table follows the weights. */
export interface MaglevStats {
  readonly minEntriesPerHost: Gauge;
  readonly maxEntriesPerHost: Gauge;
}

/** `scope` is `cluster.<name>.maglev_lb`. */
export function createMaglevStats(scope: StatsScope): MaglevStats {
  return {
    minEntriesPerHost: scope.gauge("min_entries_per_host"),
    maxEntriesPerHost: scope.gauge("max_entries_per_host"),
  };
}
