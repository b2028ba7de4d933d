// What outlier detection adds to each request: one success (connection and status), one failure,
// and the look at the health of the cluster before each choice of a host.
import { MonitorResult } from "../../../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../../../src/upstream/load-balancer.ts";
import { createSharedUpstreamState } from "../../../../src/upstream/upstream-services.ts";
import { staticMessage, upstreamFixture } from "../../../../test/upstream/upstream-fixture.ts";
import { bench } from "../../../kit/micro.ts";

const fixture = upstreamFixture({ state: createSharedUpstreamState(2) });
fixture.add(staticMessage([1, 2], { outlierDetection: { consecutive5xx: 2 ** 31 - 1 } }));
fixture.add({ ...staticMessage([1, 2]), name: "plain" });
const watched = fixture.cluster("c");
const plain = fixture.cluster("plain");
const host = watched.chooseHost(EMPTY_CONTEXT)!;
const unwatched = plain.chooseHost(EMPTY_CONTEXT)!;
const FREE = { allocatedBytesMax: 0 };

const report = (status: number, { monitor } = host): void => {
  monitor?.onResult(MonitorResult.LocalOriginConnectSuccess, 0);
  monitor?.onHttpStatus(status);
};
bench("OutlierMonitor, a success", () => report(200), FREE);
bench("OutlierMonitor, a failure", () => report(500), FREE);
bench("no monitor", () => report(200, unwatched), FREE);
bench("chooseHost, health is watched", () => watched.chooseHost(EMPTY_CONTEXT));
bench("chooseHost, health is not watched", () => plain.chooseHost(EMPTY_CONTEXT));
