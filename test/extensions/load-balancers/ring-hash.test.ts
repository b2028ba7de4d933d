import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { Ring } from "../../../src/extensions/load-balancers/ring-hash/ring.ts";
import { ringHash } from "../../../src/extensions/load-balancers/ring-hash/ring-hash.ts";
import type { RingHash } from "../../../src/proto/generated/envoy/extensions/load_balancing_policies/ring_hash/v3.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import {
  BalancerBench,
  loadBalancerContract,
  POLICIES,
  type TestMember,
} from "../../contract/load-balancer/load-balancer-suite.ts";

loadBalancerContract(ringHash, { degraded: false });

function bench(config: RingHash = {}): BalancerBench {
  return new BalancerBench(ringHash.compile(config, new CompileContext(), POLICIES)!);
}

function withKey(port: number, more: Partial<TestMember> = {}): TestMember {
  return { port, metadata: { "envoy.lb": { hash_key: `host-${port}` } }, ...more };
}

const members = (count: number): TestMember[] =>
  Array.from({ length: count }, (_, index) => ({ port: index + 1 }));

/** Host per hash, for many hashes. */
function picks(one: BalancerBench, count: number = 2000): (number | null)[] {
  return Array.from({ length: count }, (_, index) => {
    const hash = BigInt.asUintN(64, BigInt(index + 1) * 0x9e3779b97f4a7c15n);
    return one.pick({ ...EMPTY_CONTEXT, hash });
  });
}

function sizes(one: BalancerBench): number[] {
  const scope = one.store.root.scope("ring_hash_lb");
  return ["size", "min_hashes_per_host", "max_hashes_per_host"].map((name) =>
    scope.gauge(name).value(),
  );
}

describe("RING_HASH", () => {
  it("sizes the ring by the smallest weight", () => {
    assert.deepEqual(sizes(bench().set(members(2))), [1024, 512, 512]);
    assert.deepEqual(sizes(bench().set(members(3))), [1026, 342, 342]);
    const weighted = [
      { port: 1, weight: 1 },
      { port: 2, weight: 3 },
    ];
    assert.deepEqual(sizes(bench().set(weighted)), [1024, 256, 768]);
    const cut = bench({ minimumRingSize: 2, maximumRingSize: 3 });
    assert.deepEqual(sizes(cut.set(members(5))), [3, 0, 1]);
  });

  it("sends equal hashes to the same host, and most still after a host left", () => {
    const one = bench().set([1, 2, 3, 4, 5].map((port) => withKey(port)));
    const before = picks(one);
    assert.deepEqual(picks(one), before);
    one.set([1, 2, 4, 5].map((port) => withKey(port)));
    const after = picks(one);
    assert.ok(!after.includes(3));
    // Fewer hosts get more places each, so a few more move than had to.
    const moved = before.filter((port, index) => port !== 3 && port !== after[index]).length;
    assert.ok(moved < 0.25 * before.length, `${moved} of ${before.length}`);
    one.set([1, 2, 3, 4, 5].map((port) => withKey(port)));
    assert.deepEqual(picks(one), before, "as it was once the host is back");
  });

  it("follows weights", () => {
    const one = bench({ minimumRingSize: 65536 }).set([
      withKey(1, { weight: 1 }),
      withKey(2, { weight: 9 }),
    ]);
    const first = picks(one, 20_000).filter((port) => port === 1).length;
    assert.ok(Math.abs(first - 2000) < 250, `${first} of 20000`);
  });

  it("stands elsewhere with another hash function or other keys", () => {
    const keyed = [1, 2, 3].map((port) => withKey(port));
    const xx = picks(bench().set(keyed));
    assert.notDeepEqual(picks(bench({ hashFunction: "MURMUR_HASH_2" }).set(keyed)), xx);
    assert.notDeepEqual(picks(bench().set(members(3))), xx);
    const named = members(3).map(({ port }) => ({ port, hostname: `host-${port}` }));
    const byName = bench({ consistentHashingLbConfig: { useHostnameForHashing: true } });
    assert.deepEqual(picks(byName.set(named)), xx, "a hostname is as good a key");
  });

  it("moves along the ring when the request objects", () => {
    const one = bench().set([1, 2, 3].map((port) => withKey(port)));
    const offered: number[] = [];
    const context = {
      ...EMPTY_CONTEXT,
      hash: 1n,
      hostSelectionAttempts: 20,
      shouldSelectAnotherHost: (host: { description: { address: { port: number } } }) => {
        offered.push(host.description.address.port);
        return true;
      },
    };
    one.balancer.chooseHost(context);
    assert.equal(offered.length, 20);
    assert.equal(new Set(offered).size, 3);
  });

  it("chooses any host without a hash", () => {
    assert.equal(bench().set(members(4)).count(400).size, 4);
  });

  it("takes what is over the bound to another host, always the same for one hash", () => {
    const bounded = { consistentHashingLbConfig: { hashBalanceFactor: 150 } };
    const one = bench(bounded).set([1, 2, 3, 4].map((port) => withKey(port)));
    const context = { ...EMPTY_CONTEXT, hash: 12345n };
    const first = one.pick(context)!;
    for (let busy = 0; busy < 10; busy++) one.host(first).stats.requestStarted();
    const second = one.pick(context)!;
    assert.notEqual(second, first);
    assert.equal(one.pick(context), second);
    for (const port of [1, 2, 3, 4]) {
      if (port !== first)
        for (let busy = 0; busy < 9; busy++) one.host(port).stats.requestStarted();
    }
    assert.equal(one.pick(context), first, "everyone is busy: the share is kept again");
  });

  it("refuses a minimum above the maximum", () => {
    const context = new CompileContext();
    const config = { minimumRingSize: 10, maximumRingSize: 9 };
    assert.equal(ringHash.compile(config, context, POLICIES), null);
    assert.equal(context.diagnostics[0]!.path, "minimum_ring_size");
    const legacy = new CompileContext();
    ringHash.compileLegacy({ ringHashLbConfig: { minimumRingSize: 9e6 } }, legacy);
    assert.equal(legacy.diagnostics[0]!.path, "ring_hash_lb_config.minimum_ring_size");
  });

  it("keeps every place of a large ring in order", () => {
    const one = bench({ minimumRingSize: 200_000 }).set([1, 2, 3].map((port) => withKey(port)));
    const { hosts } = one.members.sets[0]!;
    const source = {
      hosts,
      weights: [1 / 3, 1 / 3, 1 / 3],
      descriptions: hosts.map((host) => host.description),
      min: 1 / 3,
      max: 1 / 3,
    };
    const settings = { minSize: 200_000, maxSize: 8e6, murmur: false, useHostname: false };
    const ring = new Ring(source, settings, null);
    const { high, low } = ring as unknown as { high: Uint32Array; low: Uint32Array };
    assert.equal(high.length, 200_001);
    for (let at = 1; at < high.length; at++) {
      const falls =
        high[at - 1]! > high[at]! || (high[at - 1] === high[at] && low[at - 1]! > low[at]!);
      assert.ok(!falls, `place ${at}`);
    }
  });
});
