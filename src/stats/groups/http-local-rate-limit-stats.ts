/**
 * Stats of the HTTP local_ratelimit filter, `<stat_prefix>.http_local_rate_limit.*`. Envoy:
 * ALL_LOCAL_RATE_LIMIT_STATS (source/extensions/filters/http/local_ratelimit).
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

export class HttpLocalRateLimitStats {
  readonly enabled: Counter;
  readonly enforced: Counter;
  readonly rateLimited: Counter;
  readonly ok: Counter;

  constructor(scope: StatsScope) {
    this.enabled = scope.counter("enabled");
    this.enforced = scope.counter("enforced");
    this.rateLimited = scope.counter("rate_limited");
    this.ok = scope.counter("ok");
  }
}

/** `scope` is `<stat_prefix>.http_local_rate_limit`. */
export function createHttpLocalRateLimitStats(scope: StatsScope): HttpLocalRateLimitStats {
  return new HttpLocalRateLimitStats(scope);
}
