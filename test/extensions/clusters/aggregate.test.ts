import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aggregate } from "../../../src/extensions/clusters/aggregate/aggregate.ts";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import { HealthFlag, type HealthStatus } from "../../../src/upstream/host.ts";
import { EMPTY_CONTEXT, type PriorityLoads } from "../../../src/upstream/load-balancer.ts";
import { clusterContract } from "../../contract/cluster/cluster-suite.ts";
import {
  compileWith,
  request,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

interface Member {
  readonly port: number;
  readonly health?: HealthStatus;
  readonly priority?: number;
}

function aggregateMessage(clusters: readonly string[], more: Partial<Cluster> = {}): Cluster {
  return {
    name: "c",
    lbPolicy: "CLUSTER_PROVIDED",
    clusterType: {
      name: aggregate.name,
      typedConfig: {
        typeUrl: `type.googleapis.com/${aggregate.messageType}`,
        value: { clusters: [...clusters] },
      },
    },
    ...more,
  };
}

function child(name: string, members: readonly Member[], more: Partial<Cluster> = {}): Cluster {
  return {
    name,
    type: "STATIC",
    loadAssignment: {
      clusterName: name,
      endpoints: members.map(({ port, health, priority = 0 }) => ({
        priority,
        lbEndpoints: [
          {
            endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: port } } },
            ...(health === undefined ? {} : { healthStatus: health }),
          },
        ],
      })),
    },
    ...more,
  };
}

function chosen(fixture: UpstreamFixture, name: string = "c"): number | null {
  return fixture.cluster(name).chooseHost(EMPTY_CONTEXT)?.description.address.port ?? null;
}

clusterContract("aggregate", () => ({
  fixture: upstreamFixture(),
  message: aggregateMessage(["one"]),
  grow: null,
  others: [child("one", [{ port: 1000 }])],
  ownsHosts: false,
}));

describe("aggregate", () => {
  it("uses the first cluster that is healthy, and follows health", () => {
    const fixture = upstreamFixture();
    fixture.add(child("a", [{ port: 1 }], { outlierDetection: {} }));
    fixture.add(child("b", [{ port: 2 }]));
    fixture.add(aggregateMessage(["a", "b"]));
    assert.equal(chosen(fixture), 1);
    const host = fixture.cluster("a").chooseHost(EMPTY_CONTEXT)!;
    host.setHealthFlag(HealthFlag.FailedOutlierCheck);
    assert.equal(chosen(fixture), 2);
    host.clearHealthFlag(HealthFlag.FailedOutlierCheck);
    assert.equal(chosen(fixture), 1);
    fixture.manager.close(() => undefined);
  });

  it("puts the priorities of its clusters one behind the other, without empty ones", () => {
    const fixture = upstreamFixture();
    fixture.add(
      child("a", [
        { port: 1, health: "UNHEALTHY" },
        { port: 2, priority: 2 },
      ]),
    );
    fixture.add(child("b", [{ port: 3 }]));
    fixture.add(aggregateMessage(["a", "b"]));
    assert.equal(chosen(fixture), 2);
    fixture.manager.close(() => undefined);
  });

  it("takes clusters as they come, change and go", () => {
    const fixture = upstreamFixture();
    fixture.add(aggregateMessage(["a", "b"]));
    assert.equal(chosen(fixture), null);
    assert.equal(fixture.stat("cluster.c.upstream_cx_none_healthy"), 1);
    fixture.add(child("b", [{ port: 2 }]));
    assert.equal(chosen(fixture), 2);
    fixture.add(child("a", [{ port: 1 }]));
    assert.equal(chosen(fixture), 1);
    fixture.add(child("a", [{ port: 9 }]));
    assert.equal(chosen(fixture), 9);
    fixture.manager.remove("a", "static");
    assert.equal(chosen(fixture), 2);
    fixture.manager.remove("b", "static");
    assert.equal(chosen(fixture), null);
    fixture.manager.close(() => undefined);
  });

  it("survives clusters that contain each other: aggregates have no hosts to add", () => {
    const fixture = upstreamFixture();
    fixture.add(aggregateMessage(["d", "c", "a"]));
    fixture.add({ ...aggregateMessage(["c"]), name: "d" });
    fixture.add(child("a", [{ port: 1 }]));
    assert.equal(chosen(fixture), 1);
    assert.equal(chosen(fixture, "d"), null);
    const { context } = compileWith(aggregateMessage(["c"]));
    assert.equal(context.diagnostics[0]?.severity, "warning");
    fixture.manager.close(() => undefined);
  });

  it("lets the pools, limits and counters of the chosen cluster count", async () => {
    const fixture = upstreamFixture();
    const upstream = await new TestUpstream().listen(fixture.network, 1000);
    fixture.add(
      child("a", [{ port: 1000 }], { circuitBreakers: { thresholds: [{ maxRequests: 1 }] } }),
    );
    fixture.add(aggregateMessage(["a"]));
    const first = request(fixture.cluster("c"));
    await fixture.time.advance(0);
    const second = request(fixture.cluster("c"));
    await fixture.time.advance(0);
    assert.deepEqual(first.events, ["ready"]);
    assert.deepEqual(second.events, ["failed: overflow"]);
    assert.equal(fixture.stat("cluster.a.upstream_cx_total"), 2);
    assert.equal(fixture.stat("cluster.c.upstream_cx_total"), 0);
    const host = fixture.cluster("a").chooseHost(EMPTY_CONTEXT)!;
    assert.equal(
      fixture.cluster("c").httpPool(host, "DEFAULT"),
      fixture.cluster("a").httpPool(host, "DEFAULT"),
    );
    upstream.answer(0);
    await fixture.time.advance(0);
    fixture.manager.close(() => undefined);
    upstream.close();
  });

  it("offers its whole list of priorities to retries, and keeps their choice", () => {
    const fixture = upstreamFixture();
    fixture.add(child("a", [{ port: 1 }]));
    fixture.add(child("b", [{ port: 2 }, { port: 3, priority: 1 }]));
    fixture.add(aggregateMessage(["a", "b"]));
    const seen: number[][] = [];
    const host = fixture.cluster("c").chooseHost({
      ...EMPTY_CONTEXT,
      priorityLoads: (loads, sets): PriorityLoads => {
        seen.push(sets.map((set) => set.hosts[0]!.description.address.port));
        assert.deepEqual(loads.healthy, [100, 0, 0]);
        return { ...loads, healthy: [0, 0, 100] };
      },
    });
    assert.deepEqual(seen, [[1, 2, 3]]);
    assert.equal(host?.description.address.port, 3);
    fixture.manager.close(() => undefined);
  });

  it("has a panic threshold of its own", () => {
    const fixture = upstreamFixture();
    const calm = { commonLbConfig: { healthyPanicThreshold: { value: 0 } } };
    fixture.add(child("a", [{ port: 1, health: "UNHEALTHY" }]));
    fixture.add(child("b", [{ port: 2, health: "UNHEALTHY" }]));
    fixture.add(aggregateMessage(["a", "b"]));
    fixture.add({ ...aggregateMessage(["a", "b"], calm), name: "calm" });
    const picks = Array.from({ length: 200 }, () => chosen(fixture));
    assert.deepEqual([...new Set(picks)].sort(), [1, 2], "in panic both share by hosts");
    assert.equal(chosen(fixture, "calm"), 1, "all load stays on the first, which panics itself");
    fixture.manager.close(() => undefined);
  });

  it("needs clusters and CLUSTER_PROVIDED", () => {
    assert.match(
      compileWith(aggregateMessage([])).context.diagnostics[0]!.message,
      /An aggregate needs clusters/,
    );
    const other = compileWith(aggregateMessage(["a"], { lbPolicy: "ROUND_ROBIN" }));
    assert.equal(other.config, null);
    assert.match(other.context.diagnostics[0]!.message, /not valid for Cluster type/);
  });
});
