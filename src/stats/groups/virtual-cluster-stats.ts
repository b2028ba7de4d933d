/**
 * Stats of a virtual cluster or of a route with `stat_prefix`, `vhost.<v>.vcluster.<c>.*`,
 * `vhost.<v>.route.<r>.*`. Envoy: ALL_VIRTUAL_CLUSTER_STATS, ALL_ROUTE_STATS.
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

/**
 * Response codes of the same scope are counted by ResponseCodeStats.
 * `scope` is `vhost.<name>.vcluster.<name or other>` or `vhost.<name>.route.<stat_prefix>`.
 */
export class VirtualClusterStats {
  readonly upstreamRqRetry: Counter;
  readonly upstreamRqRetryLimitExceeded: Counter;
  readonly upstreamRqRetryOverflow: Counter;
  readonly upstreamRqRetrySuccess: Counter;
  readonly upstreamRqTimeout: Counter;
  readonly upstreamRqTotal: Counter;

  constructor(scope: StatsScope) {
    this.upstreamRqRetry = scope.counter("upstream_rq_retry");
    this.upstreamRqRetryLimitExceeded = scope.counter("upstream_rq_retry_limit_exceeded");
    this.upstreamRqRetryOverflow = scope.counter("upstream_rq_retry_overflow");
    this.upstreamRqRetrySuccess = scope.counter("upstream_rq_retry_success");
    this.upstreamRqTimeout = scope.counter("upstream_rq_timeout");
    this.upstreamRqTotal = scope.counter("upstream_rq_total");
  }
}
