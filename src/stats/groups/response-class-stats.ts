/**
 * Responses to downstream by the class of their code. Envoy: ALL_HTTP_CONN_MAN_STATS,
 * CONN_MAN_LISTENER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

/**
 * `downstream_rq_{1xx…5xx,completed}`, kept per connection manager and again per listener.
 * `scope` is `http.<stat_prefix>` or `listener.<address>.http.<stat_prefix>`.
 */
export class ResponseClassStats {
  private readonly classes: readonly (Counter | null)[];
  private readonly completed: Counter;

  constructor(scope: StatsScope) {
    this.classes = [
      null,
      scope.counter("downstream_rq_1xx"),
      scope.counter("downstream_rq_2xx"),
      scope.counter("downstream_rq_3xx"),
      scope.counter("downstream_rq_4xx"),
      scope.counter("downstream_rq_5xx"),
    ];
    this.completed = scope.counter("downstream_rq_completed");
  }

  record(status: number): void {
    this.completed.inc();
    this.classes[Math.floor(status / 100)]?.inc();
  }
}
