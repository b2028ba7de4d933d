import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import type { CachedHost } from "../../../../src/extensions/common/dynamic-forward-proxy/cached-host.ts";
import {
  type DnsCache,
  type DnsCacheListener,
  hostKey,
} from "../../../../src/extensions/common/dynamic-forward-proxy/dns-cache.ts";
import { compileDnsCache } from "../../../../src/extensions/common/dynamic-forward-proxy/dns-cache-config.ts";
import type { DnsCaches } from "../../../../src/extensions/common/dynamic-forward-proxy/dns-caches.ts";
import type { DnsCacheConfig as DnsCacheMessage } from "../../../../src/proto/generated/envoy/extensions/common/dynamic_forward_proxy/v3.ts";
import { SimulatedTime } from "../../../kit/simulated-time.ts";
import { FakeDns } from "../../../upstream/fake-dns.ts";
import { type UpstreamFixture, upstreamFixture } from "../../../upstream/upstream-fixture.ts";

const seconds = (value: number) => ({ seconds: value, nanos: 0 });

class Log implements DnsCacheListener {
  readonly lines: string[] = [];

  onHostAddresses({ key, addresses }: CachedHost): void {
    this.lines.push(`${key} ${addresses.map(({ ip, port }) => `${ip}:${port}`).join(" ")}`);
  }

  onHostRemoved({ key }: CachedHost): void {
    this.lines.push(`${key} removed`);
  }
}

describe("DnsCache", () => {
  let time: SimulatedTime;
  let dns: FakeDns;
  let fixture: UpstreamFixture;
  let caches: DnsCaches;
  let opened: DnsCache[];

  beforeEach(() => {
    time = new SimulatedTime();
    dns = new FakeDns(time);
    dns.set("web", ["10.0.0.1"]);
    fixture = upstreamFixture({ time, dns });
    caches = fixture.dnsCaches;
    opened = [];
  });

  afterEach(async () => {
    for (const cache of opened) caches.release(cache);
    await time.advance(0);
    assert.equal(fixture.dispatcher.armedTimers, 0);
    assert.deepEqual(time.bugs, []);
  });

  function open(message: DnsCacheMessage = {}): { cache: DnsCache; log: Log } {
    const context = new CompileContext();
    const settings = { name: "main", dnsLookupFamily: "V4_ONLY" as const, ...message };
    const config = compileDnsCache(settings, context);
    assert.notEqual(config, null, JSON.stringify(context.diagnostics));
    const cache = caches.acquire(config!);
    opened.push(cache);
    const log = new Log();
    cache.listen(log);
    return { cache, log };
  }

  function stat(name: string): number {
    return fixture.stat(`dns_cache.main.${name}`);
  }

  it("asks once for a name, tells who waits, and keeps the answer", async () => {
    const { cache, log } = open();
    const told: CachedHost[] = [];
    const host = cache.load("web:80", 80)!;
    host.waiters.add({ onHostResolved: (one) => told.push(one) });
    assert.equal(cache.load("web:80", 80), host);
    assert.equal(host.resolved, false);
    await time.advance(0);
    assert.deepEqual(told, [host]);
    assert.equal(cache.load("web:80", 80)!.resolved, true);
    assert.deepEqual(log.lines, ["web:80 10.0.0.1:80"]);
    assert.deepEqual(dns.asked, ["web v4"]);
    assert.deepEqual(
      [stat("dns_query_attempt"), stat("dns_query_success"), stat("num_hosts"), stat("host_added")],
      [1, 1, 1, 1],
    );
  });

  it("tells apart ports, and takes the default one of names without", async () => {
    const { cache, log } = open();
    dns.set("::1", ["::1"]);
    for (const authority of ["web", "web:81", "[::1]:82", "web:x"]) {
      cache.load(hostKey(authority, 80), 80);
    }
    await time.advance(0);
    assert.deepEqual(log.lines, ["web:80 10.0.0.1:80", "web:81 10.0.0.1:81"]);
    assert.deepEqual(dns.asked, ["web v4", "web v4", "::1 v4", "web:x:80 v4".replace(":80", "")]);
    assert.equal(hostKey("", 80), "");
    assert.equal(hostKey("[::1]", 80), "[::1]:80");
  });

  it("asks again after the TTL, but not sooner than dns_min_refresh_rate", async () => {
    const { cache, log } = open({ dnsMinRefreshRate: seconds(10) });
    dns.set("web", ["10.0.0.1"], 20_000);
    cache.load("web:80", 80);
    await time.advance(0);
    dns.set("web", ["10.0.0.2", "10.0.0.3"], 1000);
    await time.advance(20_400);
    assert.deepEqual(log.lines, ["web:80 10.0.0.1:80", "web:80 10.0.0.2:80 10.0.0.3:80"]);
    assert.equal(stat("host_address_changed"), 2);
    await time.advance(9_000);
    assert.equal(stat("dns_query_attempt"), 2);
    await time.advance(1_500);
    assert.equal(stat("dns_query_attempt"), 3);
    assert.equal(log.lines.length, 2, "the same addresses are no news");
  });

  it("keeps its addresses when a later answer fails or is empty", async () => {
    const { cache, log } = open();
    const host = cache.load("web:80", 80)!;
    await time.advance(0);
    dns.fail("web");
    await time.advance(5100);
    dns.set("web", []);
    await time.advance(61_000);
    assert.equal(host.addresses.length, 1);
    assert.equal(host.details, "");
    assert.deepEqual(log.lines, ["web:80 10.0.0.1:80"]);
    assert.equal(stat("dns_query_failure"), 1);
  });

  it("says why there is no address, and asks again at its failure rate", async () => {
    const { cache, log } = open({ dnsFailureRefreshRate: { baseInterval: seconds(1) } });
    dns.fail("web", "ECONNREFUSED");
    const host = cache.load("web:80", 80)!;
    await time.advance(0);
    assert.equal(
      host.details,
      "dns_resolution_failure{cares_failure:Could_not_contact_DNS_servers}",
    );
    assert.equal(cache.load("web:80", 80), host, "the failure is remembered");
    dns.set("web", ["10.0.0.1"]);
    await time.advance(1100);
    assert.deepEqual(log.lines, ["web:80 10.0.0.1:80"]);
    const gone = cache.load("nobody:80", 80)!;
    await time.advance(0);
    assert.equal(gone.details, "dns_resolution_failure{cares_norecords:Domain_name_not_found}");
  });

  it("asks again only when it is used, if failures are not to be refreshed", async () => {
    const { cache } = open({ disableDnsRefreshOnFailure: true });
    dns.fail("web");
    const host = cache.load("web:80", 80)!;
    await time.advance(300_000);
    assert.equal(stat("dns_query_attempt"), 1);
    dns.set("web", ["10.0.0.1"]);
    const again = cache.load("web:80", 80)!;
    assert.notEqual(again, host);
    await time.advance(0);
    assert.equal(again.addresses.length, 1);
    assert.deepEqual([stat("num_hosts"), stat("host_removed")], [1, 1]);
  });

  it("gives up a question after dns_query_timeout, and ignores its late answer", async () => {
    const { cache, log } = open({ dnsQueryTimeout: seconds(2) });
    dns.hold();
    const host = cache.load("web:80", 80)!;
    await time.advance(2100);
    assert.equal(host.details, "dns_resolution_failure{resolve_timeout}");
    assert.deepEqual([stat("dns_query_timeout"), stat("dns_query_failure")], [1, 1]);
    dns.release();
    await time.advance(0);
    assert.deepEqual(log.lines, []);
  });

  it("forgets a host that nobody used for host_ttl, at its next refresh", async () => {
    const { cache, log } = open({ hostTtl: seconds(12) });
    const host = cache.load("web:80", 80)!;
    await time.advance(5100);
    host.touch();
    await time.advance(10_200);
    assert.equal(stat("num_hosts"), 1);
    await time.advance(5200);
    assert.deepEqual(log.lines, ["web:80 10.0.0.1:80", "web:80 removed"]);
    assert.deepEqual([stat("num_hosts"), stat("host_removed")], [0, 1]);
  });

  it("takes no more than max_hosts", async () => {
    const { cache } = open({ maxHosts: 1 });
    assert.notEqual(cache.load("web:80", 80), null);
    assert.equal(cache.load("web:81", 80), null);
    assert.notEqual(cache.load("web:80", 80), null);
    assert.equal(stat("host_overflow"), 1);
    await time.advance(0);
  });

  it("lets no more requests wait than its circuit breaker says", () => {
    const { cache } = open({ dnsCacheCircuitBreaker: { maxPendingRequests: 1 } });
    assert.equal(stat("circuit_breakers.rq_pending_remaining"), 1);
    assert.equal(cache.beginRequest(), true);
    assert.equal(stat("circuit_breakers.rq_pending_open"), 1);
    assert.equal(cache.beginRequest(), false);
    assert.equal(stat("dns_rq_pending_overflow"), 1);
    cache.endRequest();
    assert.equal(stat("circuit_breakers.rq_pending_open"), 0);
    assert.equal(cache.beginRequest(), true);
    cache.endRequest();
  });

  it("resolves beforehand what it is told to", async () => {
    const { log } = open({ preresolveHostnames: [{ address: "web", portValue: 90 }] });
    await time.advance(0);
    assert.deepEqual(log.lines, ["web:90 10.0.0.1:90"]);
  });

  it("asks servers of its own", async () => {
    const server = { socketAddress: { address: "127.0.0.1", portValue: 53 } };
    open({ dnsResolutionConfig: { resolvers: [server] } });
    assert.deepEqual(dns.servers, ["127.0.0.1:53"]);
    await time.advance(0);
  });
});

describe("DnsCaches", () => {
  const compile = (message: DnsCacheMessage) => compileDnsCache(message, new CompileContext())!;

  it("shares a cache by name as long as somebody uses it", () => {
    const { dnsCaches } = upstreamFixture();
    const config = compile({ name: "a" });
    const first = dnsCaches.acquire(config);
    assert.equal(dnsCaches.acquire(config), first);
    dnsCaches.release(first);
    assert.equal(dnsCaches.acquire(config), first);
    dnsCaches.release(first);
    dnsCaches.release(first);
    const second = dnsCaches.acquire(config);
    assert.notEqual(second, first);
    dnsCaches.release(second);
  });

  it("refuses other settings under one name, in one configuration and against one in use", () => {
    const { dnsCaches } = upstreamFixture();
    const context = new CompileContext();
    const one = compile({ name: "a" });
    const other = compile({ name: "a", maxHosts: 3 });
    assert.equal(dnsCaches.check(one, context), true);
    assert.equal(dnsCaches.check(one, context), true);
    assert.equal(dnsCaches.check(other, context), false);
    assert.match(context.diagnostics[0]!.message, /DNS cache 'a' with different settings/);
    const cache = dnsCaches.acquire(other);
    assert.equal(dnsCaches.check(one, context), false);
    dnsCaches.release(cache);
  });

  it("knows which clusters it serves while an old and a new one overlap", () => {
    const { dnsCaches } = upstreamFixture();
    dnsCaches.addCluster("c");
    dnsCaches.addCluster("c");
    dnsCaches.removeCluster("c");
    assert.equal(dnsCaches.serves("c"), true);
    dnsCaches.removeCluster("c");
    assert.equal(dnsCaches.serves("c"), false);
  });
});

describe("compileDnsCache", () => {
  it("names what cannot be, and what is not obeyed", () => {
    const context = new CompileContext();
    assert.equal(compileDnsCache({}, context), null);
    const many = { preresolveHostnames: [{ address: "a" }, { address: "b" }], maxHosts: 1 };
    assert.equal(compileDnsCache({ name: "n", ...many }, context), null);
    const unread = { keyValueConfig: { config: { name: "kv" } }, useTcpForDnsLookups: true };
    assert.notEqual(compileDnsCache({ name: "n", ...unread }, context), null);
    assert.deepEqual(
      context.diagnostics.map(({ path, severity }) => [path, severity]),
      [
        ["name", "error"],
        ["preresolve_hostnames", "error"],
        ["key_value_config", "warning"],
        ["use_tcp_for_dns_lookups", "warning"],
      ],
    );
  });
});
