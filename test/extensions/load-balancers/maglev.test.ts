import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { maglev } from "../../../src/extensions/load-balancers/maglev/maglev.ts";
import type { Maglev } from "../../../src/proto/generated/envoy/extensions/load_balancing_policies/maglev/v3.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import {
  BalancerBench,
  loadBalancerContract,
  POLICIES,
  type TestMember,
  zone,
} from "../../contract/load-balancer/load-balancer-suite.ts";

loadBalancerContract(maglev, { degraded: false });

function bench(config: Maglev = {}): BalancerBench {
  return new BalancerBench(maglev.compile(config, new CompileContext(), POLICIES)!);
}

const keyed = (port: number, weight: number = 1): TestMember => ({
  port,
  weight,
  metadata: { "envoy.lb": { hash_key: `host-${port}` } },
});

/** Host per place of the table. */
function places(one: BalancerBench, size: number): (number | null)[] {
  return Array.from({ length: size }, (_, hash) =>
    one.pick({ ...EMPTY_CONTEXT, hash: BigInt(hash) }),
  );
}

function share(all: readonly (number | null)[], port: number): number {
  return all.filter((one) => one === port).length / all.length;
}

describe("MAGLEV", () => {
  it("gives equal hosts equal parts of the table", () => {
    const one = bench({ tableSize: 1009 }).set([1, 2, 3, 4].map((port) => keyed(port)));
    const all = places(one, 1009);
    for (const port of [1, 2, 3, 4]) {
      assert.ok(Math.abs(share(all, port) - 0.25) <= 1 / 1009, `host ${port}`);
    }
    const scope = one.store.root.scope("maglev_lb");
    assert.equal(scope.gauge("min_entries_per_host").value(), 252);
    assert.equal(scope.gauge("max_entries_per_host").value(), 253);
  });

  it("follows weights", () => {
    const one = bench({ tableSize: 1009 }).set([keyed(1, 1), keyed(2, 3)]);
    assert.ok(Math.abs(share(places(one, 1009), 2) - 0.75) < 0.005);
  });

  it("does not depend on the order of the hosts", () => {
    const ports = [5, 3, 1, 4, 2];
    const one = bench({ tableSize: 101 }).set(ports.map((port) => keyed(port)));
    const other = bench({ tableSize: 101 }).set([...ports].sort().map((port) => keyed(port)));
    assert.deepEqual(places(one, 101), places(other, 101));
  });

  it("moves little when a host leaves", () => {
    const one = bench({ tableSize: 10007 }).set([1, 2, 3, 4, 5].map((port) => keyed(port)));
    const before = places(one, 10007);
    one.set([1, 2, 4, 5].map((port) => keyed(port)));
    const after = places(one, 10007);
    const moved = before.filter((port, at) => port !== 3 && port !== after[at]).length;
    assert.ok(moved < 0.06 * 10007, `${moved} of 10007 moved without need`);
  });

  it("looks elsewhere when the request objects", () => {
    const one = bench().set([1, 2, 3, 4, 5, 6, 7, 8].map((port) => keyed(port)));
    const offered = new Set<number>();
    one.balancer.chooseHost({
      ...EMPTY_CONTEXT,
      hash: 99n,
      hostSelectionAttempts: 30,
      shouldSelectAnotherHost: (host) => offered.add(host.description.address.port).size > 0,
    });
    assert.ok(offered.size > 4, `${offered.size} hosts in 30 attempts`);
  });

  it("takes locality weights into the table; without any there is no host", () => {
    const one = bench({ tableSize: 1009, localityWeightedLbConfig: {} });
    const members = [
      { ...keyed(1), locality: zone("a") },
      { ...keyed(2), locality: zone("b") },
      { ...keyed(3), locality: zone("b") },
      { ...keyed(4), locality: zone("c") },
    ];
    one.set(members, 50, { a: 3, b: 1 });
    const all = places(one, 1009);
    [0.75, 0.125, 0.125, 0].forEach((expected, index) => {
      assert.ok(Math.abs(share(all, index + 1) - expected) < 0.005, `host ${index + 1}`);
    });
    one.set(members, 50, {});
    assert.equal(one.pick(), null);
  });

  it("wants a prime for the table", () => {
    for (const tableSize of [0, 1, 4, 65536]) {
      const context = new CompileContext();
      assert.equal(maglev.compile({ tableSize }, context, POLICIES), null);
      assert.equal(context.diagnostics[0]!.path, "table_size");
    }
    assert.notEqual(maglev.compile({ tableSize: 2 }, new CompileContext(), POLICIES), null);
  });
});
