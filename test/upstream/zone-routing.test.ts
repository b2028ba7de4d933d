import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../src/config/runtime.ts";
import { random } from "../../src/extensions/load-balancers/random/random.ts";
import type { LocalityLbConfig_ZoneAwareLbConfig } from "../../src/proto/generated/envoy/extensions/load_balancing_policies/common/v3.ts";
import type { HealthStatus } from "../../src/upstream/host.ts";
import { zoneShares } from "../../src/upstream/zone-routing.ts";
import { chiSquare, chiSquareLimit } from "../contract/load-balancer/chi-square.ts";
import {
  BalancerBench,
  POLICIES,
  type TestMember,
  zone,
} from "../contract/load-balancer/load-balancer-suite.ts";

const PICKS = 20_000;

/** So many hosts per zone, numbered through; `weights` and `health` per zone. */
function hosts(
  counts: Readonly<Record<string, number>>,
  more: Readonly<Record<string, Partial<TestMember>>> = {},
): TestMember[] {
  let port = 0;
  return Object.entries(counts).flatMap(([name, count]) =>
    Array.from({ length: count }, () => ({ port: ++port, locality: zone(name), ...more[name] })),
  );
}

interface Setting {
  readonly local: readonly TestMember[];
  readonly upstream: readonly TestMember[];
  readonly ours?: string;
  readonly config?: LocalityLbConfig_ZoneAwareLbConfig;
  readonly runtime?: RuntimeSnapshot;
  readonly panic?: number;
}

function routed(setting: Setting): BalancerBench {
  const policy = (config: LocalityLbConfig_ZoneAwareLbConfig) =>
    random.compile(
      { localityLbConfig: { zoneAwareLbConfig: config } },
      new CompileContext(),
      POLICIES,
    )!;
  const localBench = new BalancerBench(policy({})).set(setting.local);
  const one = new BalancerBench(policy({ minClusterSize: 1, ...setting.config }), 7, {
    locality: zone(setting.ours ?? "a"),
    localCluster: { hosts: () => localBench.members.sets[0] ?? null },
    runtime: setting.runtime ?? DEFAULT_RUNTIME,
  });
  return one.set(setting.upstream, setting.panic ?? 50);
}

/** Picks per zone. */
function perZone(one: BalancerBench, names: readonly string[]): number[] {
  const counts = names.map(() => 0);
  for (const [port, count] of one.count(PICKS)) {
    if (port === null) continue;
    const index = names.indexOf(one.host(port).description.locality.zone);
    counts[index]! += count;
  }
  return counts;
}

const stat = (one: BalancerBench, name: string): number => one.store.root.counter(name).value();

describe("zone shares", () => {
  it("follow the vectors of the reference", () => {
    assert.deepEqual(zoneShares([5000, 5000], [2500, 7500], true), {
      localShare: 5000,
      residual: [0, 2500],
    });
    assert.deepEqual(zoneShares([5000, 5000], [6000, 4000], true), {
      localShare: 10_000,
      residual: [],
    });
    assert.deepEqual(zoneShares([5000, 5000], [4000, 6000], true), {
      localShare: 8000,
      residual: [0, 1000],
    });
    assert.deepEqual(zoneShares([4000, 4000, 2000], [2500, 5000, 2500], true), {
      localShare: 6250,
      residual: [0, 1000, 1500],
    });
    assert.deepEqual(zoneShares([0, 0], [5000, 5000], false), {
      localShare: 0,
      residual: [5000, 10_000],
    });
  });
});

describe("zone-aware routing", () => {
  it("keeps all requests in a zone that has its share of hosts", () => {
    const one = routed({ local: hosts({ a: 1, b: 1 }), upstream: hosts({ a: 6, b: 4 }) });
    assert.deepEqual(perZone(one, ["a", "b"]), [PICKS, 0]);
    assert.equal(stat(one, "lb_zone_routing_all_directly"), PICKS);
    assert.equal(stat(one, "lb_recalculate_zone_structures"), 1);
  });

  it("sends what does not fit to zones with capacity to spare", () => {
    const one = routed({
      local: hosts({ a: 2, b: 2, c: 1 }),
      upstream: hosts({ a: 5, b: 10, c: 5 }),
    });
    const counts = perZone(one, ["a", "b", "c"]);
    // 62.5 % stay; of the rest b takes two parts and c one.
    const shares = [0.625, 0.25, 0.125];
    assert.ok(chiSquare(counts, shares) < chiSquareLimit(2), `${counts}`);
    assert.equal(stat(one, "lb_zone_routing_sampled"), counts[0]);
    assert.equal(stat(one, "lb_zone_routing_cross_zone"), counts[1]! + counts[2]!);
  });

  it("counts only healthy hosts", () => {
    const sick: Record<string, { health: HealthStatus }> = { a: { health: "UNHEALTHY" } };
    const upstream = [...hosts({ a: 2, b: 6 }), { port: 100, locality: zone("a"), ...sick["a"] }];
    const one = routed({ local: hosts({ a: 1, b: 1 }), upstream });
    const counts = perZone(one, ["a", "b"]);
    assert.ok(chiSquare(counts, [0.5, 0.5]) < chiSquareLimit(1), `${counts}`);
  });

  it("can measure by weight", () => {
    const upstream = [
      ...hosts({ a: 2 }),
      ...hosts({ b: 2 }, { b: { weight: 3 } }).map((one) => ({ ...one, port: one.port + 10 })),
    ];
    const config = { localityBasis: "HEALTHY_HOSTS_WEIGHT" } as const;
    const one = routed({ local: hosts({ a: 1, b: 1 }), upstream, config });
    const counts = perZone(one, ["a", "b"]);
    assert.ok(chiSquare(counts, [0.5, 0.5]) < chiSquareLimit(1), `${counts}`);
    assert.deepEqual(perZone(routed({ local: hosts({ a: 1, b: 1 }), upstream }), ["a", "b"]), [
      PICKS,
      0,
    ]);
  });

  const spreads: readonly (readonly [string, Setting, string?])[] = [
    ["there is one upstream zone", { local: hosts({ a: 1, b: 1 }), upstream: hosts({ b: 4 }) }],
    ["the local cluster has one zone", { local: hosts({ a: 2 }), upstream: hosts({ a: 2, b: 2 }) }],
    [
      "the local cluster does not know our zone",
      { local: hosts({ c: 1, b: 1 }), upstream: hosts({ a: 2, b: 2 }) },
      "lb_local_cluster_not_ok",
    ],
    [
      "the upstream is too small",
      {
        local: hosts({ a: 1, b: 1 }),
        upstream: hosts({ a: 2, b: 2 }),
        config: { minClusterSize: 5 },
      },
      "lb_zone_cluster_too_small",
    ],
    [
      "the runtime turns it off",
      {
        local: hosts({ a: 1, b: 1 }),
        upstream: hosts({ a: 2, b: 2 }),
        runtime: { ...DEFAULT_RUNTIME, featureEnabled: () => false },
      },
    ],
    [
      "routing_enabled is 0",
      {
        local: hosts({ a: 1, b: 1 }),
        upstream: hosts({ a: 2, b: 2 }),
        config: { routingEnabled: {} },
      },
    ],
    [
      "the local cluster is in panic",
      {
        local: [
          ...hosts({ a: 1, b: 1 }),
          ...hosts({ b: 9 }, { b: { health: "UNHEALTHY" } }).map((one) => ({
            ...one,
            port: one.port + 10,
          })),
        ],
        upstream: hosts({ a: 2, b: 2 }),
      },
    ],
  ];
  for (const [why, setting, counter] of spreads) {
    it(`treats all hosts alike when ${why}`, () => {
      const one = routed(setting);
      const ports = setting.upstream.map(({ port }) => port);
      const picked = one.count(PICKS);
      const counts = ports.map((port) => picked.get(port) ?? 0);
      const shares = ports.map(() => 1 / ports.length);
      assert.ok(
        chiSquare(counts, shares) < chiSquareLimit(Math.max(1, ports.length - 1)),
        `${counts}`,
      );
      if (counter !== undefined) assert.equal(stat(one, counter), 1);
    });
  }

  it("follows the runtime's min_cluster_size", () => {
    const runtime = {
      ...DEFAULT_RUNTIME,
      getInteger: (key: string, fallback: number) =>
        key === "upstream.zone_routing.min_cluster_size" ? 50 : fallback,
    };
    const one = routed({ local: hosts({ a: 1, b: 1 }), upstream: hosts({ a: 2, b: 2 }), runtime });
    assert.equal(stat(one, "lb_zone_cluster_too_small"), 1);
  });

  it("stays in the zone by force while it has enough healthy hosts", () => {
    const local = hosts({ a: 1, b: 1 });
    const upstream = hosts({ a: 1, b: 9 });
    const forced = routed({ local, upstream, config: { forceLocalZone: {} } });
    assert.deepEqual(perZone(forced, ["a", "b"]), [PICKS, 0]);
    const few = routed({ local, upstream, config: { forceLocalZone: { minSize: 2 } } });
    assert.ok(perZone(few, ["a", "b"])[1]! > 0);
    const alone = routed({ local: hosts({ a: 1 }), upstream, config: { forceLocalZone: {} } });
    assert.deepEqual(perZone(alone, ["a", "b"]), [PICKS, 0], "one local zone is enough by force");
  });

  it("chooses nothing in panic when traffic is to fail then", () => {
    const config = { failTrafficOnPanic: true };
    const upstream = [
      ...hosts({ a: 1 }),
      ...hosts({ b: 4 }, { b: { health: "UNHEALTHY" } }).map((one) => ({
        ...one,
        port: one.port + 10,
      })),
    ];
    const one = routed({ local: hosts({ a: 1, b: 1 }), upstream, config });
    assert.equal(one.pick(), null);
    assert.equal(stat(one, "lb_healthy_panic"), 1);
    const sickLocal = [
      ...hosts({ a: 1 }),
      ...hosts({ b: 4 }, { b: { health: "UNHEALTHY" } }).map((host) => ({
        ...host,
        port: host.port + 10,
      })),
    ];
    const local = routed({ local: sickLocal, upstream: hosts({ a: 2, b: 2 }), config });
    assert.equal(local.pick(), null);
    assert.equal(stat(local, "lb_local_cluster_not_ok"), 1);
  });

  it("leaves lower priorities alone", () => {
    const upstream = [
      ...hosts({ a: 2, b: 2 }, { a: { health: "UNHEALTHY" }, b: { health: "UNHEALTHY" } }),
      { port: 50, locality: zone("b"), priority: 1 },
      { port: 51, locality: zone("a"), priority: 1 },
    ];
    const one = routed({ local: hosts({ a: 1, b: 1 }), upstream });
    assert.equal(one.count(100).size, 2);
  });
});
