import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestHeaderMap } from "../../../src/codec/header-map.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import type { CachedHost } from "../../../src/extensions/common/dynamic-forward-proxy/cached-host.ts";
import type { DnsCache } from "../../../src/extensions/common/dynamic-forward-proxy/dns-cache.ts";
import { compileDnsCache } from "../../../src/extensions/common/dynamic-forward-proxy/dns-cache-config.ts";
import { ConnectionInfo, StreamInfo } from "../../../src/network/stream-info.ts";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { ClusterConfig } from "../../../src/proto/generated/envoy/extensions/clusters/dynamic_forward_proxy/v3.ts";
import { HealthFlag } from "../../../src/upstream/host.ts";
import { EMPTY_CONTEXT, type LoadBalancerContext } from "../../../src/upstream/load-balancer.ts";
import { clusterContract } from "../../contract/cluster/cluster-suite.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";
import { FakeDns } from "../../upstream/fake-dns.ts";
import {
  compileWith,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

const CACHE = { name: "main", dnsLookupFamily: "V4_ONLY" } as const;
const HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function message(config: ClusterConfig = {}, more: Partial<Cluster> = {}): Cluster {
  return {
    name: "c",
    lbPolicy: "CLUSTER_PROVIDED",
    clusterType: {
      name: "envoy.clusters.dynamic_forward_proxy",
      typedConfig: {
        typeUrl:
          "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
        value: { dnsCacheConfig: CACHE, ...config },
      },
    },
    ...more,
  };
}

function asking(
  authority: string,
  state: Readonly<Record<string, string>> = {},
): LoadBalancerContext {
  const requestHeaders = new RequestHeaderMap();
  requestHeaders.authority = authority;
  const local = { ip: "127.0.0.1", port: 1 };
  const streamInfo = new StreamInfo(new ConnectionInfo(1, local, local), 0, 0);
  for (const [key, value] of Object.entries(state)) {
    streamInfo.setFilterState(key, { serializeAsString: () => value });
  }
  return { ...EMPTY_CONTEXT, requestHeaders, streamInfo };
}

interface Lab {
  readonly time: SimulatedTime;
  readonly dns: FakeDns;
  readonly fixture: UpstreamFixture;
  /** As the HTTP filter holds it. */
  readonly cache: DnsCache;
  load(key: string): Promise<CachedHost>;
  close(): Promise<void>;
}

function lab(): Lab {
  const time = new SimulatedTime();
  const dns = new FakeDns(time);
  dns.set("web", ["10.0.0.1", "10.0.0.2"]);
  const fixture = upstreamFixture({ time, dns });
  const cache = fixture.dnsCaches.acquire(compileDnsCache(CACHE, new CompileContext())!);
  return {
    time,
    dns,
    fixture,
    cache,
    load: async (key) => {
      const host = cache.load(key, 80)!;
      await time.advance(0);
      return host;
    },
    close: async () => {
      fixture.manager.close(() => undefined);
      fixture.dnsCaches.release(cache);
      await time.advance(0);
      assert.equal(fixture.dispatcher.armedTimers, 0);
    },
  };
}

clusterContract("dynamic forward proxy", () => {
  const time = new SimulatedTime();
  const dns = new FakeDns(time);
  dns.set("127.0.0.1", ["127.0.0.1"]);
  return {
    fixture: upstreamFixture({ time, dns }),
    message: message({
      dnsCacheConfig: {
        ...CACHE,
        preresolveHostnames: [{ address: "127.0.0.1", portValue: 1000 }],
      },
    }),
    grow: null,
    context: asking("127.0.0.1:1000"),
  };
});

describe("dynamic forward proxy", () => {
  it("has the hosts that its cache has resolved, by name and port", async () => {
    const { fixture, load, close } = lab();
    fixture.add(message());
    const cluster = fixture.cluster("c");
    assert.equal(cluster.chooseHost(asking("web")), null);
    await load("web:80");
    await load("web:81");
    await load("nobody:80");
    const host = cluster.chooseHost(asking("web"))!;
    assert.equal(host.addressText, "10.0.0.1:80");
    assert.deepEqual(host.description.additionalAddresses, [{ ip: "10.0.0.2", port: 80 }]);
    assert.equal(host.description.hostname, "web:80");
    assert.equal(cluster.chooseHost(asking("web:81"))!.addressText, "10.0.0.1:81");
    assert.equal(cluster.chooseHost(asking("nobody")), null);
    assert.equal(cluster.chooseHost(asking("")), null);
    assert.equal(cluster.chooseHost(EMPTY_CONTEXT), null);
    assert.equal(fixture.stat("cluster.c.membership_total"), 2);
    await close();
  });

  it("takes name and port from filter state, or the name from SNI", async () => {
    const { fixture, load, close } = lab();
    fixture.add(message());
    await load("web:80");
    await load("web:81");
    const cluster = fixture.cluster("c");
    const stated = asking("other", {
      "envoy.upstream.dynamic_host": "web",
      "envoy.upstream.dynamic_port": "81",
    });
    assert.equal(cluster.chooseHost(stated)!.addressText, "10.0.0.1:81");
    const wrong = asking("web", { "envoy.upstream.dynamic_port": "70000" });
    assert.equal(cluster.chooseHost(wrong)!.addressText, "10.0.0.1:80");
    const secure = { ...asking(""), requestHeaders: null };
    secure.streamInfo!.connection.requestedServerName = "web";
    assert.equal(cluster.chooseHost(secure)!.addressText, "10.0.0.1:80");
    await close();
  });

  it("looks up a name itself that no filter has resolved", async () => {
    const { fixture, dns, time, close } = lab();
    fixture.add(message());
    const cluster = fixture.cluster("c");
    const told: string[] = [];
    const wait = (context: LoadBalancerContext): (() => void) | null =>
      cluster.awaitHost(context, (host, details) => told.push(host?.addressText ?? details));
    dns.hold();
    assert.equal(cluster.chooseHost(asking("web")), null);
    assert.notEqual(wait(asking("web")), null);
    wait(asking("web:81"))!();
    assert.notEqual(wait(asking("nobody")), null);
    dns.release();
    await time.advance(0);
    assert.deepEqual(told, [
      "10.0.0.1:80",
      "dns_resolution_failure{cares_norecords:Domain_name_not_found}",
    ]);
    assert.notEqual(wait(asking("nobody")), null);
    assert.equal(told.length, 3, "what is known is told at once");
    assert.equal(wait(asking("")), null);
    assert.equal(wait(EMPTY_CONTEXT), null);
    assert.equal(fixture.stat("cluster.c.upstream_cx_none_healthy"), 0);
    await close();
  });

  it("keeps the host when its address changes, and drops it with its name", async () => {
    const { fixture, dns, time, load, close } = lab();
    fixture.add(message());
    await load("web:80");
    const cluster = fixture.cluster("c");
    const host = cluster.chooseHost(asking("web"))!;
    dns.set("web", ["10.0.0.9"]);
    await time.advance(5100);
    assert.equal(cluster.chooseHost(asking("web")), host);
    assert.equal(host.addressText, "10.0.0.9:80");
    assert.equal(fixture.stat("cluster.c.membership_change"), 1);
    await time.advance(310_000);
    assert.equal(cluster.chooseHost(asking("web")), null);
    assert.equal(fixture.stat("cluster.c.membership_total"), 0);
    await close();
  });

  it("chooses no host that is ejected", async () => {
    const { fixture, load, close } = lab();
    fixture.add(message());
    await load("web:80");
    const cluster = fixture.cluster("c");
    cluster.chooseHost(asking("web"))!.setHealthFlag(HealthFlag.FailedOutlierCheck);
    assert.equal(cluster.chooseHost(asking("web")), null);
    await close();
  });

  it("finds hosts that were resolved before it came, also as a replacement", async () => {
    const { fixture, load, close } = lab();
    await load("web:80");
    fixture.add(message());
    assert.notEqual(fixture.cluster("c").chooseHost(asking("web")), null);
    fixture.add(message({}, { perConnectionBufferLimitBytes: 9 }));
    assert.notEqual(fixture.cluster("c").chooseHost(asking("web")), null);
    assert.equal(fixture.dnsCaches.serves("c"), true);
    fixture.manager.remove("c", "static");
    assert.equal(fixture.dnsCaches.serves("c"), false);
    await close();
  });

  it("names what cannot be", () => {
    const typed = (value: object): Partial<Cluster> => ({
      typedExtensionProtocolOptions: {
        [HTTP]: { typeUrl: `type.googleapis.com/${HTTP}`, value },
      },
    });
    const plain = { explicitHttpConfig: { httpProtocolOptions: {} } };
    const safe = { upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true } };
    const bare = message();
    (bare.clusterType!.typedConfig as { value: object }).value = {};
    const cases: readonly [Cluster, RegExp | null][] = [
      [message({ subClustersConfig: {} }), /A cluster per name .* is not supported/],
      [bare, /There is no DNS cache/],
      [message({}, typed(plain)), /auto_sni and auto_san_validation/],
      [message({ allowInsecureClusterOptions: true }, typed(plain)), null],
      [message({}, typed({ ...plain, ...safe })), null],
      [message({ dnsCacheConfig: {} }), /needs a name/],
      [message({}, { lbPolicy: "ROUND_ROBIN" }), /not valid for Cluster type/],
      [message({ allowCoalescedConnections: true }), null],
    ];
    for (const [one, text] of cases) {
      const { config, context } = compileWith(one);
      assert.equal(config === null, text !== null);
      const error = context.diagnostics.find(({ severity }) => severity === "error");
      if (text !== null) assert.match(error!.message, text);
    }
  });
});
