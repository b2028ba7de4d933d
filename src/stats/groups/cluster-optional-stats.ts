/**
 * Histograms that a cluster keeps only when `track_cluster_stats` asks.
 * Envoy: ALL_CLUSTER_TIMEOUT_BUDGET_STATS, ALL_CLUSTER_REQUEST_RESPONSE_SIZE_STATS.
 */
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";

/** With `track_cluster_stats.timeout_budgets`. Record ratio × PERCENT_SCALE. */
export class TimeoutBudgetStats {
  readonly upstreamRqTimeoutBudgetPerTryPercentUsed: Histogram;
  readonly upstreamRqTimeoutBudgetPercentUsed: Histogram;

  constructor(scope: StatsScope) {
    this.upstreamRqTimeoutBudgetPerTryPercentUsed = scope.histogram(
      "upstream_rq_timeout_budget_per_try_percent_used",
      "percent",
    );
    this.upstreamRqTimeoutBudgetPercentUsed = scope.histogram(
      "upstream_rq_timeout_budget_percent_used",
      "percent",
    );
  }
}

/** With `track_cluster_stats.request_response_sizes`. */
export class RequestResponseSizeStats {
  readonly upstreamRqBodySize: Histogram;
  readonly upstreamRqHeadersCount: Histogram;
  readonly upstreamRqHeadersSize: Histogram;
  readonly upstreamRsBodySize: Histogram;
  readonly upstreamRsHeadersCount: Histogram;
  readonly upstreamRsHeadersSize: Histogram;

  constructor(scope: StatsScope) {
    this.upstreamRqBodySize = scope.histogram("upstream_rq_body_size", "bytes");
    this.upstreamRqHeadersCount = scope.histogram("upstream_rq_headers_count");
    this.upstreamRqHeadersSize = scope.histogram("upstream_rq_headers_size", "bytes");
    this.upstreamRsBodySize = scope.histogram("upstream_rs_body_size", "bytes");
    this.upstreamRsHeadersCount = scope.histogram("upstream_rs_headers_count");
    this.upstreamRsHeadersSize = scope.histogram("upstream_rs_headers_size", "bytes");
  }
}

/** `scope` is `cluster.<name>`. */
export function createTimeoutBudgetStats(scope: StatsScope): TimeoutBudgetStats {
  return new TimeoutBudgetStats(scope);
}

/** `scope` is `cluster.<name>`. */
export function createRequestResponseSizeStats(scope: StatsScope): RequestResponseSizeStats {
  return new RequestResponseSizeStats(scope);
}
