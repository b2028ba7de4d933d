// Every policy against the shares it should give (chi-square over 20,000 picks), and while hosts
// come and go.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { loadBalancerFactories } from "../../../src/extensions/load-balancers/catalogue.ts";
import type { HealthStatus } from "../../../src/upstream/host.ts";
import type { LoadBalancingPolicy } from "../../../src/upstream/load-balancer.ts";
import { SeededRandom } from "../../kit/seeded-random.ts";
import { chiSquare, chiSquareLimit } from "./chi-square.ts";
import { BalancerBench, POLICIES, type TestMember } from "./load-balancer-suite.ts";

const PICKS = 20_000;
const PATH = "envoy.load_balancing_policies";
const TYPES = "type.googleapis.com/envoy.extensions.load_balancing_policies";

function policies(name: string, message: string) {
  const typedConfig = { typeUrl: `${TYPES}.${name}.v3.${message}`, value: {} };
  return { policies: [{ typedExtensionConfig: { name, typedConfig } }] };
}

/** Settings of the policies that need some. */
const CONFIGS: Readonly<Record<string, object>> = {
  [`${PATH}.ring_hash`]: { minimumRingSize: 1_000_000 },
  [`${PATH}.subset`]: {
    fallbackPolicy: "ANY_ENDPOINT",
    subsetLbPolicy: policies("random", "Random"),
  },
  [`${PATH}.wrr_locality`]: {
    endpointPickingPolicy: policies(
      "client_side_weighted_round_robin",
      "ClientSideWeightedRoundRobin",
    ),
  },
};

const SMALL_TABLES: Readonly<Record<string, object>> = {
  [`${PATH}.ring_hash`]: { minimumRingSize: 64 },
  [`${PATH}.maglev`]: { tableSize: 101 },
};

/** Those that choose among the hosts of a cluster by themselves. */
const factories = loadBalancerFactories().filter(({ name }) => name !== `${PATH}.cluster_provided`);

function policy(name: string): LoadBalancingPolicy {
  const factory = factories.find((one) => one.name === name)!;
  return factory.compile(CONFIGS[name] ?? {}, new CompileContext(), POLICIES)!;
}

function counts(bench: BalancerBench, ports: readonly number[]): number[] {
  const picked = bench.count(PICKS);
  bench.balancer.close?.();
  return ports.map((port) => picked.get(port) ?? 0);
}

describe("shares of hosts", () => {
  const ports = [1, 2, 3, 4, 5];
  for (const { name } of factories) {
    it(`are equal for equal hosts: ${name}`, () => {
      const bench = new BalancerBench(policy(name), 11).set(ports.map((port) => ({ port })));
      const found = counts(bench, ports);
      const statistic = chiSquare(
        found,
        ports.map(() => 0.2),
      );
      assert.ok(statistic < chiSquareLimit(4), `${found}: ${statistic}`);
    });
  }

  const weights = [1, 2, 3, 4, 10];
  const byWeight = ["round_robin", "least_request", "ring_hash", "maglev"];
  for (const name of byWeight) {
    it(`follow weights: ${name}`, () => {
      const members = ports.map((port, index) => ({ port, weight: weights[index]! }));
      const bench = new BalancerBench(policy(`${PATH}.${name}`), 12).set(members);
      const found = counts(bench, ports);
      const statistic = chiSquare(
        found,
        weights.map((weight) => weight / 20),
      );
      assert.ok(statistic < chiSquareLimit(4), `${found}: ${statistic}`);
    });
  }

  it("are those of two draws when one host is busy: least_request", () => {
    const bench = new BalancerBench(policy(`${PATH}.least_request`), 13);
    bench.set(ports.map((port) => ({ port })));
    for (let request = 0; request < 9; request++) bench.host(3).stats.requestStarted();
    // The busy one is chosen only when both draws hit it.
    const found = counts(bench, ports);
    const statistic = chiSquare(found, [0.24, 0.24, 0.04, 0.24, 0.24]);
    assert.ok(statistic < chiSquareLimit(4), `${found}: ${statistic}`);
  });

  it("follow the loads of priorities", () => {
    const members: TestMember[] = [
      { port: 1 },
      { port: 2, health: "UNHEALTHY" },
      { port: 3, priority: 1 },
    ];
    for (const { name } of factories) {
      const found = counts(new BalancerBench(policy(name), 14).set(members), [1, 2, 3]);
      const statistic = chiSquare(found, [0.7, 0, 0.3]);
      assert.ok(statistic < chiSquareLimit(1), `${name}: ${found}: ${statistic}`);
    }
  });
});

describe("hosts that come and go", () => {
  const HEALTH: readonly HealthStatus[] = [
    "HEALTHY",
    "HEALTHY",
    "HEALTHY",
    "UNHEALTHY",
    "DEGRADED",
  ];

  function membership(random: SeededRandom): TestMember[] {
    const members: TestMember[] = [];
    for (let port = 1; port <= 12; port++) {
      if (random.uint32() % 2 === 0) continue;
      const health = HEALTH[random.uint32() % HEALTH.length]!;
      const priority = random.uint32() % 3 === 0 ? 1 : 0;
      members.push({ port, health, weight: 1 + (random.uint32() % 3), priority });
    }
    return members;
  }

  /** Ten picks lead to hosts that are there, or nowhere when none is usable. */
  function check(name: string, bench: BalancerBench, members: readonly TestMember[]): void {
    const ports = new Set<number | null>(members.map(({ port }) => port));
    const healthy = members.some((one) => one.health === "HEALTHY");
    // A hash table has no degraded hosts: a priority of such has none.
    if (!healthy || /ring_hash|maglev/.test(name)) ports.add(null);
    for (let pick = 0; pick < 10; pick++) {
      const port = bench.pick();
      assert.ok(ports.has(port), `${port} of ${[...ports]}`);
    }
  }

  for (const factory of factories) {
    const { name } = factory;
    it(`never lead to one that is gone: ${name}`, () => {
      const random = new SeededRandom(15);
      const config = { ...CONFIGS[name], ...SMALL_TABLES[name] };
      const bench = new BalancerBench(factory.compile(config, new CompileContext(), POLICIES)!, 16);
      for (let change = 0; change < 300; change++) {
        const members = membership(random);
        bench.set(members, change % 3 === 0 ? 0 : 50);
        check(name, bench, members);
      }
      bench.balancer.close?.();
    });
  }

  for (const { name } of factories) {
    it(`may be ten thousand: ${name}`, () => {
      const config =
        CONFIGS[name] !== undefined && !name.endsWith("ring_hash") ? CONFIGS[name] : {};
      const factory = factories.find((one) => one.name === name)!;
      const bench = new BalancerBench(factory.compile(config, new CompileContext(), POLICIES)!, 17);
      const members = Array.from({ length: 10_000 }, (_, index) => ({ port: index + 1 }));
      bench.set(members);
      assert.ok(bench.count(1000).size > 900);
      bench.set(members.slice(1));
      assert.notEqual(bench.pick(), null);
      bench.balancer.close?.();
    });
  }
});
