/**
 * Stats of the cluster manager, `cluster_manager.*`. Envoy: ALL_CLUSTER_MANAGER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Kept by the main thread. */
export class ClusterManagerStats {
  readonly activeClusters: Gauge;
  readonly clusterAdded: Counter;
  readonly clusterModified: Counter;
  readonly clusterRemoved: Counter;
  readonly clusterUpdated: Counter;
  readonly clusterUpdatedViaMerge: Counter;
  readonly updateMergeCancelled: Counter;
  readonly updateOutOfMergeWindow: Counter;
  readonly warmingClusters: Gauge;

  constructor(scope: StatsScope) {
    this.activeClusters = scope.gauge("active_clusters");
    this.clusterAdded = scope.counter("cluster_added");
    this.clusterModified = scope.counter("cluster_modified");
    this.clusterRemoved = scope.counter("cluster_removed");
    this.clusterUpdated = scope.counter("cluster_updated");
    this.clusterUpdatedViaMerge = scope.counter("cluster_updated_via_merge");
    this.updateMergeCancelled = scope.counter("update_merge_cancelled");
    this.updateOutOfMergeWindow = scope.counter("update_out_of_merge_window");
    this.warmingClusters = scope.gauge("warming_clusters");
  }
}

/** `scope` is `cluster_manager`. */
export function createClusterManagerStats(scope: StatsScope): ClusterManagerStats {
  return new ClusterManagerStats(scope);
}
