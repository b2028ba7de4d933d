import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { roundRobin } from "../../src/extensions/load-balancers/round-robin/round-robin.ts";
import type { Host } from "../../src/upstream/host.ts";
import { EMPTY_CONTEXT, type PriorityLoads } from "../../src/upstream/load-balancer.ts";
import { PriorityLoadBalancer } from "../../src/upstream/priority-load-balancer.ts";
import { BalancerBench, POLICIES } from "../contract/load-balancer/load-balancer-suite.ts";

function bench(): BalancerBench {
  return new BalancerBench(roundRobin.compile({}, new CompileContext(), POLICIES)!);
}

describe("PriorityLoadBalancer", () => {
  it("asks the request to shift the load between priorities", () => {
    const one = bench().set([{ port: 1 }, { port: 2, priority: 1 }]);
    assert.ok(one.balancer instanceof PriorityLoadBalancer);
    const seen: PriorityLoads[] = [];
    const context = {
      ...EMPTY_CONTEXT,
      priorityLoads: (loads: PriorityLoads) => {
        seen.push(loads);
        return { ...loads, healthy: [0, 100] };
      },
    };
    assert.equal(one.balancer.chooseHost(context)!.description.address.port, 2);
    assert.deepEqual(seen[0]!.healthy, [100, 0]);
  });

  it("chooses again while the request objects, as often as it allows", () => {
    const one = bench().set([{ port: 1 }, { port: 2 }, { port: 3 }]);
    const offered: number[] = [];
    const context = {
      ...EMPTY_CONTEXT,
      hostSelectionAttempts: 3,
      shouldSelectAnotherHost: (host: Host) => offered.push(host.description.address.port) > 0,
    };
    const chosen = one.balancer.chooseHost(context)!.description.address.port;
    assert.equal(offered.length, 3);
    assert.equal(chosen, offered[0], "the fourth of three in turn, without being asked about");
  });

  it("asks about no host when nothing may be chosen again", () => {
    const one = bench().set([{ port: 1 }]);
    const context = {
      ...EMPTY_CONTEXT,
      shouldSelectAnotherHost: () => assert.fail("asked"),
    };
    assert.notEqual(one.balancer.chooseHost(context), null);
  });
});
