/**
 * Stats of a hash ring, `cluster.<name>.ring_hash_lb.*`. Envoy: ALL_RING_HASH_LOAD_BALANCER_STATS.
 */
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** How well the ring follows the weights. */
export interface RingHashStats {
  readonly size: Gauge;
  readonly minHashesPerHost: Gauge;
  readonly maxHashesPerHost: Gauge;
}

/** `scope` is `cluster.<name>.ring_hash_lb`. */
export function createRingHashStats(scope: StatsScope): RingHashStats {
  return {
    size: scope.gauge("size"),
    minHashesPerHost: scope.gauge("min_hashes_per_host"),
    maxHashesPerHost: scope.gauge("max_hashes_per_host"),
  };
}
