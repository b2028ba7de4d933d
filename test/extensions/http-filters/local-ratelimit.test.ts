// The HTTP local_ratelimit filter on a whole proxy on simulated time: buckets that refill, several
// data planes, routes with limits of their own, what changes with a reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  any,
  fileLog,
  HttpProxy,
  httpFilter,
  type Message,
  staticCluster,
  valuesOf,
} from "../http-proxy.ts";

const ALL = { default_value: { numerator: 100 } };
const FIELDS = { stat_prefix: "lrl", filter_enabled: ALL, filter_enforced: ALL };

const bucket = (
  max_tokens: number,
  fill_interval: string,
  tokens_per_fill: number = 1,
): Message => ({
  token_bucket: { max_tokens, tokens_per_fill, fill_interval },
});
const limit = (fields: Message): Message =>
  httpFilter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", { ...FIELDS, ...fields });

async function statuses(proxy: HttpProxy, count: number, path: string = "/"): Promise<number[]> {
  const found: number[] = [];
  for (let index = 0; index < count; index++) {
    found.push((await proxy.exchange(`GET ${path}`)).status);
  }
  return found;
}

test("refills continuously, as semantics §10.17 says", async () => {
  const proxy = await HttpProxy.start({ filters: [limit(bucket(10, "60s", 10))] });
  const { time } = proxy.server;
  const first = await statuses(proxy, 11);
  assert.deepEqual([first.filter((code) => code === 200).length, first.at(-1)], [10, 429]);
  await time.advance(5_000);
  assert.deepEqual(await statuses(proxy, 1), [429]);
  await time.advance(1_000);
  assert.deepEqual(await statuses(proxy, 2), [200, 429]);
  await proxy.close();
});

test("counts what it looked at, let through and refused", async () => {
  const proxy = await HttpProxy.start({
    filters: [limit(bucket(1, "60s"))],
    manager: {
      access_log: [fileLog("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n")],
    },
  });
  await statuses(proxy, 3);
  const names = ["enabled", "ok", "rate_limited", "enforced"];
  assert.deepEqual(
    names.map((name) => proxy.server.stat(`lrl.http_local_rate_limit.${name}`)),
    [3, 1, 2, 2],
  );
  assert.equal(proxy.log.at(-1), "429 RL local_rate_limited");
  await proxy.close();
});

test("tells clients how long to wait", async () => {
  const proxy = await HttpProxy.start({
    filters: [limit({ ...bucket(2, "20s", 2), enable_x_ratelimit_headers: "DRAFT_VERSION_03" })],
  });
  const seen: string[] = [];
  for (let index = 0; index < 3; index++) {
    const answer = await proxy.exchange("GET /");
    const parts = ["limit", "remaining", "reset"];
    seen.push(parts.map((part) => valuesOf(answer, `x-ratelimit-${part}`).join()).join(" "));
  }
  assert.deepEqual(seen, ["2 1 0", "2 0 9", "2 0 9"]);
  await proxy.close();
});

test("a route has its own bucket, and one that repeats it elsewhere has another", async () => {
  const own = any("http.local_ratelimit.v3.LocalRateLimit", {
    ...FIELDS,
    stat_prefix: "own",
    ...bucket(1, "60s"),
  });
  const routed = (prefix: string): Message => ({
    match: { prefix },
    route: { cluster: "up" },
    typed_per_filter_config: { "envoy.filters.http.local_ratelimit": own },
  });
  const proxy = await HttpProxy.start({
    filters: [limit(bucket(100, "60s"))],
    routes: [routed("/a"), routed("/b")],
  });
  assert.deepEqual(await statuses(proxy, 2, "/a"), [200, 429]);
  assert.deepEqual(await statuses(proxy, 2, "/b"), [200, 429]);
  assert.deepEqual(await statuses(proxy, 2), [200, 200]);
  assert.equal(proxy.server.stat("own.http_local_rate_limit.enforced"), 2);
  await proxy.close();
});

test("a per-route limit needs a bucket", async () => {
  const own = any("http.local_ratelimit.v3.LocalRateLimit", { stat_prefix: "own" });
  const found = await HttpProxy.problems({
    filters: [limit(bucket(1, "60s"))],
    route: { typed_per_filter_config: { "envoy.filters.http.local_ratelimit": own } },
  });
  assert.equal(found.length, 1, found.join());
  assert.match(found[0] as string, /token_bucket: Per-route configuration needs a token bucket/);
});

test("two data planes take from one bucket", async () => {
  const proxy = await HttpProxy.start({ filters: [limit(bucket(7, "600s"))] }, { dataPlanes: 2 });
  const served = await statuses(proxy, 20);
  assert.equal(served.filter((code) => code === 200).length, 7);
  assert.equal(proxy.server.stat("lrl.http_local_rate_limit.enabled"), 20);
  const workers = [0, 1].map((id) =>
    proxy.server.stat(`listener.127.0.0.1_10000.worker_${id}.downstream_cx_total`),
  );
  assert.ok(
    workers.every((count) => (count ?? 0) > 0),
    `one data plane saw nothing: ${workers}`,
  );
  await proxy.close();
});

test("what says the same goes on after a reload, what changes starts full", async () => {
  const options = (max: number): object => ({ filters: [limit(bucket(max, "600s"))] });
  const proxy = await HttpProxy.start(options(2));
  assert.deepEqual(await statuses(proxy, 3), [200, 200, 429]);
  await proxy.reload({ ...options(2), listener: { metadata: { filter_metadata: { a: {} } } } });
  assert.deepEqual(await statuses(proxy, 1), [429]);
  await proxy.reload(options(1));
  assert.deepEqual(await statuses(proxy, 2), [200, 429]);
  await proxy.close();
});

test("values beyond max_dynamic_descriptors lose their bucket, and get a full one later", async () => {
  const wild = { entries: [{ key: "user" }], ...bucket(1, "600s") };
  const rate_limits = [
    { actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] },
  ];
  const proxy = await HttpProxy.start({
    filters: [
      limit({ ...bucket(99, "1s"), descriptors: [wild], max_dynamic_descriptors: 2, rate_limits }),
    ],
  });
  const codes: number[] = [];
  for (const user of ["a", "a", "b", "c", "a"]) {
    codes.push((await proxy.exchange("GET /", [`x-user: ${user}`])).status);
  }
  assert.deepEqual(codes, [200, 429, 200, 200, 200]);
  await proxy.close();
});

test("a limit may be for all members of the local cluster together", async () => {
  const proxy = await HttpProxy.start({
    filters: [limit({ ...bucket(12, "600s"), local_cluster_rate_limit: {} })],
    clusters: [staticCluster("we", [1, 2, 3])],
    bootstrap: { cluster_manager: { local_cluster_name: "we" } },
  });
  const served = await statuses(proxy, 6);
  assert.deepEqual(served, [200, 200, 200, 200, 429, 429]);
  await proxy.close();
});
