import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { leastRequest } from "../../../src/extensions/load-balancers/least-request/least-request.ts";
import type { LeastRequest } from "../../../src/proto/generated/envoy/extensions/load_balancing_policies/least_request/v3.ts";
import {
  BalancerBench,
  defaultPolicy,
  loadBalancerContract,
  POLICIES,
} from "../../contract/load-balancer/load-balancer-suite.ts";

loadBalancerContract(leastRequest);

function bench(config: LeastRequest = {}, seed: number = 1): BalancerBench {
  return new BalancerBench(leastRequest.compile(config, new CompileContext(), POLICIES)!, seed);
}

function busy(one: BalancerBench, port: number, requests: number): void {
  for (let started = 0; started < requests; started++) one.host(port).stats.requestStarted();
}

describe("LEAST_REQUEST", () => {
  it("prefers the less busy of two draws", () => {
    const one = bench().set([{ port: 1 }, { port: 2 }]);
    busy(one, 1, 5);
    const counts = one.count(4000);
    // Host 1 is chosen only when both draws hit it.
    assert.ok(Math.abs((counts.get(1) ?? 0) - 1000) < 120, `${counts.get(1)} of 4000`);
  });

  it("draws choice_count hosts", () => {
    const one = bench({ choiceCount: 4 }).set([{ port: 1 }, { port: 2 }]);
    busy(one, 1, 5);
    const counts = one.count(4000);
    assert.ok(Math.abs((counts.get(1) ?? 0) - 250) < 80, `${counts.get(1)} of 4000`);
  });

  it("looks at every host with FULL_SCAN and spreads over ties", () => {
    const one = bench({ selectionMethod: "FULL_SCAN" }).set([
      { port: 1 },
      { port: 2 },
      { port: 3 },
    ]);
    busy(one, 2, 1);
    const counts = one.count(2000);
    assert.equal(counts.get(2), undefined);
    assert.ok(Math.abs(counts.get(1)! - 1000) < 120, `${counts.get(1)} of 2000`);
  });

  it("follows weights when they differ and nobody is busy", () => {
    const counts = bench()
      .set([
        { port: 1, weight: 1 },
        { port: 2, weight: 3 },
      ])
      .count(400);
    assert.deepEqual([counts.get(1), counts.get(2)], [100, 300]);
  });

  it("shrinks the weight of a busy host by active_request_bias", () => {
    const weights = [
      { port: 1, weight: 2 },
      { port: 2, weight: 1 },
    ];
    const strong = bench().set(weights);
    busy(strong, 1, 3);
    const share = strong.count(600);
    // 2/(3+1) against 1: one pick in three. Entries queued before the load keep their place once.
    assert.ok(Math.abs(share.get(1)! - 200) <= 2, `${share.get(1)} of 600`);
    const off = bench({ activeRequestBias: { defaultValue: 0, runtimeKey: "" } }).set(weights);
    busy(off, 1, 3);
    assert.equal(off.count(600).get(1), 400);
  });

  it("refuses a negative bias", () => {
    const context = new CompileContext();
    leastRequest.compile({ activeRequestBias: { defaultValue: -1 } }, context, POLICIES);
    assert.equal(context.ok(), false);
  });

  it("reads the legacy fields of the cluster", () => {
    const context = new CompileContext();
    const policy = leastRequest.compileLegacy(
      { leastRequestLbConfig: { choiceCount: 4 } },
      context,
    )!;
    const one = new BalancerBench(policy).set([{ port: 1 }, { port: 2 }]);
    busy(one, 1, 5);
    assert.ok((one.count(4000).get(1) ?? 0) < 400);
    assert.notEqual(policy, defaultPolicy(leastRequest));
  });
});
