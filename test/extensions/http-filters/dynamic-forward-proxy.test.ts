// dynamic_forward_proxy on a whole proxy: requests that wait for a name, rewrites, refusals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../../kit/memory-client.ts";
import {
  any,
  fileLog,
  HttpProxy,
  type HttpProxyOptions,
  httpFilter,
  type Message,
  PROXY_PORT,
  UPSTREAM_PORT,
} from "../http-proxy.ts";

const TYPE = "type.googleapis.com/envoy.extensions";

function cache(fields: Message = {}): Message {
  return { name: "main", dns_lookup_family: "V4_ONLY", ...fields };
}

function proxy(dnsCache: Message, fields: Message = {}, filter: Message = {}): HttpProxyOptions {
  const config = { dns_cache_config: dnsCache };
  return {
    filters: [
      httpFilter("dynamic_forward_proxy", "dynamic_forward_proxy.v3.FilterConfig", {
        ...config,
        ...filter,
      }),
    ],
    route: { route: { cluster: "dynamic" }, ...fields },
    manager: {
      access_log: [
        fileLog(
          "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %FILTER_STATE(envoy.stream.upstream_address:PLAIN)%\n",
        ),
      ],
    },
    clusters: [
      {
        name: "dynamic",
        lb_policy: "CLUSTER_PROVIDED",
        cluster_type: {
          name: "envoy.clusters.dynamic_forward_proxy",
          typed_config: {
            "@type": `${TYPE}.clusters.dynamic_forward_proxy.v3.ClusterConfig`,
            ...config,
          },
        },
      },
    ],
  };
}

const HERE = `host: web:${UPSTREAM_PORT}`;

async function start(options: HttpProxyOptions): Promise<HttpProxy> {
  const started = await HttpProxy.start(options);
  started.server.dns.set("web", ["127.0.0.1"]);
  return started;
}

test("a request waits for its name, with its body, and then goes on", async () => {
  const running = await start(proxy(cache()));
  running.server.dns.hold();
  const client = new MemoryClient(running.server.network, { ip: "127.0.0.1", port: PROXY_PORT });
  client.send(`POST / HTTP/1.1\r\n${HERE}\r\nconnection: close\r\ncontent-length: 6\r\n\r\nabc`);
  await running.server.time.advance(10);
  client.send("def");
  await running.server.time.advance(10);
  assert.equal(running.upstreams.length, 0);
  running.server.dns.release();
  await running.server.until(() => client.ended);
  assert.ok(running.upstreams[0]!.text.endsWith("\r\n\r\nabcdef"));
  client.socket.destroy();
  await running.close();
});

test("a client that leaves while it waits leaves nothing behind", async () => {
  const running = await start(
    proxy(cache({ dns_cache_circuit_breaker: { max_pending_requests: 1 } })),
  );
  running.server.dns.hold();
  const client = new MemoryClient(running.server.network, { ip: "127.0.0.1", port: PROXY_PORT });
  client.send(`GET / HTTP/1.1\r\n${HERE}\r\n\r\n`);
  await running.server.time.advance(10);
  const second = await running.exchange("GET /", [HERE]);
  assert.equal(second.body, "Dynamic forward proxy pending request overflow");
  client.socket.destroy();
  await running.server.time.advance(10);
  running.server.dns.release();
  await running.server.time.advance(0);
  assert.equal((await running.exchange("GET /", [HERE])).status, 200, "its place is free again");
  await running.close();
});

test("says that a name could not be resolved, and why", async () => {
  const running = await start(proxy(cache()));
  const answer = await running.exchange("GET /", ["host: nobody"]);
  assert.equal(answer.status, 503);
  assert.equal(answer.body, "DNS resolution failure");
  assert.deepEqual(running.log, [
    "DF dns_resolution_failure{cares_norecords:Domain_name_not_found} -",
  ]);
  await running.close();
});

test("refuses names beyond max_hosts", async () => {
  const running = await start(proxy(cache({ max_hosts: 1 })));
  assert.equal((await running.exchange("GET /", [HERE])).status, 200);
  const refused = await running.exchange("GET /", ["host: other"]);
  assert.deepEqual([refused.status, refused.body], [503, "DNS cache overflow"]);
  await running.close();
});

test("a route may name another host, or the header that does", async () => {
  const per = (fields: Message): Message => ({
    typed_per_filter_config: {
      "envoy.filters.http.dynamic_forward_proxy": any(
        "http.dynamic_forward_proxy.v3.PerRouteConfig",
        fields,
      ),
    },
  });
  const literal = await start(
    proxy(cache(), per({ host_rewrite_literal: `web:${UPSTREAM_PORT}` })),
  );
  assert.equal((await literal.exchange("GET /", ["host: other"])).status, 200);
  assert.ok(literal.seen().includes(`host: web:${UPSTREAM_PORT}`));
  await literal.close();
  const header = await start(proxy(cache(), per({ host_rewrite_header: "X-To" })));
  const to = `x-to: web:${UPSTREAM_PORT}`;
  assert.equal((await header.exchange("GET /", ["host: other", to])).status, 200);
  const empty = await header.exchange("GET /", ["host: other", "x-to:"]);
  assert.deepEqual([empty.status, empty.body], [400, "Empty host header"]);
  await header.close();
});

test("leaves requests to other clusters alone, and requests without a route", async () => {
  const running = await start({
    ...proxy(cache()),
    routes: [
      { match: { path: "/up" }, route: { cluster: "up" } },
      { match: { path: "/direct" }, direct_response: { status: 204 } },
    ],
  });
  assert.equal((await running.exchange("GET /up", ["host: nobody"])).status, 200);
  assert.equal((await running.exchange("GET /direct", ["host: nobody"])).status, 204);
  assert.deepEqual(running.server.dns.asked, []);
  await running.close();
});

test("keeps the resolved address for logs when asked to", async () => {
  const running = await start(proxy(cache(), {}, { save_upstream_address: true }));
  assert.equal((await running.exchange("GET /", [HERE])).status, 200);
  assert.deepEqual(running.log, [`- via_upstream 127.0.0.1:${UPSTREAM_PORT}`]);
  await running.close();
});

test("names what cannot be", async () => {
  const problems = (options: HttpProxyOptions): Promise<string[]> => HttpProxy.problems(options);
  const sub = proxy(cache(), {}, { dns_cache_config: undefined, sub_cluster_config: {} });
  assert.match((await problems(sub)).join("\n"), /sub_cluster_config: A cluster per name/);
  const none = proxy(cache(), {}, { dns_cache_config: undefined });
  assert.match((await problems(none)).join("\n"), /dns_cache_config/);
  const other = proxy(cache(), {}, { dns_cache_config: cache({ max_hosts: 3 }) });
  assert.match((await problems(other)).join("\n"), /with different settings/);
});
