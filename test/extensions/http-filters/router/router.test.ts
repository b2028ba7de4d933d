import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME } from "../../../../src/config/runtime.ts";
import { router } from "../../../../src/extensions/http-filters/router/router.ts";
import type { Cluster, ClusterManager } from "../../../../src/upstream/cluster.ts";
import {
  allTo,
  HttpProxyFixture,
  NO_UPSTREAM_LOGS,
  UPSTREAM_PORT,
} from "../../../kit/http-proxy-fixture.ts";
import { SimulatedTime } from "../../../kit/simulated-time.ts";
import { staticMessage } from "../../../upstream/upstream-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n";
const GRPC =
  "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const ADDRESS = { ip: "127.0.0.1", port: UPSTREAM_PORT };
const seconds = (n: number): { seconds: number; nanos: number } => ({ seconds: n, nanos: 0 });

/** Status, body and log line of a request whose upstream does as `play` says. */
async function outcome(
  play: (proxy: HttpProxyFixture) => Promise<void> | void,
  options: Parameters<typeof HttpProxyFixture.start>[0] = {},
  request: string = GET,
): Promise<{ text: string; log: string; proxy: HttpProxyFixture }> {
  const proxy = await HttpProxyFixture.start(options);
  const client = await proxy.send(request);
  await play(proxy);
  await proxy.settle();
  const log = proxy.logs.join("; ");
  return { text: client.text, log, proxy };
}

const BEFORE = "upstream connect error or disconnect/reset before headers. reset reason: ";

describe("an upstream that fails before its answer", () => {
  const cases: readonly {
    readonly what: string;
    readonly play: (proxy: HttpProxyFixture) => Promise<void> | void;
    readonly status: number;
    readonly log: string;
    readonly body: string;
  }[] = [
    {
      what: "closes",
      play: (proxy) => proxy.server.sockets[0]!.end(),
      status: 503,
      log: "upstream_reset_before_response_started{connection_termination} UC",
      body: `${BEFORE}connection termination`,
    },
    {
      what: "resets the connection",
      play: (proxy) => proxy.server.sockets[0]!.resetAndDestroy(),
      status: 503,
      log: "upstream_reset_before_response_started{connection_termination} UC",
      body: `${BEFORE}connection termination`,
    },
    {
      what: "closes inside its head",
      play: async (proxy) => {
        await proxy.answer("HTTP/1.1 200 OK\r\nx");
        proxy.server.sockets[0]!.end();
      },
      status: 502,
      log: "upstream_reset_before_response_started{protocol_error} UPE",
      body: `${BEFORE}protocol error`,
    },
    {
      what: "sends garbage",
      play: (proxy) => proxy.answer("garbage\r\n\r\n"),
      status: 502,
      log: "upstream_reset_before_response_started{protocol_error} UPE",
      body: `${BEFORE}protocol error`,
    },
    {
      what: "sends an endless head",
      play: (proxy) => proxy.answer(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}`),
      status: 502,
      log: "upstream_reset_before_response_started{protocol_error} UPE",
      body: `${BEFORE}protocol error`,
    },
    {
      what: "switches protocols unasked",
      play: (proxy) =>
        proxy.answer(
          "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ),
      status: 502,
      log: "upstream_reset_before_response_started{protocol_error} UPE",
      body: `${BEFORE}protocol error`,
    },
    {
      what: "does not answer in time",
      play: (proxy) => proxy.advance(15_500),
      status: 504,
      log: "response_timeout UT",
      body: "upstream request timeout",
    },
  ];

  for (const { what, play, status, log, body } of cases) {
    it(`${what}: ${status} ${log.split(" ")[1]}`, async () => {
      const { text, log: seen, proxy } = await outcome(play);
      assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text);
      assert.ok(text.endsWith(`\r\n\r\n${body}`), text);
      assert.equal(seen, `${status} ${log}`);
      assert.equal(proxy.clusterStat(`upstream_rq_${status}`), 1);
      assert.equal(proxy.clusterStat("upstream_rq_active"), 0);
      await proxy.close();
    });
  }

  it("refuses connections: 503 UF with the reason, and the host in the log", async () => {
    const proxy = await HttpProxyFixture.start();
    proxy.upstreams.network.refuse(ADDRESS);
    const client = await proxy.send(GET);
    assert.match(client.text, /^HTTP\/1\.1 503 [\s\S]*transport failure reason: delayed connect/);
    assert.match(
      proxy.logs[0]!,
      /^503 upstream_reset_before_response_started\{remote_connection_failure\|delayed_connect_error:_Connection_refused\} UF$/,
    );
    const { streamInfo } = proxy.contexts[0]!;
    assert.equal(streamInfo.upstream?.hostAddress, "127.0.0.1:9001");
    assert.equal(streamInfo.attemptCount, 1);
    await proxy.close();
  });

  it("takes no connection in time: 503 UF", async () => {
    const proxy = await HttpProxyFixture.start({ cluster: { connectTimeout: seconds(2) } });
    proxy.upstreams.network.ignore(ADDRESS);
    const client = await proxy.send(GET);
    await proxy.advance(2_200);
    assert.match(client.text, /reset reason: connection timeout$/);
    assert.match(proxy.logs[0]!, /^503 .*\{connection_timeout\} UF$/);
    await proxy.close();
  });

  it("answers gRPC requests with a status of theirs", async () => {
    const { text, log, proxy } = await outcome(
      (fixture) => fixture.server.sockets[0]!.end(),
      {},
      GRPC,
    );
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*grpc-status: 14\r\n/);
    assert.match(text, /grpc-message: upstream connect error or disconnect/);
    assert.equal(log, "200 upstream_reset_before_response_started{connection_termination} UC");
    await proxy.close();
  });
});

describe("an upstream that fails inside its answer", () => {
  for (const [what, play, flag] of [
    ["closes", (proxy: HttpProxyFixture) => proxy.server.sockets[0]!.end(), "protocol_error} UPE"],
    [
      "sends a broken chunk",
      (proxy: HttpProxyFixture) => proxy.answer("zz\r\n"),
      "protocol_error} UPE",
    ],
    ["is too slow", (proxy: HttpProxyFixture) => proxy.advance(15_500), "UT"],
  ] as const) {
    it(`${what}: the client's answer is cut`, async () => {
      const { text, log, proxy } = await outcome(async (fixture) => {
        await fixture.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
        await play(fixture);
      });
      assert.match(text, /\r\n2\r\nhi\r\n$/);
      assert.ok(log.startsWith("200 ") && log.endsWith(flag), log);
      assert.equal(proxy.stat("downstream_rq_tx_reset"), 1);
      await proxy.advance(2_000);
      assert.equal(proxy.stat("downstream_cx_active"), 0);
      await proxy.close();
    });
  }
});

describe("without an upstream", () => {
  it("no route: 404 NR", async () => {
    const routes = { name: "r", virtualHosts: [{ name: "v", domains: ["b"] }] };
    const { text, log, proxy } = await outcome(() => undefined, { routes });
    assert.match(text, /^HTTP\/1\.1 404 /);
    assert.equal(log, "404 route_not_found NR");
    assert.equal(proxy.stat("no_route"), 1);
    await proxy.close();
  });

  it("an unknown cluster: 503 NC, or the status that the route names", async () => {
    for (const [more, status] of [
      [{}, 503],
      [{ clusterNotFoundResponseCode: "NOT_FOUND" }, 404],
    ] as const) {
      const routes = allTo({ cluster: "unknown", ...more });
      const { log, proxy } = await outcome(() => undefined, { routes });
      assert.equal(log, `${status} cluster_not_found NC`);
      assert.equal(proxy.stat("no_cluster"), 1);
      await proxy.close();
    }
  });

  it("no host: 503 UH", async () => {
    const cluster = { loadAssignment: { clusterName: "c", endpoints: [] } };
    const { text, log, proxy } = await outcome(() => undefined, { cluster });
    assert.match(text, /^HTTP\/1\.1 503 [\s\S]*no healthy upstream$/);
    assert.equal(log, "503 no_healthy_upstream UH");
    assert.equal(proxy.clusterStat("upstream_cx_none_healthy"), 1);
    await proxy.close();
  });

  it("maintenance mode: 503 UO", async () => {
    const runtime = {
      ...DEFAULT_RUNTIME,
      featureEnabled: (key: string) => /maintenance/.test(key),
    };
    const { text, log, proxy } = await outcome(() => undefined, { runtime });
    assert.match(text, /x-envoy-overloaded: true\r\n[\s\S]*maintenance mode$/);
    assert.equal(log, "503 maintenance_mode UO");
    await proxy.close();
  });

  it("a share of requests that the control plane drops: 503 DO", async () => {
    const { loadAssignment } = staticMessage([UPSTREAM_PORT]);
    const half = { numerator: 50, denominator: "HUNDRED" as const };
    const policy = { dropOverloads: [{ category: "a", dropPercentage: half }] };
    const cluster = { loadAssignment: { ...loadAssignment, policy } };
    const proxy = await HttpProxyFixture.start({ cluster });
    // What is not dropped fails to connect.
    proxy.server.close();
    const client = await proxy.send(GET);
    for (let count = 1; count < 100; count++) {
      client.send(GET);
      await proxy.settle();
    }
    const dropped = proxy.logs.filter((line) => line === "503 drop_overload DO").length;
    assert.ok(dropped > 30 && dropped < 70, `${dropped} of 100`);
    assert.match(client.text, /x-envoy-drop-overload: true\r\n/);
    client.socket.destroy();
    await proxy.settle();
    await proxy.close();
  });

  it("a full circuit: 503 UO", async () => {
    const circuitBreakers = { thresholds: [{ maxPendingRequests: 0 }] };
    const { text, log, proxy } = await outcome(() => undefined, { cluster: { circuitBreakers } });
    assert.match(text, /x-envoy-overloaded: true\r\n[\s\S]*reset reason: overflow$/);
    assert.equal(log, "503 upstream_reset_before_response_started{overflow} UO");
    await proxy.close();
  });

  it("a control header that is checked and wrong: 400 IH", async () => {
    const { text, log, proxy } = await outcome(
      () => undefined,
      {
        router: { strictCheckHeaders: ["x-envoy-upstream-rq-timeout-ms"] },
        manager: {
          internalAddressConfig: { cidrRanges: [{ addressPrefix: "127.0.0.1", prefixLen: 32 }] },
          useRemoteAddress: true,
        },
      },
      GET.replace("\r\n\r\n", "\r\nx-envoy-upstream-rq-timeout-ms: x\r\n\r\n"),
    );
    assert.match(text, /invalid header 'x-envoy-upstream-rq-timeout-ms' with value 'x'$/);
    assert.match(log, /^400 request_headers_failed_strict_check\{x-envoy-.*\} IH$/);
    await proxy.close();
  });
});

describe("a cluster that is not there yet", () => {
  /** Holds every lookup back until told. */
  class Late {
    readonly callbacks: ((cluster: Cluster | null) => void)[] = [];
    cancelled = 0;
    real: ClusterManager | null = null;

    wrap(real: ClusterManager): ClusterManager {
      this.real = real;
      const wait = (callback: (cluster: Cluster | null) => void): (() => void) => {
        this.callbacks.push(callback);
        return () => void this.cancelled++;
      };
      return { lookup: () => ({ kind: "later", wait }) };
    }

    arrive(): void {
      const found = this.real!.lookup("c");
      for (const callback of this.callbacks) callback(found.kind === "now" ? found.cluster : null);
    }
  }

  it("gets the request with body and trailers once it is", async () => {
    const late = new Late();
    const proxy = await HttpProxyFixture.start({
      clusters: (real) => late.wrap(real),
      cluster: {
        typedExtensionProtocolOptions: {},
        httpProtocolOptions: { enableTrailers: true },
      },
      manager: { httpProtocolOptions: { enableTrailers: true } },
    });
    const client = await proxy.send(
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n",
    );
    assert.equal(proxy.received(), "");
    late.arrive();
    await proxy.settle();
    assert.match(proxy.received(), /\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n$/);
    await proxy.advance(15_500);
    assert.match(client.text, /^HTTP\/1\.1 504 /, "the time-out of the route holds");
    await proxy.close();
  });

  it("gets a body that is too large to be kept for retries", async () => {
    const late = new Late();
    const route = { cluster: "c", retryPolicy: { retryOn: "5xx" } };
    const routes = [{ match: { prefix: "/" }, route, perRequestBufferLimitBytes: 2 }];
    const proxy = await HttpProxyFixture.start({
      clusters: (real) => late.wrap(real),
      routes: { name: "r", virtualHosts: [{ name: "v", domains: ["*"], routes }] },
    });
    await proxy.send(`${POST}body`);
    late.arrive();
    await proxy.settle();
    assert.match(proxy.received(), /\r\n\r\nbody$/);
    assert.equal(proxy.clusterStat("retry_or_shadow_abandoned"), 1);
    await proxy.answer(OK);
    await proxy.close();
  });

  it("that never comes: 503 NC", async () => {
    const late = new Late();
    const { log, proxy } = await outcome(() => late.callbacks[0]!(null), {
      clusters: (real) => late.wrap(real),
    });
    assert.equal(log, "503 cluster_not_found NC");
    await proxy.close();
  });

  it("is waited for no longer when the client leaves", async () => {
    const late = new Late();
    const proxy = await HttpProxyFixture.start({ clusters: (real) => late.wrap(real) });
    const client = await proxy.send(GET);
    client.end();
    await proxy.settle();
    assert.equal(late.cancelled, 1);
    await proxy.close();
  });
});

describe("time-outs", () => {
  it("of the route begin when the request is complete", async () => {
    const proxy = await HttpProxyFixture.start({ routes: allTo({ timeout: seconds(2) }) });
    const client = await proxy.send(POST);
    await proxy.advance(10_000);
    assert.equal(client.text, "");
    client.send("body");
    await proxy.advance(2_200);
    assert.match(client.text, /^HTTP\/1\.1 504 /);
    assert.equal(proxy.clusterStat("upstream_rq_timeout"), 1);
    await proxy.close();
  });

  it("of one attempt begin with the upstream connection, and hold for the head only", async () => {
    const routes = allTo({ retryPolicy: { perTryTimeout: seconds(3) } });
    const slow = await outcome((proxy) => proxy.advance(3_200), { routes });
    assert.match(slow.proxy.received(), /x-envoy-expected-rq-timeout-ms: 3000/);
    assert.equal(slow.log, "504 upstream_per_try_timeout UT");
    await slow.proxy.close();
    const begun = await outcome(
      async (proxy) => {
        await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh");
        await proxy.advance(5_000);
        await proxy.answer("i");
      },
      { routes },
    );
    assert.equal(begun.log, "200 via_upstream -");
    await begun.proxy.close();
  });

  it("of the cluster end the upstream stream: UMSDR", async () => {
    const cluster = { commonHttpProtocolOptions: { maxStreamDuration: seconds(4) } };
    const { text, log, proxy } = await outcome((fixture) => fixture.advance(4_200), { cluster });
    assert.match(text, /^HTTP\/1\.1 504 [\s\S]*upstream max stream duration reached$/);
    assert.equal(log, "504 upstream_max_stream_duration_reached UMSDR");
    await proxy.close();
  });

  it("zero is none", async () => {
    const { log, proxy } = await outcome(
      async (fixture) => {
        await fixture.advance(200_000);
        await fixture.answer(OK);
      },
      { routes: allTo({ timeout: seconds(0) }) },
    );
    assert.equal(log, "200 via_upstream -");
    assert.doesNotMatch(proxy.received(), /x-envoy-expected/);
    await proxy.close();
  });
});

describe("back-pressure", () => {
  const MEGABYTES = 20_000_000;
  const CHUNK = Buffer.alloc(64_000, "x");

  it("of a client that stops reading reaches the upstream: little waits here", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = proxy.connect({ paused: true });
    client.send(GET);
    await proxy.settle();
    const socket = proxy.server.sockets[0]!;
    socket.writeText(`HTTP/1.1 200 OK\r\ncontent-length: ${MEGABYTES}\r\n\r\n`);
    for (let sent = 0; sent < MEGABYTES; sent += CHUNK.length) {
      socket.writeBytes(CHUNK.subarray(0, Math.min(CHUNK.length, MEGABYTES - sent)));
    }
    await proxy.settle();
    assert.ok(socket.writableLength > MEGABYTES - 2_000_000, "most still waits at the upstream");
    assert.ok(proxy.clusterStat("upstream_flow_control_paused_reading_total") > 0);
    client.socket.resume();
    await proxy.advance(1_000);
    assert.ok(client.receivedBytes > MEGABYTES);
    assert.deepEqual(proxy.logs, ["200 via_upstream -"]);
    await proxy.close();
  });

  it("of a slow upstream reaches the client", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${MEGABYTES}\r\n\r\n`,
    );
    proxy.server.sockets[0]!.pause();
    for (let sent = 0; sent < MEGABYTES; sent += CHUNK.length) {
      client.send(CHUNK.subarray(0, Math.min(CHUNK.length, MEGABYTES - sent)));
    }
    await proxy.settle();
    assert.ok(client.socket.writableLength > MEGABYTES - 2_000_000);
    assert.ok(proxy.clusterStat("upstream_flow_control_backed_up_total") > 0);
    assert.ok(proxy.stat("downstream_flow_control_paused_reading_total") > 0);
    proxy.server.sockets[0]!.resume();
    await proxy.advance(1_000);
    assert.ok(proxy.received().length > MEGABYTES);
    await proxy.answer(OK);
    assert.match(client.text, /hi$/);
    await proxy.close();
  });

  it("holds a body that comes before the connection, up to the limit", async () => {
    const proxy = await HttpProxyFixture.start({
      listener: { perConnectionBufferLimitBytes: 32_768 },
      cluster: { connectTimeout: seconds(5) },
    });
    proxy.upstreams.network.ignore(ADDRESS);
    const client = await proxy.send(
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${MEGABYTES}\r\n\r\n`,
    );
    for (let sent = 0; sent < MEGABYTES; sent += CHUNK.length) client.send(CHUNK);
    await proxy.settle();
    assert.ok(client.socket.writableLength > MEGABYTES - 2_000_000);
    await proxy.advance(5_500);
    assert.match(client.text, /^HTTP\/1\.1 503 /);
    await proxy.close();
  });
});

describe("stats of a request", () => {
  it("go to its virtual cluster, its route and its alternative name", async () => {
    const routes = allTo();
    const { log, proxy } = await outcome(
      (fixture) => fixture.answer(OK),
      {
        routes: {
          ...routes,
          virtualHosts: [
            {
              name: "all",
              domains: ["*"],
              virtualClusters: [
                { name: "gets", headers: [{ name: ":method", stringMatch: { exact: "GET" } }] },
              ],
              routes: [{ match: { prefix: "/" }, statPrefix: "own", route: { cluster: "c" } }],
            },
          ],
        },
        manager: {
          internalAddressConfig: { cidrRanges: [{ addressPrefix: "127.0.0.1", prefixLen: 32 }] },
          useRemoteAddress: true,
        },
      },
      GET.replace("\r\n\r\n", "\r\nx-envoy-upstream-alt-stat-name: other\r\n\r\n"),
    );
    assert.equal(log, "200 via_upstream -");
    const names = ["vhost.all.vcluster.gets", "vhost.all.route.own", "cluster.c.other"];
    for (const name of names)
      assert.equal(proxy.listeners.stat(`${name}.upstream_rq_200`), 1, name);
    assert.equal(proxy.listeners.stat("vhost.all.vcluster.gets.upstream_rq_total"), 1);
    assert.equal(proxy.clusterStat("internal.upstream_rq_200"), 1);
    assert.doesNotMatch(proxy.received(), /alt-stat-name/);
    await proxy.close();
  });
});

it("the router is a terminal filter of its canonical name", () => {
  const clusters: ClusterManager = { lookup: () => ({ kind: "none" }) };
  const dispatcher = new SimulatedTime().dispatcher();
  const type = router(clusters, dispatcher, () => DEFAULT_RUNTIME, NO_UPSTREAM_LOGS, "127.0.0.1");
  assert.deepEqual([type.name, type.terminal], ["envoy.filters.http.router", true]);
});
