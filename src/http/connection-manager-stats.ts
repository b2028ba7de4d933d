/** All stats that one HTTP connection manager writes, gathered once per data plane. */
import type { Counter } from "../stats/counter.ts";
import { HttpConnectionManagerStats } from "../stats/groups/http-connection-manager-stats.ts";
import { Http1CodecStats } from "../stats/groups/http1-codec-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";

/** `downstream_rq_{1xx…5xx,completed}`, kept per connection manager and again per listener. */
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

export class ConnectionManagerStats {
  readonly manager: HttpConnectionManagerStats;
  readonly codec: Http1CodecStats;
  readonly responses: ResponseClassStats;
  readonly listenerResponses: ResponseClassStats;

  /**
   * `scope` is `http.<stat_prefix>.`, `listenerScope` is `listener.<address>.http.<stat_prefix>.`,
   * `root` is unprefixed.
   */
  constructor(scope: StatsScope, listenerScope: StatsScope, root: StatsScope) {
    this.manager = new HttpConnectionManagerStats(scope);
    this.codec = new Http1CodecStats(root.scope("http1"));
    this.responses = new ResponseClassStats(scope);
    this.listenerResponses = new ResponseClassStats(listenerScope);
  }
}
