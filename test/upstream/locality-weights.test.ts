import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { random } from "../../src/extensions/load-balancers/random/random.ts";
import { roundRobin } from "../../src/extensions/load-balancers/round-robin/round-robin.ts";
import { localityHealth, splitByLocality } from "../../src/upstream/locality.ts";
import { compileLocalityConfig, legacyLocalityConfig } from "../../src/upstream/locality-config.ts";
import { effectiveWeight } from "../../src/upstream/locality-weights.ts";
import { chiSquare, chiSquareLimit } from "../contract/load-balancer/chi-square.ts";
import {
  BalancerBench,
  POLICIES,
  type TestMember,
  zone,
} from "../contract/load-balancer/load-balancer-suite.ts";

const WEIGHTED = { localityLbConfig: { localityWeightedLbConfig: {} } };

function bench(factory = roundRobin): BalancerBench {
  return new BalancerBench(factory.compile(WEIGHTED, new CompileContext(), POLICIES)!);
}

const inZone = (
  name: string,
  ports: readonly number[],
  health?: "UNHEALTHY" | "DEGRADED",
): TestMember[] =>
  ports.map((port) => ({
    port,
    locality: zone(name),
    ...(health === undefined ? {} : { health }),
  }));

function shares(one: BalancerBench, ports: readonly number[], picks = 20_000): number[] {
  const counts = one.count(picks);
  return ports.map((port) => counts.get(port) ?? 0);
}

describe("locality weights", () => {
  it("decide between localities, whatever the number of hosts", () => {
    const one = bench(random).set([...inZone("a", [1, 2]), ...inZone("b", [3])], 50, {
      a: 1,
      b: 3,
    });
    const counts = shares(one, [1, 2, 3]);
    assert.ok(chiSquare(counts, [0.125, 0.125, 0.75]) < chiSquareLimit(2), `${counts}`);
  });

  it("shrink as hosts fail, beyond what is overprovisioned", () => {
    const members = [...inZone("a", [1]), ...inZone("a", [2], "UNHEALTHY"), ...inZone("b", [3, 4])];
    const one = bench(random).set(members, 0, { a: 1, b: 1 });
    // Half of zone a is worth 70 % of its weight.
    const counts = shares(one, [1, 3, 4]);
    assert.ok(
      chiSquare(counts, [0.7 / 1.7, 0.5 / 1.7, 0.5 / 1.7]) < chiSquareLimit(2),
      `${counts}`,
    );
  });

  it("leave localities without a weight alone", () => {
    const one = bench().set([...inZone("a", [1]), ...inZone("b", [2])], 50, { a: 1 });
    assert.deepEqual(shares(one, [1, 2], 100), [100, 0]);
  });

  it("that sum to zero leave the choice to the hosts", () => {
    const one = bench().set([...inZone("a", [1]), ...inZone("b", [2, 3])], 50, {});
    assert.deepEqual(shares(one, [1, 2, 3], 300), [100, 100, 100]);
  });

  it("do not count in panic", () => {
    const members = [
      ...inZone("a", [1], "UNHEALTHY"),
      ...inZone("b", [2, 3], "UNHEALTHY"),
      ...inZone("b", [4]),
    ];
    const one = bench().set(members, 50, { a: 1, b: 100 });
    assert.deepEqual(shares(one, [1, 2, 3, 4], 400), [100, 100, 100, 100]);
  });

  it("hold for degraded hosts among themselves", () => {
    const members = [...inZone("a", [1], "DEGRADED"), ...inZone("b", [2], "DEGRADED")];
    const one = bench().set(members, 50, { a: 1, b: 3 });
    assert.deepEqual(shares(one, [1, 2], 400), [100, 300]);
  });

  it("go on where a locality stopped when hosts change", () => {
    const one = bench().set(inZone("a", [1, 2, 3]), 50, { a: 1 });
    const first = [one.pick(), one.pick()];
    one.set(
      inZone("a", [1, 2, 3]).map((member) => ({ ...member, weight: 2 })),
      50,
      { a: 1 },
    );
    assert.equal(new Set([...first, one.pick()]).size, 3);
  });

  it("of a locality without usable or with excluded hosts only is nothing", () => {
    const group = {
      locality: zone("a"),
      hosts: [],
      healthy: [],
      degraded: [],
      weight: 5,
      excluded: 0,
    };
    assert.equal(effectiveWeight(group, 0, 140), 0);
    const excluded = { ...group, hosts: [{} as never], excluded: 1 };
    assert.equal(effectiveWeight(excluded, 1, 140), 0);
  });
});

describe("localities", () => {
  it("come in the order of their names, our own first", () => {
    const one = bench().set([
      { port: 1, locality: { region: "r", zone: "b", subZone: "" } },
      { port: 2, locality: { region: "r", zone: "a", subZone: "2" } },
      { port: 3, locality: { region: "q", zone: "z", subZone: "" } },
      { port: 4, locality: { region: "r", zone: "a", subZone: "1" } },
    ]);
    const groups = splitByLocality(one.members.sets[0]!.hosts, new Map());
    const order = (local: ReturnType<typeof zone>): number[] =>
      localityHealth(groups, local).map((group) => group.hosts[0]!.description.address.port);
    assert.deepEqual(order(zone("none")), [3, 4, 2, 1]);
    assert.deepEqual(order({ region: "r", zone: "b", subZone: "" }), [1, 3, 4, 2]);
  });

  it("are settings of typed policies and of common_lb_config", () => {
    const zoneAwareLbConfig = {
      minClusterSize: 2,
      routingEnabled: { value: 30.4 },
      failTrafficOnPanic: true,
    };
    const expected = {
      routingEnabled: 30,
      minClusterSize: 2,
      failTrafficOnPanic: true,
      forceLocalZoneMinSize: 0,
      byWeight: false,
    };
    assert.deepEqual(legacyLocalityConfig({ zoneAwareLbConfig }), {
      weighted: false,
      zoneAware: expected,
    });
    const typed = (config: object) =>
      compileLocalityConfig({ zoneAwareLbConfig: config }, new CompileContext()).zoneAware;
    assert.deepEqual(typed(zoneAwareLbConfig), expected);
    assert.equal(typed({ forceLocalZone: {} }).forceLocalZoneMinSize, 1);
    assert.equal(typed({ forceLocalZone: { minSize: 4 } }).forceLocalZoneMinSize, 4);
    assert.equal(typed({ forceLocalityDirectRouting: true }).forceLocalZoneMinSize, 1);
    assert.equal(typed({ localityBasis: "HEALTHY_HOSTS_WEIGHT" }).byWeight, true);
    assert.equal(typed({ routingEnabled: {} }).routingEnabled, 0);
    const context = new CompileContext();
    compileLocalityConfig(
      { zoneAwareLbConfig: { forceLocalityDirectRouting: true, forceLocalZone: {} } },
      context,
    );
    assert.equal(
      context.diagnostics[0]!.path,
      "zone_aware_lb_config.force_locality_direct_routing",
    );
  });
});
