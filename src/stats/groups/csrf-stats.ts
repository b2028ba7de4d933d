/** Stats of the csrf filter, `http.<stat_prefix>.csrf.*`. Envoy: ALL_CSRF_STATS. */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

export class CsrfStats {
  readonly missingSourceOrigin: Counter;
  readonly requestInvalid: Counter;
  readonly requestValid: Counter;

  constructor(scope: StatsScope) {
    this.missingSourceOrigin = scope.counter("missing_source_origin");
    this.requestInvalid = scope.counter("request_invalid");
    this.requestValid = scope.counter("request_valid");
  }
}

/** `scope` is `http.<stat_prefix>.csrf`. */
export function createCsrfStats(scope: StatsScope): CsrfStats {
  return new CsrfStats(scope);
}
