// hot: per request
/** Whether enough hosts of other clusters are healthy for this proxy to call itself healthy. */
import type { ClusterManager } from "../../../upstream/cluster.ts";

export interface ClusterRequirement {
  readonly name: string;
  /** 0 … 100. */
  readonly percent: number;
}

/** Response code details of the good case; all others mean failure. */
export const HEALTHY = "health_check_ok_cluster_healthy";

/** The response code details that say how it stands. */
export function checkClusters(
  requirements: readonly ClusterRequirement[],
  clusters: ClusterManager,
): string {
  for (let index = 0; index < requirements.length; index++) {
    const verdict = checkCluster(requirements[index]!, clusters);
    if (verdict !== HEALTHY) return verdict;
  }
  return HEALTHY;
}

function checkCluster({ name, percent }: ClusterRequirement, clusters: ClusterManager): string {
  const found = clusters.lookup(name);
  if (found.kind !== "now") return "health_check_failed_no_cluster_found";
  const { total, usable } = found.cluster.memberCounts();
  if (total === 0) return percent === 0 ? HEALTHY : "health_check_failed_cluster_empty";
  return 100 * usable < total * percent ? "health_check_failed_cluster_unhealthy" : HEALTHY;
}
