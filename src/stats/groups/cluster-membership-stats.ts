/**
 * Stats of a cluster's members and of their discovery,
 * `cluster.<name>.{membership_*,update_*,assignment_*}`. Envoy: ALL_CLUSTER_CONFIG_UPDATE_STATS,
 * ALL_CLUSTER_ENDPOINT_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Members and updates. Written by the one place that applies updates; gauges merge by maximum. */
export class ClusterMembershipStats {
  readonly assignmentStale: Counter;
  readonly assignmentTimeoutReceived: Counter;
  readonly assignmentUseCached: Counter;
  readonly maxHostWeight: Gauge;
  readonly membershipChange: Counter;
  readonly membershipDegraded: Gauge;
  readonly membershipExcluded: Gauge;
  readonly membershipHealthy: Gauge;
  readonly membershipTotal: Gauge;
  readonly updateAttempt: Counter;
  readonly updateEmpty: Counter;
  readonly updateFailure: Counter;
  readonly updateNoRebuild: Counter;
  readonly updateSuccess: Counter;
  readonly version: Gauge;
  readonly warmingState: Gauge;

  constructor(scope: StatsScope) {
    this.assignmentStale = scope.counter("assignment_stale");
    this.assignmentTimeoutReceived = scope.counter("assignment_timeout_received");
    this.assignmentUseCached = scope.counter("assignment_use_cached");
    this.maxHostWeight = scope.gauge("max_host_weight", "max");
    this.membershipChange = scope.counter("membership_change");
    this.membershipDegraded = scope.gauge("membership_degraded", "max");
    this.membershipExcluded = scope.gauge("membership_excluded", "max");
    this.membershipHealthy = scope.gauge("membership_healthy", "max");
    this.membershipTotal = scope.gauge("membership_total", "max");
    this.updateAttempt = scope.counter("update_attempt");
    this.updateEmpty = scope.counter("update_empty");
    this.updateFailure = scope.counter("update_failure");
    this.updateNoRebuild = scope.counter("update_no_rebuild");
    this.updateSuccess = scope.counter("update_success");
    this.version = scope.gauge("version", "max");
    this.warmingState = scope.gauge("warming_state", "max");
  }
}

/** `scope` is `cluster.<name>`. */
export function createClusterMembershipStats(scope: StatsScope): ClusterMembershipStats {
  return new ClusterMembershipStats(scope);
}
