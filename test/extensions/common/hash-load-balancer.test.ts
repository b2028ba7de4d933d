import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestHeaderMap } from "../../../src/codec/header-map.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { BoundedLoad } from "../../../src/extensions/common/bounded-load.ts";
import { compileHashConfig, legacyHashConfig } from "../../../src/extensions/common/hash-config.ts";
import { hashKey } from "../../../src/extensions/common/hash-key.ts";
import {
  HashLoadBalancer,
  type HashTable,
} from "../../../src/extensions/common/hash-load-balancer.ts";
import { Hash64, remainder64 } from "../../../src/extensions/common/hash64.ts";
import { ConnectionInfo, StreamInfo } from "../../../src/network/stream-info.ts";
import { requestHeaderName } from "../../../src/route/header-matcher.ts";
import {
  type ClusterLoadBalancer,
  EMPTY_CONTEXT,
  type LoadBalancingPolicy,
} from "../../../src/upstream/load-balancer.ts";
import { BalancerBench } from "../../contract/load-balancer/load-balancer-suite.ts";

/** Chooses by the remainder; counts the tables it makes. */
class Remainders implements LoadBalancingPolicy {
  readonly name = "remainders";
  readonly config: ReturnType<typeof legacyHashConfig>;
  made = 0;

  constructor(config = legacyHashConfig(undefined)) {
    this.config = config;
  }

  createBalancer(services: BalancerBench["services"]): ClusterLoadBalancer {
    const factor = this.config.balanceFactor;
    const bounded = factor === 0 ? null : new BoundedLoad(factor, services);
    const createTable = (source: HashTable["source"]): HashTable => {
      this.made++;
      return {
        source,
        choose: (hash, attempt) =>
          source.hosts.length === 0
            ? -1
            : (hash.remainder(source.hosts.length) + attempt) % source.hosts.length,
      };
    };
    return new HashLoadBalancer(this.config, { createTable }, bounded, services);
  }
}

const SOURCE = { ip: "192.0.2.1", port: 1 };
const streamInfo = new StreamInfo(new ConnectionInfo(1, SOURCE, SOURCE), 0, 0);

describe("HashLoadBalancer", () => {
  it("takes priority and host from the same hash", () => {
    const one = new BalancerBench(new Remainders()).set([
      { port: 1 },
      { port: 2, health: "UNHEALTHY" },
      { port: 3, priority: 1 },
      { port: 4, priority: 1 },
    ]);
    // 70 % of the load stays: hashes of 70 and more (mod 100) leave.
    const pick = (hash: bigint): number | null => one.pick({ ...EMPTY_CONTEXT, hash });
    assert.deepEqual([0n, 69n, 70n, 71n, 100n].map(pick), [1, 1, 3, 4, 1]);
    assert.equal(pick(2n ** 64n - 1n), 1, "2⁶⁴−1 is 15 mod 100");
  });

  it("keeps a table while its hosts are the same", () => {
    const policy = new Remainders();
    const one = new BalancerBench(policy).set([{ port: 1 }, { port: 2 }]);
    assert.equal(policy.made, 1);
    one.balancer.update(one.members, 50);
    assert.equal(policy.made, 1);
    one.set([{ port: 1 }, { port: 2, metadata: { "envoy.lb": { hash_key: "new" } } }]);
    assert.equal(policy.made, 2, "a key may have changed");
    one.set([{ port: 1, weight: 2 }, { port: 2 }]);
    assert.equal(policy.made, 3);
  });

  it("hashes the request itself when the policy says how", () => {
    const hashing = compileHashConfig(
      { hashPolicy: [{ header: { headerName: "x-key" } }] },
      false,
      new CompileContext(),
    );
    const one = new BalancerBench(new Remainders(hashing)).set([
      { port: 1 },
      { port: 2 },
      { port: 3 },
    ]);
    const chosen = ["a", "b", "c", "d", "e", "f"].map((value) => {
      const requestHeaders = new RequestHeaderMap();
      requestHeaders.set(requestHeaderName("x-key"), value);
      const context = { ...EMPTY_CONTEXT, hash: 0n, streamInfo, requestHeaders };
      const first = one.pick(context);
      assert.equal(one.pick(context), first);
      return first;
    });
    assert.ok(new Set(chosen).size > 1, "not by the hash of the route");
  });

  it("adds the cookie that its own policy makes up", () => {
    const cookie = { name: "s", ttl: { seconds: 60, nanos: 0 } };
    const hashing = compileHashConfig({ hashPolicy: [{ cookie }] }, false, new CompileContext());
    const one = new BalancerBench(new Remainders(hashing)).set([{ port: 1 }]);
    const cookies: string[] = [];
    const addCookie = (text: string): void => void cookies.push(text);
    one.pick({ ...EMPTY_CONTEXT, streamInfo, addCookie });
    assert.match(cookies[0]!, /^s="[0-9a-f]{16}"; Max-Age=60; HttpOnly$/);
  });

  it("names what is wrong with a hash policy at its place", () => {
    const context = new CompileContext("at");
    compileHashConfig({ hashPolicy: [{}] }, false, context);
    assert.equal(context.diagnostics[0]!.path, "at.hash_policy[0]");
  });
});

describe("bounded load", () => {
  it("lets a host have its part of the factor and no more", () => {
    const policy = new Remainders({ ...legacyHashConfig(undefined), balanceFactor: 100 });
    const one = new BalancerBench(policy).set([{ port: 1 }, { port: 2 }]);
    const context = { ...EMPTY_CONTEXT, hash: 0n };
    const start = (port: number): void => one.host(port).stats.requestStarted();
    const chosen: number[] = [];
    for (let request = 0; request < 8; request++) {
      const port = one.pick(context)!;
      chosen.push(port);
      start(port);
    }
    // With n in flight a host may have ⌈(n+1)/2⌉: the second comes in when the first is over.
    const first = chosen.filter((port) => port === 1).length;
    assert.ok(first >= 4 && first <= 5, `${chosen}`);
  });
});

describe("hash keys", () => {
  it("are metadata, else the hostname when asked for, else the address", () => {
    const one = new BalancerBench(new Remainders()).set([
      { port: 1, hostname: "h", metadata: { "envoy.lb": { hash_key: "k" } } },
      { port: 2, hostname: "h", metadata: { "envoy.lb": { hash_key: 5 } } },
    ]);
    const keys = [1, 2].map((port) => one.host(port).description);
    assert.deepEqual(
      keys.map((key) => hashKey(key, true)),
      ["k", "h"],
    );
    assert.deepEqual(
      keys.map((key) => hashKey(key, false)),
      ["k", "127.0.0.1:2"],
    );
  });
});

describe("Hash64", () => {
  it("splits a hash and takes remainders exactly", () => {
    const hash = new Hash64();
    for (const value of [0n, 1n, 0xffffffffn, 0x123456789abcdef0n, 2n ** 64n - 1n]) {
      hash.take(value);
      assert.equal(hash.high, Number(value >> 32n));
      assert.equal(hash.low, Number(value & 0xffffffffn));
      for (const divisor of [1, 2, 100, 65_537, 5_000_011]) {
        assert.equal(hash.remainder(divisor), Number(value % BigInt(divisor)));
        assert.equal(remainder64(hash.high, hash.low, divisor), hash.remainder(divisor));
      }
    }
  });
});
