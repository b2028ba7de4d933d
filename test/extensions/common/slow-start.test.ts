import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../../src/config/runtime.ts";
import {
  compileRuntimeDouble,
  runtimeDouble,
} from "../../../src/extensions/common/runtime-double.ts";
import { compileSlowStart, SlowStart } from "../../../src/extensions/common/slow-start.ts";
import { leastRequest } from "../../../src/extensions/load-balancers/least-request/least-request.ts";
import { roundRobin } from "../../../src/extensions/load-balancers/round-robin/round-robin.ts";
import type { SlowStartConfig } from "../../../src/proto/generated/envoy/extensions/load_balancing_policies/common/v3.ts";
import { HealthFlag } from "../../../src/upstream/host.ts";
import { BalancerBench, POLICIES } from "../../contract/load-balancer/load-balancer-suite.ts";

const WINDOW: SlowStartConfig = { slowStartWindow: { seconds: 100, nanos: 0 } };

function bench(config: SlowStartConfig = WINDOW, runtime = DEFAULT_RUNTIME): BalancerBench {
  const policy = roundRobin.compile({ slowStartConfig: config }, new CompileContext(), POLICIES)!;
  return new BalancerBench(policy, 1, { runtime });
}

/** Percent of picks that port 2 gets. */
function share(one: BalancerBench, picks = 2000): number {
  return Math.round((100 * (one.count(picks).get(2) ?? 0)) / picks);
}

/** Port 1 is long past its window; port 2 comes now. */
async function newcomer(one: BalancerBench): Promise<void> {
  one.set([{ port: 1 }]);
  await one.time.advance(1_000_000);
  one.set([{ port: 1 }, { port: 2 }]);
}

describe("slow start", () => {
  it("gives a new host a growing part of its share", async () => {
    const one = bench();
    await newcomer(one);
    assert.equal(share(one), 9, "a tenth of the weight");
    await one.time.advance(25_000);
    assert.equal(share(one), 20, "a quarter");
    await one.time.advance(75_000);
    assert.equal(share(one), 50);
  });

  it("obeys min_weight_percent and aggression", async () => {
    const one = bench({
      ...WINDOW,
      minWeightPercent: { value: 1 },
      aggression: { defaultValue: 2, runtimeKey: "" },
    });
    await newcomer(one);
    await one.time.advance(4000);
    const part = share(one, 10_000);
    assert.ok(Math.abs(part - 17) <= 1, `√0.04 is a fifth of the weight: ${part}`);
  });

  it("takes aggression from the runtime; nonsense counts as 1", async () => {
    const config = { ...WINDOW, aggression: { defaultValue: 2, runtimeKey: "k" } };
    const runtime = { ...DEFAULT_RUNTIME, getDouble: () => -3 };
    const one = bench(config, runtime);
    await newcomer(one);
    await one.time.advance(25_000);
    assert.equal(share(one), 20);
  });

  it("begins anew when a host passes its health check again", async () => {
    const one = bench();
    await newcomer(one);
    await one.time.advance(1_000_000);
    const host = one.host(2);
    host.setHealthFlag(HealthFlag.FailedActiveHealthCheck);
    one.set([{ port: 1 }, { port: 2 }]);
    host.clearHealthFlag(HealthFlag.FailedActiveHealthCheck);
    one.set([{ port: 1 }, { port: 2, weight: 1 }]);
    one.refresh();
    assert.equal(share(one), 9);
  });

  it("does not begin for a host that only had another weight", async () => {
    const one = bench();
    await newcomer(one);
    await one.time.advance(1_000_000);
    one.set([
      { port: 1, weight: 3 },
      { port: 2, weight: 3 },
    ]);
    assert.equal(share(one), 50);
  });

  it("goes with least request too", async () => {
    const config = { slowStartConfig: WINDOW };
    const policy = leastRequest.compile(config, new CompileContext(), POLICIES)!;
    const one = new BalancerBench(policy);
    await newcomer(one);
    assert.equal(share(one), 9);
  });

  it("is over for all once the window of the latest is over", async () => {
    const one = bench();
    one.set([{ port: 1 }, { port: 2 }]);
    const starter = new SlowStart(compileSlowStart(WINDOW, new CompileContext())!, one.services);
    starter.update(one.members.sets);
    assert.equal(starter.active(), true);
    assert.equal(starter.share(one.host(1)), 0.1);
    await one.time.advance(100_001);
    assert.equal(starter.active(), false);
    assert.equal(starter.share(one.host(1)), 1);
  });

  it("is off without a window, and that is said", () => {
    const context = new CompileContext();
    assert.equal(compileSlowStart({}, context), null);
    assert.equal(context.diagnostics[0]!.path, "slow_start_config.slow_start_window");
    assert.equal(compileSlowStart(undefined, context), null);
  });
});

describe("runtime doubles", () => {
  it("have a default, and a key that may override it", () => {
    assert.deepEqual(compileRuntimeDouble(undefined, 7), { key: "", defaultValue: 7 });
    assert.deepEqual(compileRuntimeDouble({ runtimeKey: "k" }, 7), { key: "k", defaultValue: 0 });
    const runtime = { ...DEFAULT_RUNTIME, getDouble: (key: string) => key.length };
    assert.equal(runtimeDouble({ key: "abc", defaultValue: 1 }, runtime), 3);
    assert.equal(runtimeDouble({ key: "", defaultValue: 1 }, runtime), 1);
  });
});
