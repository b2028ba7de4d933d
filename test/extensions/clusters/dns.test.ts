import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  dns as dnsCluster,
  logicalDns,
  strictDns,
} from "../../../src/extensions/clusters/dns/dns.ts";
import { resolveFamilies } from "../../../src/extensions/common/dns/lookup-family.ts";
import type { DnsAnswer } from "../../../src/platform/dns.ts";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { DnsCluster } from "../../../src/proto/generated/envoy/extensions/clusters/dns/v3.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import { clusterContract } from "../../contract/cluster/cluster-suite.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";
import { FakeDns } from "../../upstream/fake-dns.ts";
import {
  compileWith,
  request,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

const SECOND = { seconds: 1, nanos: 0 };

function endpoint(name: string) {
  return { endpoint: { address: { socketAddress: { address: name, portValue: 1000 } } } };
}

function named(type: "STRICT_DNS" | "LOGICAL_DNS", names: string[], more: Partial<Cluster> = {}) {
  return {
    name: "c",
    type,
    dnsLookupFamily: "V4_ONLY",
    loadAssignment: { clusterName: "c", endpoints: [{ lbEndpoints: names.map(endpoint) }] },
    ...more,
  } satisfies Cluster;
}

function typed(value: DnsCluster): Cluster {
  const { type: _type, dnsLookupFamily: _family, ...rest } = named("STRICT_DNS", ["one"]);
  const typeUrl = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
  return { ...rest, clusterType: { name: "envoy.clusters.dns", typedConfig: { typeUrl, value } } };
}

interface Named {
  readonly dns: FakeDns;
  readonly fixture: UpstreamFixture;
}

function fixture(): Named {
  const time = new SimulatedTime();
  const dns = new FakeDns(time);
  return { dns, fixture: upstreamFixture({ dns, time }) };
}

function addresses({ fixture: one }: Named): string[] {
  return one.manager
    .describe()
    .flatMap(({ hosts }) => hosts.map((host) => host.description.addressText));
}

clusterContract(strictDns.type, () => {
  const one = fixture();
  one.dns.set("one", ["127.0.0.1"]);
  return {
    fixture: one.fixture,
    message: named("STRICT_DNS", ["one"]),
    grow: async () => {
      one.dns.set("one", ["127.0.0.1", "127.0.0.2"]);
      await one.fixture.time.advance(5100);
    },
  };
});

clusterContract(logicalDns.type, () => {
  const one = fixture();
  one.dns.set("one", ["127.0.0.1", "127.0.0.9"]);
  return { fixture: one.fixture, message: named("LOGICAL_DNS", ["one"]), grow: null };
});

clusterContract(dnsCluster.name, () => {
  const one = fixture();
  one.dns.set("one", ["127.0.0.1"]);
  return {
    fixture: one.fixture,
    message: typed({ dnsLookupFamily: "V4_ONLY", dnsRefreshRate: SECOND }),
    grow: async () => {
      one.dns.set("one", ["127.0.0.1", "127.0.0.2"]);
      await one.fixture.time.advance(1100);
    },
  };
});

describe("STRICT_DNS", () => {
  it("keeps its hosts when the name cannot be resolved, and drops them when it is empty", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.fixture.add(named("STRICT_DNS", ["one"]));
    await one.fixture.time.advance(10);
    one.dns.fail("one");
    await one.fixture.time.advance(5100);
    assert.deepEqual(addresses(one), ["127.0.0.1:1000"]);
    assert.equal(one.fixture.stat("cluster.c.update_failure"), 1);
    one.dns.set("one", []);
    await one.fixture.time.advance(5100);
    assert.deepEqual(addresses(one), []);
    assert.equal(one.fixture.stat("cluster.c.update_success"), 2);
    assert.equal(one.fixture.stat("cluster.c.update_attempt"), 3);
    one.fixture.manager.close(() => undefined);
  });

  it("begins when the first of several names has answered", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.dns.fail("two");
    one.fixture.add(named("STRICT_DNS", ["two", "one"]));
    assert.equal(one.fixture.manager.lookup("c").kind, "later");
    await one.fixture.time.advance(0);
    assert.equal(one.fixture.manager.lookup("c").kind, "now");
    await one.fixture.time.advance(10);
    assert.deepEqual(addresses(one), ["127.0.0.1:1000"]);
    one.fixture.manager.close(() => undefined);
  });

  it("makes two hosts of two names with one address, named after their names", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.dns.set("two", ["127.0.0.1", "127.0.0.1"]);
    one.fixture.add(named("STRICT_DNS", ["one", "two"]));
    await one.fixture.time.advance(10);
    const hosts = one.fixture.manager.describe()[0]!.hosts;
    assert.deepEqual(
      hosts.map((host) => [host.description.hostname, host.description.addressText]),
      [
        ["one", "127.0.0.1:1000"],
        ["two", "127.0.0.1:1000"],
      ],
    );
    one.fixture.manager.close(() => undefined);
  });

  it("waits for the TTL instead of the refresh rate when it respects it", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"], 60_000);
    one.fixture.add(named("STRICT_DNS", ["one"], { respectDnsTtl: true }));
    await one.fixture.time.advance(59_000);
    assert.equal(one.dns.asked.length, 1);
    await one.fixture.time.advance(3_000);
    assert.equal(one.dns.asked.length, 2);
    one.fixture.manager.close(() => undefined);
  });

  it("adds a random part below dns_jitter to every wait", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    const message = named("STRICT_DNS", ["one"], {
      dnsRefreshRate: SECOND,
      dnsJitter: { seconds: 10, nanos: 0 },
    });
    one.fixture.add(message);
    await one.fixture.time.advance(60_000);
    const asked = one.dns.asked.length;
    assert.ok(asked > 6 && asked < 25, `${asked} questions in a minute`);
    one.fixture.manager.close(() => undefined);
  });

  it("backs off after failures up to max_interval, and starts over after a success", async () => {
    const one = fixture();
    one.dns.fail("one");
    const message = named("STRICT_DNS", ["one"], {
      dnsFailureRefreshRate: { baseInterval: SECOND, maxInterval: { seconds: 2, nanos: 0 } },
      dnsRefreshRate: { seconds: 100, nanos: 0 },
    });
    one.fixture.add(message);
    await one.fixture.time.advance(50_000);
    // Waits are uniform below 1 s once, then below 2 s: about one a second.
    const failures = one.dns.asked.length;
    assert.ok(failures > 30 && failures < 90, `${failures} questions in 50 s`);
    one.dns.set("one", ["127.0.0.1"]);
    await one.fixture.time.advance(3_000);
    const asked = one.dns.asked.length;
    await one.fixture.time.advance(90_000);
    assert.equal(one.dns.asked.length, asked, "after a success the refresh rate counts");
    one.fixture.manager.close(() => undefined);
  });

  it("counts an answer that changes nothing", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.fixture.add(named("STRICT_DNS", ["one"]));
    await one.fixture.time.advance(10_500);
    assert.equal(one.fixture.stat("cluster.c.update_no_rebuild"), 2);
    assert.equal(one.fixture.stat("cluster.c.membership_change"), 1);
    assert.equal(one.fixture.stat("cluster.c.max_host_weight"), 1);
    one.fixture.manager.close(() => undefined);
  });

  it("asks nothing more once removed", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.fixture.add(named("STRICT_DNS", ["one"]));
    await one.fixture.time.advance(10);
    one.dns.hold();
    await one.fixture.time.advance(5_100);
    one.fixture.manager.remove("c", "static");
    one.dns.release();
    await one.fixture.time.advance(60_000);
    assert.equal(one.dns.asked.length, 2);
    assert.equal(one.fixture.dispatcher.armedTimers, 0);
  });
});

describe("LOGICAL_DNS", () => {
  it("takes exactly one endpoint", () => {
    const { config, context } = compileWith(named("LOGICAL_DNS", ["one", "two"]));
    assert.equal(config, null);
    assert.match(context.diagnostics[0]!.message, /single locality_lb_endpoint and a single/);
  });

  it("sends new connections to a new address and leaves existing ones alone", async () => {
    const one = fixture();
    const time = one.fixture.time;
    const old = await new TestUpstream().listen(one.fixture.network, 1000);
    const next = await new TestUpstream().listen(one.fixture.network, 1000, "127.0.0.2");
    one.dns.set("one", ["127.0.0.1"]);
    one.fixture.add(named("LOGICAL_DNS", ["one"]));
    await time.advance(10);
    const cluster = one.fixture.cluster("c");
    const first = request(cluster);
    await time.advance(0);
    const host = first.host!;
    one.dns.set("one", ["127.0.0.2"]);
    await time.advance(5_100);
    assert.deepEqual(addresses(one), ["127.0.0.2:1000"]);
    assert.equal(cluster.chooseHost(EMPTY_CONTEXT), host, "the same host");
    const second = request(cluster);
    await time.advance(0);
    assert.equal(first.upstream!.hostAddress, "127.0.0.1:1000");
    assert.equal(second.upstream!.hostAddress, "127.0.0.2:1000");
    assert.equal(one.fixture.stat("cluster.c.membership_change"), 1);
    old.answer(0);
    next.answer(0);
    await time.advance(0);
    assert.deepEqual(first.events, ["ready", "status 200 end"]);
    one.fixture.manager.close(() => undefined);
    old.close();
    next.close();
  });

  it("keeps the address when an answer is empty", async () => {
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.fixture.add(named("LOGICAL_DNS", ["one"]));
    await one.fixture.time.advance(10);
    one.dns.set("one", []);
    await one.fixture.time.advance(5_100);
    assert.deepEqual(addresses(one), ["127.0.0.1:1000"]);
    one.fixture.manager.close(() => undefined);
  });

  it("tries the other addresses when the first does not answer in 300 ms", async () => {
    const one = fixture();
    const time = one.fixture.time;
    const upstream = await new TestUpstream().listen(one.fixture.network, 1000, "127.0.0.2");
    one.fixture.network.ignore({ ip: "127.0.0.1", port: 1000 });
    one.dns.set("one", ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    one.fixture.add(named("LOGICAL_DNS", ["one"], { dnsLookupFamily: "ALL" }));
    await time.advance(10);
    const stream = request(one.fixture.cluster("c"));
    await time.advance(299);
    assert.deepEqual(stream.events, []);
    await time.advance(20);
    assert.deepEqual(stream.events, ["ready"]);
    assert.equal(stream.upstream!.hostAddress, "127.0.0.2:1000");
    upstream.answer(0);
    await time.advance(0);
    one.fixture.manager.close(() => undefined);
    upstream.close();
    await time.advance(0);
    assert.equal(one.fixture.network.open.size, 0);
    assert.equal(one.fixture.dispatcher.armedTimers, 0);
  });
});

describe("address families", () => {
  const both = ["10.0.0.1", "10.0.0.2", "fd00::1"];
  const cases = [
    { family: "V4_ONLY", ips: both, expected: ["10.0.0.1", "10.0.0.2"] },
    { family: "V6_ONLY", ips: both, expected: ["fd00::1"] },
    { family: "AUTO", ips: both, expected: ["fd00::1"] },
    { family: "AUTO", ips: ["10.0.0.1"], expected: ["10.0.0.1"] },
    { family: "V4_PREFERRED", ips: both, expected: ["10.0.0.1", "10.0.0.2"] },
    { family: "V4_PREFERRED", ips: ["fd00::1"], expected: ["fd00::1"] },
    { family: "ALL", ips: both, expected: ["fd00::1", "10.0.0.1", "10.0.0.2"] },
  ] as const;
  for (const { family, ips, expected } of cases) {
    it(`${family} takes ${expected.join(" ")} out of ${ips.join(" ")}`, async () => {
      const time = new SimulatedTime();
      const dns = new FakeDns(time);
      dns.set("name", ips);
      const answer = new Promise<DnsAnswer>((done) => resolveFamilies(dns, "name", family, done));
      await time.advance(1);
      const result = await answer;
      assert.equal(result.kind, "resolved");
      const found = result.kind === "resolved" ? result.addresses.map(({ ip }) => ip) : [];
      assert.deepEqual(found, expected);
    });
  }

  it("reports a failure when both families fail", async () => {
    const time = new SimulatedTime();
    const dns = new FakeDns(time);
    dns.fail("name");
    const answer = new Promise<DnsAnswer>((done) => resolveFamilies(dns, "name", "ALL", done));
    await time.advance(1);
    assert.deepEqual(await answer, { kind: "failure", code: "ESERVFAIL" });
  });
});

describe("DNS settings", () => {
  const refused: readonly [string, Partial<Cluster>, string][] = [
    [
      "dns_failure_refresh_rate",
      {
        dnsFailureRefreshRate: {
          baseInterval: { seconds: 5, nanos: 0 },
          maxInterval: SECOND,
        },
      },
      "max_interval greater than or equal to the base_interval",
    ],
    [
      "dns_resolvers[0]",
      { dnsResolvers: [{ socketAddress: { address: "ns.example", portValue: 53 } }] },
      "malformed IP address: ns.example",
    ],
    [
      "typed_dns_resolver_config",
      {
        typedDnsResolverConfig: {
          name: "envoy.network.dns_resolver.apple",
          typedConfig: {
            typeUrl:
              "type.googleapis.com/envoy.extensions.network.dns_resolver.apple.v3.AppleDnsResolverConfig",
            value: {},
          },
        },
      },
      'DNS resolver "envoy.network.dns_resolver.apple" is not supported',
    ],
  ];
  for (const [path, more, message] of refused) {
    it(`refuses ${path}`, () => {
      const { config, context } = compileWith(named("STRICT_DNS", ["one"], more));
      assert.equal(config, null);
      assert.ok(context.diagnostics.some((one) => one.message.includes(message)));
    });
  }

  it("asks the servers of the c-ares configuration", async () => {
    const typeUrl =
      "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
    const one = fixture();
    one.dns.set("one", ["127.0.0.1"]);
    one.fixture.add(
      named("STRICT_DNS", ["one"], {
        typedDnsResolverConfig: {
          name: "envoy.network.dns_resolver.cares",
          typedConfig: {
            typeUrl,
            value: {
              resolvers: [
                { socketAddress: { address: "10.0.0.53", portValue: 53 } },
                { socketAddress: { address: "fd00::53", portValue: 5353 } },
              ],
            },
          },
        },
      }),
    );
    await one.fixture.time.advance(10);
    assert.deepEqual(one.dns.servers, ["10.0.0.53:53", "[fd00::53]:5353"]);
    assert.deepEqual(addresses(one), ["127.0.0.1:1000"]);
    one.fixture.manager.close(() => undefined);
  });
});
