/** Stats of the cors filter, `http.<stat_prefix>.cors.*`. Envoy: ALL_CORS_STATS. */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

export class CorsStats {
  readonly originInvalid: Counter;
  readonly originValid: Counter;

  constructor(scope: StatsScope) {
    this.originInvalid = scope.counter("origin_invalid");
    this.originValid = scope.counter("origin_valid");
  }
}

/** `scope` is `http.<stat_prefix>.cors`. */
export function createCorsStats(scope: StatsScope): CorsStats {
  return new CorsStats(scope);
}
