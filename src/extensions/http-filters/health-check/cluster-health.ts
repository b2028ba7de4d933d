// hot: per request
/** Whether enough hosts of other clusters are healthy for this proxy to call itself healthy. */
import type { Counter } from "../../../stats/counter.ts";
import type { HealthCheckFilterStats } from "../../../stats/groups/health-check-filter-stats.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";

export interface ClusterRequirement {
  readonly name: string;
  /** Whole percent, 0 … 100. */
  readonly percent: number;
}

/** How it stands: the response code details, and what counts it. */
export interface ClusterVerdict {
  readonly healthy: boolean;
  readonly details: string;
  readonly counter: Counter | null;
}

export class ClusterHealth {
  private readonly requirements: readonly ClusterRequirement[];
  private readonly clusters: ClusterManager;
  private readonly healthy: ClusterVerdict;
  private readonly notFound: ClusterVerdict;
  private readonly empty: ClusterVerdict;
  private readonly unhealthy: ClusterVerdict;

  constructor(
    requirements: readonly ClusterRequirement[],
    clusters: ClusterManager,
    stats: HealthCheckFilterStats,
  ) {
    this.requirements = requirements;
    this.clusters = clusters;
    this.healthy = { healthy: true, details: "health_check_ok_cluster_healthy", counter: null };
    this.notFound = failed("health_check_failed_no_cluster_found", stats.failedClusterNotFound);
    this.empty = failed("health_check_failed_cluster_empty", stats.failedClusterEmpty);
    this.unhealthy = failed("health_check_failed_cluster_unhealthy", stats.failedClusterUnhealthy);
  }

  /** The first failure, or the good case. */
  check(): ClusterVerdict {
    for (let index = 0; index < this.requirements.length; index++) {
      const verdict = this.checkOne(this.requirements[index]!);
      if (!verdict.healthy) return verdict;
    }
    return this.healthy;
  }

  private checkOne({ name, percent }: ClusterRequirement): ClusterVerdict {
    const found = this.clusters.lookup(name);
    if (found.kind !== "now") return this.notFound;
    const { total, usable } = found.cluster.memberCounts();
    if (total === 0) return percent === 0 ? this.healthy : this.empty;
    return 100 * usable < total * percent ? this.unhealthy : this.healthy;
  }
}

function failed(details: string, counter: Counter): ClusterVerdict {
  return { healthy: false, details, counter };
}
