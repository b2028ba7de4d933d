/** All stats that one HTTP connection manager writes, gathered once per data plane. */
import { HttpConnectionManagerStats } from "../stats/groups/http-connection-manager-stats.ts";
import { Http1CodecStats } from "../stats/groups/http1-codec-stats.ts";
import { ResponseClassStats } from "../stats/groups/response-class-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";

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
