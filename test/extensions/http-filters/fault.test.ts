// The fault filter on a whole proxy: who meets a fault, what it does, what it counts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../../kit/memory-client.ts";
import { any, fileLog, HttpProxy, httpFilter, type Message, PROXY_PORT } from "../http-proxy.ts";

const ALL = { numerator: 100 };

function fault(fields: Message = {}): Message {
  return httpFilter("fault", "fault.v3.HTTPFault", fields);
}

const abort = (status: number): Message => ({ abort: { http_status: status, percentage: ALL } });
const delay = (text: string): Message => ({ delay: { fixed_delay: text, percentage: ALL } });

const LOG = fileLog("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n");

/** Starts a proxy, makes one request, gives its answer and how long it took. */
async function one(fields: Message, headers: readonly string[] = [], more: object = {}) {
  const proxy = await HttpProxy.start({
    filters: [fault(fields)],
    manager: { access_log: [LOG] },
    ...more,
  });
  const before = proxy.server.time.monotonicMs();
  const answer = await proxy.exchange("GET /", headers);
  const tookMs = proxy.server.time.monotonicMs() - before;
  return { proxy, answer, tookMs };
}

test("an abort answers with its status, body, flag and details", async () => {
  const { proxy, answer } = await one(abort(503));
  assert.deepEqual([answer.status, answer.body], [503, "fault filter abort"]);
  assert.deepEqual(proxy.log, ["503 FI fault_filter_abort"]);
  assert.equal(proxy.upstreams.length, 0);
  assert.equal(proxy.server.stat("http.in.fault.aborts_injected"), 1);
  assert.equal(proxy.server.stat("http.in.fault.active_faults"), 0);
  await proxy.close();
});

test("a delay holds head and body back, then the request goes on", async () => {
  const proxy = await HttpProxy.start({ filters: [fault(delay("2s"))] });
  const before = proxy.server.time.monotonicMs();
  const answer = await proxy.exchange("POST /", [], "body");
  assert.ok(proxy.server.time.monotonicMs() - before >= 2000);
  assert.equal(answer.status, 200);
  assert.ok(answer.body.endsWith("\r\n\r\nbody"));
  assert.equal(proxy.server.stat("http.in.fault.delays_injected"), 1);
  await proxy.close();
});

test("an abort follows the delay", async () => {
  const { proxy, answer, tookMs } = await one({ ...delay("1s"), ...abort(418) });
  assert.equal(answer.status, 418);
  assert.ok(tookMs >= 1000);
  assert.deepEqual(proxy.log, ["418 DI,FI fault_filter_abort"]);
  await proxy.close();
});

test("a client that leaves during a delay ends the fault", async () => {
  const proxy = await HttpProxy.start({ filters: [fault(delay("60s"))] });
  const { server } = proxy;
  const client = new MemoryClient(server.network, { ip: "127.0.0.1", port: PROXY_PORT });
  client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
  await server.until(() => server.stat("http.in.fault.active_faults") === 1);
  client.socket.destroy();
  await server.until(() => server.stat("http.in.fault.active_faults") === 0);
  await proxy.close();
});

const HEADER_ABORTS: readonly (readonly [readonly string[], number])[] = [
  [[], 200],
  [["x-envoy-fault-abort-request: 429"], 429],
  [["x-envoy-fault-abort-request:  +503 "], 503],
  [["x-envoy-fault-abort-request: 600"], 200],
  [["x-envoy-fault-abort-request: 199"], 200],
  [["x-envoy-fault-abort-request: x"], 200],
  [["x-envoy-fault-abort-request: -1"], 200],
  [["x-envoy-fault-abort-request: 503", "x-envoy-fault-abort-request-percentage: 0"], 200],
  [["x-envoy-fault-abort-request: 503", "x-envoy-fault-abort-request-percentage: 500"], 503],
  [["x-envoy-fault-abort-request: 503", "x-envoy-fault-abort-request-percentage: x"], 503],
];

for (const [headers, status] of HEADER_ABORTS) {
  test(`an abort by header: ${headers.join(", ") || "none"} gives ${status}`, async () => {
    const fields = { abort: { header_abort: {}, percentage: ALL } };
    const { proxy, answer } = await one(fields, headers);
    assert.equal(answer.status, status);
    await proxy.close();
  });
}

test("a header delays, up to the configured percentage", async () => {
  const fields = { delay: { header_delay: {}, percentage: ALL } };
  const { proxy, tookMs } = await one(fields, ["x-envoy-fault-delay-request: 700"]);
  assert.ok(tookMs >= 700 && tookMs < 1500, String(tookMs));
  await proxy.close();
  const never = { delay: { header_delay: {}, percentage: { numerator: 0 } } };
  const second = await one(never, ["x-envoy-fault-delay-request: 700"]);
  assert.ok(second.tookMs < 500, String(second.tookMs));
  await second.proxy.close();
});

test("a gRPC abort is trailers-only for gRPC, and 200 for others", async () => {
  const fields = { abort: { grpc_status: 14, percentage: ALL } };
  const plain = await one(fields);
  assert.deepEqual([plain.answer.status, plain.answer.body], [200, "fault filter abort"]);
  await plain.proxy.close();
  const grpc = await one(fields, ["content-type: application/grpc"]);
  assert.ok(grpc.answer.headers.includes("grpc-status: 14"), grpc.answer.headers.join());
  await grpc.proxy.close();
});

const GATES: readonly (readonly [string, Message, readonly string[], number])[] = [
  ["the cluster of the route", { upstream_cluster: "up" }, [], 503],
  ["another cluster", { upstream_cluster: "else" }, [], 200],
  ["a header that matches", { headers: [{ name: "x" }] }, ["x: 1"], 503],
  ["a header that is missing", { headers: [{ name: "x" }] }, [], 200],
  [
    "the node of the caller",
    { downstream_nodes: ["n1"] },
    ["x-envoy-downstream-service-node: n1"],
    503,
  ],
  ["another node", { downstream_nodes: ["n1"] }, ["x-envoy-downstream-service-node: n2"], 200],
  ["no node", { downstream_nodes: ["n1"] }, [], 200],
];

/** Internal requests keep the headers of the mesh. */
const INTERNAL = {
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.1", prefix_len: 32 }] },
};

for (const [name, gate, headers, status] of GATES) {
  test(`an abort for ${name}: ${status}`, async () => {
    const { proxy, answer } = await one({ ...abort(503), ...gate }, headers, { manager: INTERNAL });
    assert.equal(answer.status, status);
    await proxy.close();
  });
}

test("the route's own config replaces the filter's", async () => {
  const own = any("http.fault.v3.HTTPFault", abort(418));
  const { proxy, answer } = await one(abort(503), [], {
    route: { typed_per_filter_config: { "envoy.filters.http.fault": own } },
  });
  assert.equal(answer.status, 418);
  await proxy.close();
});

test("never more than max_active_faults at a time", async () => {
  const proxy = await HttpProxy.start({
    filters: [fault({ ...delay("5s"), max_active_faults: 2 })],
  });
  const { server } = proxy;
  const answers = Promise.all([1, 2, 3].map(() => proxy.exchange("GET /")));
  await server.until(() => server.stat("http.in.fault.faults_overflow") === 1);
  assert.equal(server.stat("http.in.fault.active_faults"), 2);
  assert.deepEqual(
    (await answers).map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(server.stat("http.in.fault.active_faults"), 0);
  await proxy.close();
});

test("a downstream cluster has counters of its own, unless switched off", async () => {
  const headers = ["x-envoy-downstream-service-cluster: front"];
  const counted = await one(abort(503), headers, { manager: INTERNAL });
  assert.equal(counted.proxy.server.stat("http.in.fault.front.aborts_injected"), 1);
  await counted.proxy.close();
  const fields = { ...abort(503), disable_downstream_cluster_stats: true };
  const silent = await one(fields, headers, { manager: INTERNAL });
  assert.equal(silent.proxy.server.stat("http.in.fault.front.aborts_injected"), null);
  await silent.proxy.close();
});

test("a response is paced to its rate, trailers last", async () => {
  const chunks = Array.from({ length: 8 }, () => `400\r\n${"x".repeat(1024)}\r\n`).join("");
  const answer = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: t\r\n\r\n${chunks}0\r\nt: 1\r\n\r\n`;
  const limit = { response_rate_limit: { fixed_limit: { limit_kbps: 4 }, percentage: ALL } };
  const { proxy, answer: paced, tookMs } = await one(limit, [], { answer });
  assert.equal(paced.body.length, 8192);
  // Two seconds' worth of bytes, less what the bucket starts with.
  assert.ok(tookMs >= 1900 && tookMs < 2500, String(tookMs));
  assert.equal(proxy.server.stat("http.in.fault.response_rl_injected"), 1);
  await proxy.close();
});

test("a header names the rate; 0 and nonsense pace nothing", async () => {
  const limit = { response_rate_limit: { header_limit: {}, percentage: ALL } };
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\n${"x".repeat(2048)}`;
  const slow = await one(limit, ["x-envoy-fault-throughput-response: 1"], { answer });
  assert.ok(slow.tookMs >= 1900, String(slow.tookMs));
  await slow.proxy.close();
  for (const value of ["0", "x", "-1"]) {
    const fast = await one(limit, [`x-envoy-fault-throughput-response: ${value}`], { answer });
    assert.ok(fast.tookMs < 500, String(fast.tookMs));
    await fast.proxy.close();
  }
});

test("a large response does not pile up: the upstream is told to wait", async () => {
  const size = 4_000_000;
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n${"x".repeat(size)}`;
  const limit = { response_rate_limit: { fixed_limit: { limit_kbps: 1024 }, percentage: ALL } };
  const { proxy, answer: paced } = await one(limit, [], {
    answer,
    listener: { per_connection_buffer_limit_bytes: 65_536 },
  });
  assert.equal(paced.body.length, size);
  const { server } = proxy;
  assert.ok((server.stat("cluster.up.upstream_flow_control_paused_reading_total") ?? 0) > 0);
  await proxy.close();
});

test("metadata of the fault is in the log", async () => {
  const { proxy } = await one({ ...abort(503), filter_metadata: { kind: "test" } }, [], {
    manager: { access_log: [fileLog("%DYNAMIC_METADATA(envoy.filters.http.fault:kind)%\n")] },
  });
  assert.deepEqual(proxy.log, ["test"]);
  await proxy.close();
});

test("a fault that says nothing is refused with its place", async () => {
  const found = await HttpProxy.problems({ filters: [fault({ abort: { http_status: 99 } })] });
  assert.equal(found.length, 1, found.join());
  assert.match(found[0] as string, /http_status/);
});
