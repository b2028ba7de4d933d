import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { equalWeights } from "../../../src/extensions/common/weighted-hosts.ts";
import { roundRobin } from "../../../src/extensions/load-balancers/round-robin/round-robin.ts";
import {
  BalancerBench,
  defaultPolicy,
  loadBalancerContract,
  POLICIES,
} from "../../contract/load-balancer/load-balancer-suite.ts";

loadBalancerContract(roundRobin);

describe("ROUND_ROBIN", () => {
  const policy = defaultPolicy(roundRobin);

  function picks(bench: BalancerBench, count: number): (number | null)[] {
    return Array.from({ length: count }, () => bench.pick());
  }

  it("takes equal hosts in turn, from a random start", () => {
    const starts = new Set<number | null>();
    for (let seed = 1; seed <= 20; seed++) {
      const bench = new BalancerBench(policy, seed).set([{ port: 1 }, { port: 2 }, { port: 3 }]);
      const six = picks(bench, 6);
      assert.deepEqual(six.slice(0, 3), six.slice(3));
      assert.deepEqual([...six.slice(0, 3)].sort(), [1, 2, 3]);
      starts.add(six[0]!);
    }
    assert.equal(starts.size, 3);
  });

  it("gives each host its weight in every round", () => {
    const bench = new BalancerBench(policy).set([
      { port: 1, weight: 1 },
      { port: 2, weight: 2 },
      { port: 3, weight: 5 },
    ]);
    for (let round = 0; round < 5; round++) {
      const counts = bench.count(80);
      assert.deepEqual([counts.get(1), counts.get(2), counts.get(3)], [10, 20, 50]);
    }
  });

  it("goes on from its place after an update", () => {
    const bench = new BalancerBench(policy).set([{ port: 1 }, { port: 2 }, { port: 3 }]);
    const first = bench.pick()!;
    bench.set([{ port: 1 }, { port: 2 }, { port: 3 }, { port: 4 }]);
    assert.equal(bench.pick(), first + 1);
  });

  it("needs no schedule when all weights are equal", () => {
    const bench = new BalancerBench(policy).set([
      { port: 1, weight: 4 },
      { port: 2, weight: 4 },
    ]);
    assert.equal(equalWeights(bench.members.sets[0]!.hosts), true);
    assert.deepEqual([...bench.count(10).values()], [5, 5]);
    bench.set([{ port: 1, weight: 4 }, { port: 2 }]);
    assert.equal(equalWeights(bench.members.sets[0]!.hosts), false);
  });

  it("names slow start without a window", () => {
    const context = new CompileContext();
    roundRobin.compile({ slowStartConfig: {} }, context, POLICIES);
    assert.deepEqual(
      context.diagnostics.map((one) => [one.severity, one.path]),
      [["warning", "slow_start_config.slow_start_window"]],
    );
  });
});
