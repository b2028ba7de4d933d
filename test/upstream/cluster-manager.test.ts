import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { RuntimeSnapshot } from "../../src/config/runtime.ts";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import type { Cluster } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { Cluster as RunningCluster } from "../../src/upstream/cluster.ts";
import type { UpstreamClusterManager } from "../../src/upstream/cluster-manager.ts";
import { EMPTY_CONTEXT } from "../../src/upstream/load-balancer.ts";
import {
  createSharedUpstreamState,
  reclaimDataPlane,
} from "../../src/upstream/upstream-services.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import { FakeDns } from "./fake-dns.ts";
import {
  compiled,
  request,
  staticMessage,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "./upstream-fixture.ts";

function dnsMessage(more: Partial<Cluster> = {}): Cluster {
  return {
    name: "d",
    type: "STRICT_DNS",
    dnsLookupFamily: "V4_ONLY",
    loadAssignment: {
      endpoints: [
        {
          lbEndpoints: [
            { endpoint: { address: { socketAddress: { address: "web", portValue: 80 } } } },
          ],
        },
      ],
    },
    ...more,
  };
}

describe("UpstreamClusterManager", () => {
  let time: SimulatedTime;
  let dns: FakeDns;
  let fixture: UpstreamFixture;
  let manager: UpstreamClusterManager;

  beforeEach(() => {
    time = new SimulatedTime();
    dns = new FakeDns(time);
    dns.set("web", ["127.0.0.1"]);
    fixture = upstreamFixture({ dns, time });
    manager = fixture.manager;
  });

  afterEach(async () => {
    manager.close(() => undefined);
    await time.advance(0);
    assert.deepEqual(time.bugs, []);
    assert.equal(fixture.dispatcher.armedTimers, 0);
  });

  function add(message: Cluster): boolean {
    return manager.addOrUpdate(compiled(message), "dynamic");
  }

  function started(): boolean[] {
    return manager.describe().map((one) => one.started);
  }

  it("answers none for a name it does not know", () => {
    assert.equal(manager.lookup("nobody").kind, "none");
    assert.equal(manager.has("nobody"), false);
  });

  it("makes a discovered cluster at its first use", () => {
    add(staticMessage([1000]));
    assert.deepEqual(started(), [false]);
    assert.deepEqual(
      manager.describe()[0]!.hosts.map((host) => [host.description.addressText, host.totals]),
      [["127.0.0.1:1000", null]],
    );
    assert.equal(manager.lookup("c").kind, "now");
    assert.deepEqual(started(), [true]);
    assert.equal(manager.describe()[0]!.hosts[0]!.totals!.cxTotal, 0);
  });

  it("makes a cluster of the bootstrap at once", () => {
    fixture.add(staticMessage([1000]));
    assert.deepEqual(started(), [true]);
  });

  it("gives the same answer object to every lookup", () => {
    add(staticMessage([1000]));
    assert.equal(manager.lookup("c"), manager.lookup("c"));
  });

  it("keeps whoever waits for a warming cluster waiting, unless they cancel", async () => {
    dns.hold();
    add(dnsMessage());
    const answers: (RunningCluster | null)[] = [];
    const lookup = manager.lookup("d");
    assert.ok(lookup.kind === "later");
    lookup.wait((cluster) => answers.push(cluster));
    const cancel = lookup.wait((cluster) => answers.push(cluster));
    cancel();
    await time.advance(1000);
    assert.equal(answers.length, 0);
    dns.release();
    assert.equal(answers.length, 1);
    assert.equal(answers[0]!.chooseHost(EMPTY_CONTEXT)!.addressText, "127.0.0.1:80");
  });

  it("tells those who wait that the cluster was removed", () => {
    dns.hold();
    add(dnsMessage());
    const answers: (RunningCluster | null)[] = [];
    const lookup = manager.lookup("d");
    assert.ok(lookup.kind === "later");
    lookup.wait((cluster) => answers.push(cluster));
    manager.remove("d", "dynamic");
    assert.deepEqual(answers, [null]);
  });

  it("is warm only when no cluster that must be waited for is left", async () => {
    let warm = 0;
    manager.whenWarm(() => warm++);
    assert.equal(warm, 1, "nothing to wait for");
    dns.hold();
    add(dnsMessage());
    add(dnsMessage({ name: "unimportant", waitForWarmOnInit: false }));
    manager.whenWarm(() => warm++);
    assert.equal(warm, 1);
    assert.deepEqual(
      manager.warming().map(({ name }) => name),
      ["d", "unimportant"],
    );
    dns.release();
    await time.advance(0);
    assert.equal(warm, 2);
  });

  it("is warm although a cluster with wait_for_warm_on_init false has no answer", () => {
    dns.hold();
    add(dnsMessage({ waitForWarmOnInit: false }));
    let warm = false;
    manager.whenWarm(() => {
      warm = true;
    });
    assert.ok(warm);
  });

  it("does not let a discovered cluster replace or remove one of the bootstrap", () => {
    fixture.add(staticMessage([1000]));
    assert.equal(add(staticMessage([1001])), false);
    assert.equal(manager.remove("c", "dynamic"), false);
    assert.deepEqual(
      manager.describe()[0]!.hosts.map((host) => host.description.addressText),
      ["127.0.0.1:1000"],
    );
    assert.equal(manager.remove("c", "static"), true);
  });

  it("announces what began to serve, changed, or went away", async () => {
    const names: string[] = [];
    manager.onChange((name) => names.push(name));
    add(staticMessage([1000]));
    add(staticMessage([1000]));
    add(staticMessage([1001]));
    add(dnsMessage());
    assert.deepEqual(names, ["c", "c"]);
    await time.advance(0);
    manager.remove("c", "dynamic");
    assert.deepEqual(names, ["c", "c", "d", "c"]);
  });

  it("counts what it does", async () => {
    const stat = (name: string): number => fixture.stat(`cluster_manager.${name}`);
    add(staticMessage([1000]));
    add(staticMessage([1001]));
    add(dnsMessage());
    assert.equal(stat("cluster_added"), 2);
    assert.equal(stat("cluster_modified"), 1);
    assert.equal(stat("active_clusters"), 1);
    assert.equal(stat("warming_clusters"), 1);
    await time.advance(0);
    assert.equal(stat("active_clusters"), 2);
    dns.set("web", ["127.0.0.1", "127.0.0.2"]);
    await time.advance(5_100);
    assert.equal(stat("cluster_updated"), 1, "the first members do not count as an update");
    manager.remove("d", "dynamic");
    assert.equal(stat("cluster_removed"), 1);
    assert.equal(stat("active_clusters"), 1);
  });

  it("goes on counting under the same name after a replacement", async () => {
    const upstream = await new TestUpstream().listen(fixture.network, 1000);
    add(staticMessage([1000]));
    request(fixture.cluster("c"));
    await time.advance(0);
    upstream.answer(0);
    await time.advance(0);
    add(staticMessage([1000], { connectTimeout: { seconds: 9, nanos: 0 } }));
    await time.advance(0);
    assert.equal(upstream.closed, 1);
    assert.equal(fixture.stat("cluster.c.upstream_rq_total"), 1);
    assert.equal(fixture.stat("cluster.c.upstream_cx_active"), 0);
    assert.equal(manager.describe()[0]!.hosts[0]!.totals!.cxTotal, 0, "host numbers start anew");
    upstream.close();
  });

  it("keeps codes that only the replaced cluster has counted, until the cluster is removed", () => {
    add(staticMessage([1000]));
    fixture.cluster("c").info.stats.codes.count(503, 0);
    for (let seconds = 1; seconds < 4; seconds++) {
      add(staticMessage([1000], { connectTimeout: { seconds, nanos: 0 } }));
    }
    assert.equal(fixture.stat("cluster.c.upstream_rq_503"), 1);
    fixture.cluster("c").info.stats.codes.count(503, 0);
    assert.equal(fixture.stat("cluster.c.upstream_rq_503"), 2);
    assert.equal(fixture.stat("cluster.c.external.upstream_rq_503"), 2);
    add(staticMessage([1000], { connectTimeout: { seconds: 9, nanos: 0 } }));
    manager.remove("c", "dynamic");
    const left = fixture.store.slab.entries.filter((one) => one?.name.startsWith("cluster.c."));
    assert.deepEqual(left, []);
  });

  it("drains all pools when asked, with close_connections_on_host_set_change", async () => {
    const upstream = await new TestUpstream().listen(fixture.network, 80);
    add(dnsMessage({ commonLbConfig: { closeConnectionsOnHostSetChange: true } }));
    await time.advance(0);
    const stream = request(fixture.cluster("d"));
    await time.advance(0);
    upstream.answer(0);
    await time.advance(0);
    dns.set("web", ["127.0.0.1", "127.0.0.2"]);
    await time.advance(5_100);
    assert.deepEqual(stream.events, ["ready", "status 200 end"]);
    assert.equal(upstream.closed, 1);
    upstream.close();
  });

  it("drains the pools of a removed host and keeps the others", async () => {
    const first = await new TestUpstream().listen(fixture.network, 80, "127.0.0.1");
    const second = await new TestUpstream().listen(fixture.network, 80, "127.0.0.2");
    dns.set("web", ["127.0.0.1", "127.0.0.2"]);
    add(dnsMessage());
    await time.advance(0);
    const streams = [request(fixture.cluster("d")), request(fixture.cluster("d"))];
    await time.advance(0);
    first.answer(0);
    await time.advance(0);
    dns.set("web", ["127.0.0.1"]);
    await time.advance(5_100);
    assert.equal(first.closed, 0);
    assert.equal(second.closed, 0, "its request is still running");
    second.answer(0);
    await time.advance(0);
    assert.equal(second.closed, 1);
    assert.ok(streams.every((one) => one.events.at(-1) === "status 200 end"));
    first.close();
    second.close();
  });

  it("computes loads anew when the panic threshold changes at run time", async () => {
    let threshold = 0;
    const runtime: RuntimeSnapshot = {
      ...DEFAULT_RUNTIME,
      getInteger: (key, fallback) =>
        key === "upstream.healthy_panic_threshold" ? threshold : fallback,
    };
    const one = upstreamFixture({ runtime });
    const message = staticMessage([1000]);
    const lbEndpoint = message.loadAssignment!.endpoints![0]!.lbEndpoints![0]!;
    lbEndpoint.healthStatus = "UNHEALTHY";
    one.add(message);
    const cluster = one.cluster("c");
    assert.equal(cluster.chooseHost(EMPTY_CONTEXT), null);
    threshold = 50;
    one.manager.refresh();
    assert.notEqual(cluster.chooseHost(EMPTY_CONTEXT), null);
    assert.equal(one.stat("cluster.c.lb_healthy_panic"), 1);
    one.manager.close(() => undefined);
  });

  it("takes limits from runtime keys", async () => {
    const values = new Map([["circuit_breakers.c.default.max_requests", 1]]);
    const runtime: RuntimeSnapshot = {
      ...DEFAULT_RUNTIME,
      getInteger: (key, fallback) => values.get(key) ?? fallback,
    };
    const one = upstreamFixture({ runtime });
    const upstream = await new TestUpstream().listen(one.network, 1000);
    one.add(staticMessage([1000]));
    const streams = [1, 2].map(() => request(one.cluster("c")));
    await one.time.advance(0);
    assert.deepEqual(
      streams.map((stream) => stream.events[0]),
      ["ready", "failed: overflow"],
    );
    values.clear();
    one.manager.refresh();
    const third = request(one.cluster("c"));
    await one.time.advance(0);
    assert.deepEqual(third.events, ["ready"]);
    one.manager.close(() => undefined);
    for (const socket of upstream.sockets) socket.resetAndDestroy();
    await one.time.advance(0);
  });

  it("ignores what is released after the cluster is gone", async () => {
    add(staticMessage([1000]));
    const { retries } = fixture.cluster("c").info.limits[0];
    assert.equal(retries.tryAcquire(), true);
    manager.remove("c", "dynamic");
    add(staticMessage([1000]));
    const next = fixture.cluster("c").info.limits[0].retries;
    retries.release();
    assert.equal(next.count, 0);
  });

  it("takes back what a dead data plane held", async () => {
    const state = createSharedUpstreamState(2);
    const message = staticMessage([1000], {
      circuitBreakers: { thresholds: [{ maxRequests: 1 }] },
    });
    const dead = upstreamFixture({ state, dataPlane: 0 });
    const living = upstreamFixture({ state, dataPlane: 1 });
    for (const plane of [dead, living]) {
      await new TestUpstream().listen(plane.network, 1000);
      plane.add(message);
    }
    request(dead.cluster("c"));
    await dead.time.advance(0);
    const { requests } = living.cluster("c").info.limits[0];
    assert.equal(requests.count, 1);
    reclaimDataPlane(state, 0);
    assert.equal(requests.count, 0);
    const totals = living.manager.describe()[0]!.hosts[0]!.totals!;
    assert.deepEqual([totals.rqActive, totals.cxActive, totals.rqTotal], [0, 0, 1]);
  });

  it("shares hosts and limits between two data planes", async () => {
    const state = createSharedUpstreamState(2);
    const planes = [0, 1].map((dataPlane) => upstreamFixture({ state, dataPlane }));
    const message = staticMessage([1000], {
      circuitBreakers: { thresholds: [{ maxRequests: 1 }] },
    });
    const upstreams = await Promise.all(
      planes.map((plane) => new TestUpstream().listen(plane.network, 1000)),
    );
    for (const plane of planes) plane.add(message);
    const first = request(planes[0]!.cluster("c"));
    await planes[0]!.time.advance(0);
    assert.deepEqual(first.events, ["ready"]);
    const second = request(planes[1]!.cluster("c"));
    await planes[1]!.time.advance(0);
    assert.deepEqual(second.events, ["failed: overflow"], "the limit counts both");
    const totals = planes[1]!.manager.describe()[0]!.hosts[0]!.totals!;
    assert.equal(totals.rqActive, 1);
    assert.equal(totals.cxTotal, 2);
    upstreams[0]!.answer(0);
    await planes[0]!.time.advance(0);
    const third = request(planes[1]!.cluster("c"));
    assert.deepEqual(third.events, ["ready"]);
    for (const plane of planes) plane.manager.close(() => undefined);
    for (const upstream of upstreams) for (const socket of upstream.sockets) socket.destroy();
    for (const plane of planes) await plane.time.advance(0);
  });
});
