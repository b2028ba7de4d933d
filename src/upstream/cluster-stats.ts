/**
 * Everything a cluster counts, `cluster.<alt_stat_name or name>.*`, on one data plane. Envoy:
 * `ClusterInfo::trafficStats`, `lbStats`, `endpointStats`, `configUpdateStats`.
 */
import type { Counter } from "../stats/counter.ts";
import {
  type ClusterLoadBalancerStats,
  createClusterLoadBalancerStats,
} from "../stats/groups/cluster-load-balancer-stats.ts";
import {
  type ClusterMembershipStats,
  createClusterMembershipStats,
} from "../stats/groups/cluster-membership-stats.ts";
import {
  createRequestResponseSizeStats,
  createTimeoutBudgetStats,
  type RequestResponseSizeStats,
  type TimeoutBudgetStats,
} from "../stats/groups/cluster-optional-stats.ts";
import { ClusterTrafficStats } from "../stats/groups/cluster-traffic-stats.ts";
import { ClusterResponseCodeStats } from "../stats/groups/response-code-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";

/** Which optional stats `track_cluster_stats` asks for. */
export interface TrackedClusterStats {
  readonly timeoutBudgets: boolean;
  readonly requestResponseSizes: boolean;
}

/** Traffic counters are fields of this object itself (`stats.upstreamRqTotal`). */
export class ClusterStats extends ClusterTrafficStats {
  readonly scope: StatsScope;
  /** Counted by `codes`; here it exists from the start. */
  readonly upstreamRqCompleted: Counter;
  readonly codes: ClusterResponseCodeStats;
  readonly loadBalancer: ClusterLoadBalancerStats;
  readonly membership: ClusterMembershipStats;
  /** Hosts that got the default transport socket: all of them, until matches are supported. */
  readonly defaultTransportSocketMatches: Counter;
  readonly timeoutBudget: TimeoutBudgetStats | null;
  readonly sizes: RequestResponseSizeStats | null;

  /**
   * `scope` is `cluster.<name>`. Membership is written to `membershipScope`: the same scope on the
   * data plane that speaks for all, a silent one elsewhere, since every data plane sees the same
   * updates.
   */
  constructor(scope: StatsScope, membershipScope: StatsScope, tracked: TrackedClusterStats) {
    super(scope);
    this.scope = scope;
    this.upstreamRqCompleted = scope.counter("upstream_rq_completed");
    this.codes = new ClusterResponseCodeStats(scope);
    this.loadBalancer = createClusterLoadBalancerStats(scope);
    this.membership = createClusterMembershipStats(membershipScope);
    this.defaultTransportSocketMatches = membershipScope.counter("default.total_match_count");
    this.timeoutBudget = tracked.timeoutBudgets ? createTimeoutBudgetStats(scope) : null;
    this.sizes = tracked.requestResponseSizes ? createRequestResponseSizeStats(scope) : null;
  }
}
