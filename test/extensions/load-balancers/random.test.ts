import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { random } from "../../../src/extensions/load-balancers/random/random.ts";
import {
  BalancerBench,
  defaultPolicy,
  loadBalancerContract,
} from "../../contract/load-balancer/load-balancer-suite.ts";

loadBalancerContract(random);

describe("RANDOM", () => {
  it("ignores weights", () => {
    const bench = new BalancerBench(defaultPolicy(random)).set([
      { port: 1, weight: 100 },
      { port: 2, weight: 1 },
    ]);
    const counts = bench.count(2000);
    assert.ok(Math.abs(counts.get(1)! - 1000) < 100, `${counts.get(1)} of 2000`);
  });

  it("may choose the same host twice in a row", () => {
    const bench = new BalancerBench(defaultPolicy(random)).set([{ port: 1 }, { port: 2 }]);
    let repeats = 0;
    for (let last = bench.pick(), pick = 0; pick < 100; pick++) {
      const next = bench.pick();
      if (next === last) repeats++;
      last = next;
    }
    assert.ok(repeats > 20);
  });
});
