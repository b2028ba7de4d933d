import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eds } from "../../../src/extensions/clusters/eds/eds.ts";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { ClusterLoadAssignment } from "../../../src/proto/generated/envoy/config/endpoint/v3.ts";
import type { EndpointSubscriptions, EndpointWatcher } from "../../../src/upstream/discovery.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import { clusterContract } from "../../contract/cluster/cluster-suite.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";
import {
  compileWith,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

const EDS: Cluster = {
  name: "c",
  type: "EDS",
  edsClusterConfig: { edsConfig: { pathConfigSource: { path: "/etc/eds.yaml" } } },
};

interface Member {
  readonly ip: string;
  readonly weight?: number;
  readonly health?: "UNHEALTHY" | "HEALTHY" | "DRAINING";
  readonly zone?: string;
}

function assignment(members: readonly Member[], clusterName: string = "c"): ClusterLoadAssignment {
  return {
    clusterName,
    endpoints: members.map(({ ip, weight, health, zone }) => ({
      ...(zone === undefined ? {} : { locality: { zone } }),
      lbEndpoints: [
        {
          endpoint: { address: { socketAddress: { address: ip, portValue: 1000 } } },
          ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
          ...(health === undefined ? {} : { healthStatus: health }),
        },
      ],
    })),
  };
}

/** A source whose answers the test gives. */
class FakeEndpoints implements EndpointSubscriptions {
  readonly watchers = new Map<string, EndpointWatcher>();
  first: ClusterLoadAssignment | null | undefined;
  private readonly time: SimulatedTime;

  constructor(time: SimulatedTime, first?: ClusterLoadAssignment) {
    this.time = time;
    this.first = first;
  }

  subscribe(
    _source: unknown,
    resourceName: string,
    _scope: unknown,
    watcher: EndpointWatcher,
  ): () => void {
    this.watchers.set(resourceName, watcher);
    const { first } = this;
    if (first !== undefined) this.time.after(0, () => void watcher.onAssignment(first));
    return () => {
      if (this.watchers.get(resourceName) === watcher) this.watchers.delete(resourceName);
    };
  }

  push(members: readonly Member[], name: string = "c"): string | null {
    return this.watchers.get(name)!.onAssignment(assignment(members, name));
  }
}

function make(first?: ClusterLoadAssignment): {
  endpoints: FakeEndpoints;
  fixture: UpstreamFixture;
} {
  const time = new SimulatedTime();
  const endpoints = new FakeEndpoints(time, first);
  return { endpoints, fixture: upstreamFixture({ time, endpoints }) };
}

clusterContract(eds.type, () => {
  const { endpoints, fixture } = make(assignment([{ ip: "127.0.0.1" }]));
  return {
    fixture,
    message: EDS,
    grow: () => {
      endpoints.push([{ ip: "127.0.0.1" }, { ip: "127.0.0.2" }]);
      return Promise.resolve();
    },
  };
});

describe("EDS", () => {
  it("warms until an assignment comes, and asks under its service name", () => {
    const { endpoints, fixture } = make();
    fixture.add({
      ...EDS,
      edsClusterConfig: { ...EDS.edsClusterConfig, serviceName: "outbound|80||svc" },
    });
    assert.equal(fixture.manager.lookup("c").kind, "later");
    assert.equal(fixture.stat("cluster_manager.warming_clusters"), 1);
    assert.equal(fixture.stat("cluster.c.warming_state"), 1);
    endpoints.push([{ ip: "127.0.0.1" }], "outbound|80||svc");
    assert.equal(fixture.manager.lookup("c").kind, "now");
    assert.equal(fixture.stat("cluster.c.warming_state"), 0);
    assert.equal(fixture.stat("cluster_manager.warming_clusters"), 0);
    fixture.manager.close(() => undefined);
    assert.equal(endpoints.watchers.size, 0);
  });

  it("serves without hosts when the source gives none or fails", () => {
    for (const give of [
      (watcher: EndpointWatcher) => void watcher.onAssignment(null),
      (watcher: EndpointWatcher) => watcher.onFailure(),
    ]) {
      const { endpoints, fixture } = make();
      fixture.add(EDS);
      give(endpoints.watchers.get("c")!);
      assert.equal(fixture.cluster("c").chooseHost(EMPTY_CONTEXT), null);
      fixture.manager.close(() => undefined);
    }
  });

  it("keeps its hosts when a later answer is empty", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([{ ip: "127.0.0.1" }]);
    endpoints.watchers.get("c")!.onAssignment(null);
    assert.notEqual(fixture.cluster("c").chooseHost(EMPTY_CONTEXT), null);
    assert.equal(fixture.stat("cluster.c.update_empty"), 1);
    fixture.manager.close(() => undefined);
  });

  it("refuses an assignment of another name or with a bad address, and keeps the old one", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([{ ip: "127.0.0.1" }]);
    const watcher = endpoints.watchers.get("c")!;
    assert.equal(
      watcher.onAssignment(assignment([], "other")),
      "Unexpected EDS cluster (expecting c): other",
    );
    assert.match(watcher.onAssignment(assignment([{ ip: "nowhere" }]))!, /malformed IP address/);
    assert.equal(fixture.stat("cluster.c.membership_total"), 1);
    fixture.manager.close(() => undefined);
  });

  it("takes the first of two endpoints with one address", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([
      { ip: "127.0.0.1", weight: 3 },
      { ip: "127.0.0.1", weight: 5 },
    ]);
    const { hosts } = fixture.manager.describe()[0]!;
    assert.deepEqual(
      hosts.map((host) => host.description.weight),
      [3],
    );
    fixture.manager.close(() => undefined);
  });

  it("updates weight and health in place, and replaces a host that moved to another zone", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([{ ip: "127.0.0.1", zone: "a" }]);
    const host = fixture.cluster("c").chooseHost(EMPTY_CONTEXT)!;
    host.stats.requestSucceeded();
    endpoints.push([{ ip: "127.0.0.1", zone: "a", weight: 7 }]);
    assert.equal(fixture.cluster("c").chooseHost(EMPTY_CONTEXT), host);
    assert.equal(host.description.weight, 7);
    assert.equal(fixture.stat("cluster.c.max_host_weight"), 7);
    assert.equal(fixture.stat("cluster.c.membership_change"), 1);
    endpoints.push([{ ip: "127.0.0.1", zone: "b", weight: 7 }]);
    const moved = fixture.cluster("c").chooseHost(EMPTY_CONTEXT)!;
    assert.notEqual(moved, host);
    assert.equal(fixture.manager.describe()[0]!.hosts[0]!.totals!.rqSuccess, 0);
    assert.equal(fixture.stat("cluster.c.membership_change"), 2);
    fixture.manager.close(() => undefined);
  });

  it("shows endpoint health in membership and choice", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([{ ip: "127.0.0.1", health: "UNHEALTHY" }, { ip: "127.0.0.2" }]);
    assert.equal(fixture.stat("cluster.c.membership_healthy"), 1);
    const cluster = fixture.cluster("c");
    for (let pick = 0; pick < 10; pick++) {
      assert.equal(cluster.chooseHost(EMPTY_CONTEXT)!.addressText, "127.0.0.2:1000");
    }
    fixture.manager.close(() => undefined);
  });

  it("lets endpoints go when no newer assignment comes in time", async () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    const stale = { policy: { endpointStaleAfter: { seconds: 3, nanos: 0 } } };
    const watcher = endpoints.watchers.get("c")!;
    watcher.onAssignment({ ...assignment([{ ip: "127.0.0.1" }]), ...stale });
    await fixture.time.advance(2900);
    watcher.onAssignment({ ...assignment([{ ip: "127.0.0.1" }]), ...stale });
    await fixture.time.advance(2900);
    assert.equal(fixture.stat("cluster.c.membership_total"), 1, "the second one began anew");
    await fixture.time.advance(200);
    assert.equal(fixture.stat("cluster.c.membership_total"), 0);
    assert.equal(fixture.cluster("c").chooseHost(EMPTY_CONTEXT), null);
    assert.equal(fixture.stat("cluster.c.assignment_stale"), 1);
    assert.equal(fixture.stat("cluster.c.assignment_timeout_received"), 2);
    endpoints.push([{ ip: "127.0.0.2" }]);
    await fixture.time.advance(10_000);
    assert.equal(fixture.stat("cluster.c.membership_total"), 1, "this one stays for good");
    fixture.manager.close(() => undefined);
    assert.equal(fixture.dispatcher.armedTimers, 0);
  });

  it("says which share of requests is to be dropped, also when nothing else changed", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    const drop = (numerator: number, category: string = "a") => ({
      category,
      dropPercentage: { numerator, denominator: "TEN_THOUSAND" as const },
    });
    const members = assignment([{ ip: "127.0.0.1" }]);
    const watcher = endpoints.watchers.get("c")!;
    watcher.onAssignment({ ...members, policy: { dropOverloads: [drop(2500)] } });
    assert.equal(fixture.cluster("c").dropOverload, 0.25);
    watcher.onAssignment({ ...members, policy: { dropOverloads: [drop(20_000)] } });
    assert.equal(fixture.cluster("c").dropOverload, 1);
    const twice = { ...members, policy: { dropOverloads: [drop(1), drop(2, "b")] } };
    assert.match(watcher.onAssignment(twice)!, /has 2 categories/);
    watcher.onAssignment(members);
    assert.equal(fixture.cluster("c").dropOverload, 0);
    fixture.manager.close(() => undefined);
  });

  it("takes a new weight of a locality although no host changed", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    const watcher = endpoints.watchers.get("c")!;
    const weighted = (loadBalancingWeight: number): ClusterLoadAssignment => {
      const message = assignment([{ ip: "127.0.0.1", zone: "a" }]);
      return { ...message, endpoints: [{ ...message.endpoints![0]!, loadBalancingWeight }] };
    };
    watcher.onAssignment(weighted(1));
    watcher.onAssignment(weighted(2));
    assert.deepEqual([...fixture.manager.describe()[0]!.localityWeights.values()], [2]);
    assert.equal(fixture.stat("cluster.c.update_no_rebuild"), 0);
    watcher.onAssignment(weighted(2));
    assert.equal(fixture.stat("cluster.c.update_no_rebuild"), 1);
    fixture.manager.close(() => undefined);
  });

  it("counts an empty first answer as one that built nothing", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([]);
    assert.equal(fixture.stat("cluster.c.update_no_rebuild"), 1);
    assert.notEqual(fixture.manager.lookup("c").kind, "later");
    fixture.manager.close(() => undefined);
  });

  it("leaves a draining host out of every total", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([{ ip: "127.0.0.1", health: "DRAINING" }, { ip: "127.0.0.2" }]);
    assert.equal(fixture.stat("cluster.c.membership_excluded"), 1);
    assert.equal(fixture.stat("cluster.c.membership_healthy"), 1);
    assert.equal(fixture.stat("cluster.c.membership_total"), 2);
    fixture.manager.close(() => undefined);
  });

  it("keeps a replaced cluster serving until the new one has its endpoints", () => {
    const { endpoints, fixture } = make();
    fixture.add(EDS);
    endpoints.push([{ ip: "127.0.0.1" }]);
    const first = fixture.cluster("c");
    fixture.add({ ...EDS, perConnectionBufferLimitBytes: 7 });
    assert.equal(fixture.cluster("c"), first);
    endpoints.push([{ ip: "127.0.0.2" }]);
    assert.equal(fixture.cluster("c").info.perConnectionBufferLimitBytes, 7);
    assert.equal(fixture.cluster("c").chooseHost(EMPTY_CONTEXT)!.addressText, "127.0.0.2:1000");
    fixture.manager.close(() => undefined);
  });

  it("needs a file as its source for now", () => {
    const none = compileWith({ name: "c", type: "EDS" });
    assert.match(none.context.diagnostics[0]!.message, /without an EDS config/);
    const ads = compileWith({ ...EDS, edsClusterConfig: { edsConfig: { ads: {} } } });
    assert.equal(ads.config, null);
    assert.equal(ads.context.diagnostics[0]!.path, "eds_cluster_config.eds_config");
  });
});
