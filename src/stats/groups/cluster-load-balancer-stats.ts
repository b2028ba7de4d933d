/**
 * Stats of load balancing, `cluster.<name>.lb_*`. Envoy: ALL_CLUSTER_LB_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** How hosts were chosen. */
export class ClusterLoadBalancerStats {
  readonly lbHealthyPanic: Counter;
  readonly lbLocalClusterNotOk: Counter;
  readonly lbRecalculateZoneStructures: Counter;
  readonly lbSubsetsActive: Gauge;
  readonly lbSubsetsCreated: Counter;
  readonly lbSubsetsFallback: Counter;
  readonly lbSubsetsFallbackPanic: Counter;
  readonly lbSubsetsRemoved: Counter;
  readonly lbSubsetsSelected: Counter;
  readonly lbZoneClusterTooSmall: Counter;
  readonly lbZoneNoCapacityLeft: Counter;
  readonly lbZoneRoutingAllDirectly: Counter;
  readonly lbZoneRoutingCrossZone: Counter;
  readonly lbZoneRoutingSampled: Counter;

  constructor(scope: StatsScope) {
    this.lbHealthyPanic = scope.counter("lb_healthy_panic");
    this.lbLocalClusterNotOk = scope.counter("lb_local_cluster_not_ok");
    this.lbRecalculateZoneStructures = scope.counter("lb_recalculate_zone_structures");
    this.lbSubsetsActive = scope.gauge("lb_subsets_active");
    this.lbSubsetsCreated = scope.counter("lb_subsets_created");
    this.lbSubsetsFallback = scope.counter("lb_subsets_fallback");
    this.lbSubsetsFallbackPanic = scope.counter("lb_subsets_fallback_panic");
    this.lbSubsetsRemoved = scope.counter("lb_subsets_removed");
    this.lbSubsetsSelected = scope.counter("lb_subsets_selected");
    this.lbZoneClusterTooSmall = scope.counter("lb_zone_cluster_too_small");
    this.lbZoneNoCapacityLeft = scope.counter("lb_zone_no_capacity_left");
    this.lbZoneRoutingAllDirectly = scope.counter("lb_zone_routing_all_directly");
    this.lbZoneRoutingCrossZone = scope.counter("lb_zone_routing_cross_zone");
    this.lbZoneRoutingSampled = scope.counter("lb_zone_routing_sampled");
  }
}

/** `scope` is `cluster.<name>`. */
export function createClusterLoadBalancerStats(scope: StatsScope): ClusterLoadBalancerStats {
  return new ClusterLoadBalancerStats(scope);
}
