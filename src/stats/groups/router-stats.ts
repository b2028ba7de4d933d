/**
 * Stats of the router filter, `http.<stat_prefix>.{no_route,rq_total,…}`.
 * Envoy: ALL_ROUTER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

/** `http.<stat_prefix>.*` as the router counts. */
export class RouterStats {
  readonly noCluster: Counter;
  readonly noRoute: Counter;
  readonly passthroughInternalRedirectBadLocation: Counter;
  readonly passthroughInternalRedirectNoRoute: Counter;
  readonly passthroughInternalRedirectPredicate: Counter;
  readonly passthroughInternalRedirectTooManyRedirects: Counter;
  readonly passthroughInternalRedirectUnsafeScheme: Counter;
  readonly rqDirectResponse: Counter;
  readonly rqOverloadLocalReply: Counter;
  readonly rqRedirect: Counter;
  readonly rqResetAfterDownstreamResponseStarted: Counter;
  readonly rqTotal: Counter;

  constructor(scope: StatsScope) {
    this.noCluster = scope.counter("no_cluster");
    this.noRoute = scope.counter("no_route");
    this.passthroughInternalRedirectBadLocation = scope.counter(
      "passthrough_internal_redirect_bad_location",
    );
    this.passthroughInternalRedirectNoRoute = scope.counter(
      "passthrough_internal_redirect_no_route",
    );
    this.passthroughInternalRedirectPredicate = scope.counter(
      "passthrough_internal_redirect_predicate",
    );
    this.passthroughInternalRedirectTooManyRedirects = scope.counter(
      "passthrough_internal_redirect_too_many_redirects",
    );
    this.passthroughInternalRedirectUnsafeScheme = scope.counter(
      "passthrough_internal_redirect_unsafe_scheme",
    );
    this.rqDirectResponse = scope.counter("rq_direct_response");
    this.rqOverloadLocalReply = scope.counter("rq_overload_local_reply");
    this.rqRedirect = scope.counter("rq_redirect");
    this.rqResetAfterDownstreamResponseStarted = scope.counter(
      "rq_reset_after_downstream_response_started",
    );
    this.rqTotal = scope.counter("rq_total");
  }
}

/** `scope` is `http.<stat_prefix>`. */
export function createRouterStats(scope: StatsScope): RouterStats {
  return new RouterStats(scope);
}
