/**
 * Stats of the stateful_session filter, `http.<prefix>.stateful_session.<stat_prefix>.*`. Envoy:
 * ALL_STATEFUL_SESSION_FILTER_STATS (source/extensions/filters/http/stateful_session).
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

export class StatefulSessionStats {
  readonly failedClosed: Counter;
  readonly failedOpen: Counter;
  readonly noSession: Counter;
  readonly routed: Counter;

  constructor(scope: StatsScope) {
    this.failedClosed = scope.counter("failed_closed");
    this.failedOpen = scope.counter("failed_open");
    this.noSession = scope.counter("no_session");
    this.routed = scope.counter("routed");
  }
}

/** `scope` is `http.<prefix>.stateful_session.<stat_prefix>`. */
export function createStatefulSessionStats(scope: StatsScope): StatefulSessionStats {
  return new StatefulSessionStats(scope);
}
