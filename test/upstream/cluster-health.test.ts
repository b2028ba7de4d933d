import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cluster } from "../../src/upstream/cluster.ts";
import { HealthFlag } from "../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../src/upstream/load-balancer.ts";
import { createSharedUpstreamState } from "../../src/upstream/upstream-services.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import { staticMessage, type UpstreamFixture, upstreamFixture } from "./upstream-fixture.ts";

const WATCHED = staticMessage([1, 2], { outlierDetection: {} });

function planes(count: number): UpstreamFixture[] {
  const state = createSharedUpstreamState(count);
  const time = new SimulatedTime();
  return Array.from({ length: count }, (_, dataPlane) => {
    const plane = upstreamFixture({ state, dataPlane, time });
    plane.add(WATCHED);
    return plane;
  });
}

function portsChosen(cluster: Cluster): Set<number | undefined> {
  const picks = Array.from({ length: 20 }, () => cluster.chooseHost(EMPTY_CONTEXT));
  return new Set(picks.map((host) => host?.description.address.port));
}

describe("ClusterHealth", () => {
  it("makes every data plane see a changed flag at its next choice", () => {
    const [one, two] = planes(2) as [UpstreamFixture, UpstreamFixture];
    const host = one.cluster("c").chooseHost(EMPTY_CONTEXT)!;
    host.setHealthFlag(HealthFlag.FailedOutlierCheck);
    for (const plane of [one, two]) {
      const ports = portsChosen(plane.cluster("c"));
      assert.deepEqual([...ports], [host.description.address.port === 1 ? 2 : 1]);
      assert.equal(plane.stat("cluster.c.membership_healthy"), 1);
    }
    host.clearHealthFlag(HealthFlag.FailedOutlierCheck);
    for (const plane of [one, two]) {
      assert.deepEqual(portsChosen(plane.cluster("c")), new Set([1, 2]));
    }
  });

  it("shows the gauges of a cluster that gets no request", () => {
    const [one, two] = planes(2) as [UpstreamFixture, UpstreamFixture];
    const host = two.cluster("c").chooseHost(EMPTY_CONTEXT)!;
    host.setHealthFlag(HealthFlag.FailedActiveHealthCheck);
    assert.equal(one.stat("cluster.c.membership_healthy"), 2);
    one.manager.showShared();
    assert.equal(one.stat("cluster.c.membership_healthy"), 1);
    assert.deepEqual(one.cluster("c").memberCounts(), { total: 2, usable: 1 });
  });

  it("looks again at the end of the event that changed a flag", () => {
    const [one] = planes(1) as [UpstreamFixture];
    const cluster = one.cluster("c");
    one.dispatcher.runEvent(() => {
      cluster.chooseHost(EMPTY_CONTEXT)?.setHealthFlag(HealthFlag.FailedOutlierCheck);
      assert.equal(one.stat("cluster.c.membership_healthy"), 2);
    });
    assert.equal(one.stat("cluster.c.membership_healthy"), 1);
  });

  it("rests while a flag stays what it is", () => {
    const [one] = planes(1) as [UpstreamFixture];
    const host = one.cluster("c").chooseHost(EMPTY_CONTEXT)!;
    host.setHealthFlag(HealthFlag.FailedOutlierCheck);
    one.manager.showShared();
    const updates = one.stat("cluster_manager.cluster_updated");
    host.setHealthFlag(HealthFlag.FailedOutlierCheck);
    one.manager.showShared();
    assert.equal(one.stat("cluster_manager.cluster_updated"), updates);
  });

  it("keeps the health of a host for the successor of a dead data plane", () => {
    const [one, two] = planes(2) as [UpstreamFixture, UpstreamFixture];
    const host = two.cluster("c").chooseHost(EMPTY_CONTEXT)!;
    host.setHealthFlag(HealthFlag.FailedOutlierCheck);
    // The second one dies without a word; another takes its number.
    const successor = upstreamFixture({ state: two.state, dataPlane: 1, time: one.time });
    successor.add(WATCHED);
    assert.equal(portsChosen(successor.cluster("c")).size, 1);
  });
});
