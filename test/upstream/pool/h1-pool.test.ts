import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import type { H1Pool } from "../../../src/upstream/pool/h1-pool.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import {
  request,
  staticMessage,
  TestStream,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../upstream-fixture.ts";

const ADDRESS = { ip: "127.0.0.1", port: 1000 };

function explicitHttp(common: object): Partial<Cluster> {
  return {
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        typeUrl: "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        value: {
          commonHttpProtocolOptions: common,
          explicitHttpConfig: { httpProtocolOptions: {} },
        },
      },
    },
  };
}

describe("H1Pool", () => {
  let fixture: UpstreamFixture;
  let upstream: TestUpstream;

  beforeEach(async () => {
    fixture = upstreamFixture();
    upstream = await new TestUpstream().listen(fixture.network, ADDRESS.port);
  });

  afterEach(async () => {
    let closed = false;
    fixture.manager.close(() => {
      closed = true;
    });
    upstream.close();
    await fixture.time.advance(0);
    assert.ok(closed, "the cluster manager did not finish closing");
    await assertNoLeaks({
      time: fixture.time,
      network: fixture.network,
      dispatchers: [fixture.dispatcher],
      gauges: () => fixture.liveGauges(),
    });
  });

  function stat(name: string): number {
    return fixture.stat(`cluster.c.${name}`);
  }

  async function settle(ms: number = 0): Promise<void> {
    await fixture.time.advance(ms);
  }

  function pool(): H1Pool {
    const cluster = fixture.cluster("c");
    const host = cluster.chooseHost(EMPTY_CONTEXT)!;
    return cluster.httpPool(host, "DEFAULT") as H1Pool;
  }

  it("connects for the first request and reuses the connection for the next", async () => {
    fixture.add(staticMessage([1000]));
    const first = request(fixture.cluster("c"));
    assert.deepEqual(first.events, []);
    await settle();
    assert.deepEqual(first.events, ["ready"]);
    upstream.answer(0);
    await settle();
    assert.deepEqual(first.events, ["ready", "status 200 end"]);
    const second = request(fixture.cluster("c"));
    assert.deepEqual(second.events, ["ready"], "a ready connection answers at once");
    assert.equal(second.upstream, first.upstream);
    upstream.answer(0);
    await settle();
    assert.equal(upstream.sockets.length, 1);
    assert.equal(stat("upstream_cx_total"), 1);
    assert.equal(stat("upstream_cx_http1_total"), 1);
    assert.equal(stat("upstream_rq_total"), 2);
    assert.equal(stat("upstream_rq_active"), 0);
    assert.equal(stat("upstream_rq_pending_total"), 1);
    assert.equal(stat("upstream_cx_active"), 1);
    assert.equal(stat("upstream_cx_rx_bytes_total"), 2 * 38);
    assert.equal(stat("upstream_cx_tx_bytes_total"), upstream.received[0]!.length);
  });

  it("gives the most recently used connection to the next request", async () => {
    fixture.add(staticMessage([1000]));
    const streams = [request(fixture.cluster("c")), request(fixture.cluster("c"))];
    await settle();
    upstream.answer(1);
    await settle();
    upstream.answer(0);
    await settle();
    const next = request(fixture.cluster("c"));
    const lastUsed = streams.find((one) => one.upstream === next.upstream);
    const answeredLast = streams.find(
      (one) => upstream.sockets[0]!.remoteSocketAddress().port === one.upstream!.localAddress!.port,
    );
    assert.equal(lastUsed, answeredLast);
    upstream.answer(0);
    await settle();
  });

  it("reports a refused connection with Envoy's words and counts it", async () => {
    fixture.network.refuse(ADDRESS);
    fixture.add(staticMessage([1000]));
    const stream = request(fixture.cluster("c"));
    await settle();
    assert.deepEqual(stream.events, [
      "failed: remote connection failure: delayed connect error: Connection refused",
    ]);
    assert.equal(stat("upstream_cx_connect_fail"), 1);
    assert.equal(stat("upstream_cx_destroy_remote"), 1);
    assert.equal(stat("upstream_rq_pending_failure_eject"), 1);
    assert.equal(stat("upstream_rq_total"), 0);
    const host = fixture.manager.describe()[0]!.hosts[0]!;
    assert.deepEqual(host.totals, {
      cxActive: 0,
      cxConnectFail: 1,
      cxTotal: 1,
      rqActive: 0,
      rqError: 0,
      rqSuccess: 0,
      rqTimeout: 0,
      rqTotal: 0,
    });
  });

  it("gives up connecting after connect_timeout", async () => {
    fixture.network.ignore(ADDRESS);
    fixture.add(staticMessage([1000], { connectTimeout: { seconds: 0, nanos: 250_000_000 } }));
    const stream = request(fixture.cluster("c"));
    await settle(249);
    assert.deepEqual(stream.events, []);
    await settle(10);
    assert.deepEqual(stream.events, ["failed: connection timeout"]);
    assert.equal(stat("upstream_cx_connect_timeout"), 1);
    assert.equal(stat("upstream_cx_connect_fail"), 1);
  });

  it("refuses to queue more than max_pending_requests", async () => {
    const circuitBreakers = { thresholds: [{ maxPendingRequests: 1, maxConnections: 1 }] };
    fixture.add(staticMessage([1000], { circuitBreakers }));
    const first = request(fixture.cluster("c"));
    assert.equal(stat("circuit_breakers.default.rq_pending_open"), 1);
    const second = request(fixture.cluster("c"));
    assert.deepEqual(second.events, ["failed: overflow"]);
    assert.equal(stat("upstream_rq_pending_overflow"), 1);
    await settle();
    assert.deepEqual(first.events, ["ready"]);
    assert.equal(stat("circuit_breakers.default.rq_pending_open"), 0);
    assert.equal(stat("circuit_breakers.default.cx_open"), 1);
    const third = request(fixture.cluster("c"));
    assert.equal(stat("upstream_cx_overflow"), 1);
    upstream.answer(0);
    await settle();
    assert.deepEqual(third.events, ["ready"], "the waiting request takes the freed connection");
    assert.equal(upstream.sockets.length, 1);
    upstream.answer(0);
    await settle();
  });

  it("opens one connection although other hosts have used the limit up", async () => {
    const other = await new TestUpstream().listen(fixture.network, 1001);
    const circuitBreakers = { thresholds: [{ maxConnections: 1 }] };
    fixture.add(staticMessage([1000, 1001], { circuitBreakers }));
    const streams = [request(fixture.cluster("c")), request(fixture.cluster("c"))];
    await settle();
    assert.deepEqual(
      streams.map((one) => one.events),
      [["ready"], ["ready"]],
    );
    assert.equal(stat("upstream_cx_overflow"), 1);
    assert.equal(upstream.sockets.length + other.sockets.length, 2);
    upstream.answer(0);
    other.answer(0);
    await settle();
    other.close();
  });

  it("counts max_requests when a request is attached", async () => {
    const circuitBreakers = { thresholds: [{ maxRequests: 1 }] };
    fixture.add(staticMessage([1000], { circuitBreakers }));
    const first = request(fixture.cluster("c"));
    await settle();
    const second = request(fixture.cluster("c"));
    await settle();
    assert.deepEqual(second.events, ["failed: overflow"]);
    assert.equal(stat("upstream_rq_pending_overflow"), 1);
    upstream.answer(0);
    await settle();
    assert.deepEqual(first.events, ["ready", "status 200 end"]);
  });

  it("keeps limits of the HIGH priority apart", async () => {
    const circuitBreakers = { thresholds: [{ maxRequests: 1 }] };
    fixture.add(staticMessage([1000], { circuitBreakers }));
    const first = request(fixture.cluster("c"));
    const high = request(fixture.cluster("c"), "HIGH");
    await settle();
    assert.deepEqual(first.events, ["ready"]);
    assert.deepEqual(high.events, ["ready"]);
    assert.equal(upstream.sockets.length, 2);
    upstream.answer(0);
    upstream.answer(1);
    await settle();
  });

  it("closes an idle connection on which a byte arrives", async () => {
    fixture.add(staticMessage([1000]));
    request(fixture.cluster("c"));
    await settle();
    upstream.answer(0);
    await settle();
    upstream.sockets[0]!.writeText("x");
    await settle();
    assert.deepEqual(pool().counts(), { connecting: 0, ready: 0, busy: 0, pending: 0 });
    assert.equal(stat("upstream_cx_protocol_error"), 1);
    assert.equal(stat("upstream_cx_destroy_local"), 1);
    assert.equal(upstream.closed, 1);
  });

  it("closes a connection whose response is followed by another byte", async () => {
    fixture.add(staticMessage([1000]));
    const stream = request(fixture.cluster("c"));
    await settle();
    upstream.answer(0, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
    await settle();
    assert.deepEqual(stream.events, ["ready", "status 200 end"]);
    assert.equal(pool().counts().ready, 0);
    assert.equal(stat("upstream_cx_protocol_error"), 1);
    assert.equal(stat("upstream_rq_active"), 0);
  });

  it("forgets an idle connection that the upstream closes", async () => {
    fixture.add(staticMessage([1000]));
    request(fixture.cluster("c"));
    await settle();
    upstream.answer(0);
    await settle();
    upstream.sockets[0]!.end();
    await settle();
    assert.equal(pool().counts().ready, 0);
    assert.equal(stat("upstream_cx_destroy_remote"), 1);
    assert.equal(stat("upstream_cx_destroy_with_active_rq"), 0);
    const next = request(fixture.cluster("c"));
    await settle();
    assert.deepEqual(next.events, ["ready"]);
    upstream.answer(1);
    await settle();
  });

  it("resets the request of a connection that dies", async () => {
    fixture.add(staticMessage([1000]));
    const stream = request(fixture.cluster("c"));
    await settle();
    upstream.sockets[0]!.resetAndDestroy();
    await settle();
    assert.deepEqual(stream.events, ["ready", "reset: connection termination"]);
    assert.equal(stat("upstream_cx_destroy_remote_with_active_rq"), 1);
    assert.equal(stat("upstream_cx_destroy_with_active_rq"), 1);
    assert.equal(stat("upstream_rq_active"), 0);
  });

  it("closes the connection after a response that says connection: close", async () => {
    fixture.add(staticMessage([1000]));
    const stream = request(fixture.cluster("c"));
    await settle();
    upstream.answer(0, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    await settle();
    assert.deepEqual(stream.events, ["ready", "status 200 end"]);
    assert.equal(stat("upstream_cx_destroy_local"), 1);
    assert.equal(stat("upstream_cx_destroy_with_active_rq"), 0);
    assert.equal(upstream.closed, 1);
  });

  const RESET = "reset: protocol error";
  const CUT = "reset: connection termination";
  // Counters and words as a real Envoy 1.37 gives them for the same bytes.
  const ends: readonly {
    name: string;
    bytes: string;
    ending: "end" | "resetAndDestroy" | null;
    events: readonly string[];
    counted: readonly string[];
  }[] = [
    {
      name: "a response cut short by FIN",
      bytes: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
      ending: "end",
      events: ["status 200", "data 3", RESET],
      counted: ["protocol_error", "destroy_remote", "destroy_remote_with_active_rq"],
    },
    {
      name: "a response cut short by RST",
      bytes: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
      ending: "resetAndDestroy",
      events: ["status 200", "data 3", RESET],
      counted: ["protocol_error", "destroy_remote", "destroy_remote_with_active_rq"],
    },
    {
      name: "half a head",
      bytes: "HTTP/1.1 200 OK\r\nfoo: b",
      ending: "end",
      events: [RESET],
      counted: ["protocol_error", "destroy_remote", "destroy_remote_with_active_rq"],
    },
    {
      name: "no answer at all",
      bytes: "",
      ending: "end",
      events: [CUT],
      counted: ["destroy_remote", "destroy_remote_with_active_rq"],
    },
    {
      name: "a malformed head",
      bytes: "HTTP/1.1 2x0 OK\r\n\r\n",
      ending: null,
      events: [RESET],
      counted: ["protocol_error", "destroy_local", "destroy_local_with_active_rq"],
    },
    {
      name: "a response that ends with the connection",
      bytes: "HTTP/1.1 200 OK\r\n\r\nabc",
      ending: "end",
      events: ["status 200", "data 3", "data 0 end"],
      counted: ["destroy_remote"],
    },
    {
      name: "a response that ends with RST instead of FIN",
      bytes: "HTTP/1.1 200 OK\r\n\r\nabc",
      ending: "resetAndDestroy",
      events: ["status 200", "data 3", "data 0 end"],
      counted: ["destroy_remote"],
    },
    {
      name: "an HTTP/1.0 response",
      bytes: "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
      ending: null,
      events: ["status 200 end"],
      counted: ["close_notify", "destroy_local"],
    },
  ];
  for (const { name, bytes, ending, events, counted } of ends) {
    it(`counts ${counted.join(", ")} for ${name}`, async () => {
      fixture.add(staticMessage([1000]));
      const stream = request(fixture.cluster("c"));
      await settle();
      if (bytes !== "") upstream.answer(0, bytes);
      await settle();
      if (ending !== null) upstream.sockets[0]![ending]();
      await settle();
      assert.deepEqual(stream.events, ["ready", ...events]);
      const names = [
        "close_notify",
        "protocol_error",
        "destroy_local",
        "destroy_local_with_active_rq",
        "destroy_remote",
        "destroy_remote_with_active_rq",
      ];
      const seen = names.filter((one) => stat(`upstream_cx_${one}`) > 0);
      assert.deepEqual(seen, counted);
    });
  }

  it("does not call a 408 on an idle connection a protocol error", async () => {
    fixture.add(staticMessage([1000]));
    request(fixture.cluster("c"));
    await settle();
    upstream.answer(0);
    await settle();
    upstream.answer(0, "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n");
    await settle();
    assert.equal(pool().counts().ready, 0);
    assert.equal(stat("upstream_cx_protocol_error"), 0);
    assert.equal(stat("upstream_cx_destroy_local"), 1);
  });

  it("closes a connection after max_requests_per_connection", async () => {
    fixture.add(staticMessage([1000], explicitHttp({ maxRequestsPerConnection: 2 })));
    for (let sent = 0; sent < 3; sent++) {
      const stream = request(fixture.cluster("c"));
      await settle();
      upstream.answer(upstream.sockets.length - 1);
      await settle();
      assert.deepEqual(stream.events, ["ready", "status 200 end"]);
    }
    assert.equal(upstream.sockets.length, 2);
    assert.equal(stat("upstream_cx_max_requests"), 1);
    assert.equal(stat("upstream_cx_destroy_local"), 1);
  });

  it("closes a connection that stays idle for idle_timeout", async () => {
    fixture.add(staticMessage([1000], explicitHttp({ idleTimeout: { seconds: 10, nanos: 0 } })));
    request(fixture.cluster("c"));
    await settle();
    upstream.answer(0);
    await settle(9_900);
    assert.equal(pool().counts().ready, 1);
    await settle(500);
    assert.equal(pool().counts().ready, 0);
    assert.equal(stat("upstream_cx_idle_timeout"), 1);
  });

  it("keeps an idle connection for ever with idle_timeout 0", async () => {
    fixture.add(staticMessage([1000], explicitHttp({ idleTimeout: { seconds: 0, nanos: 0 } })));
    request(fixture.cluster("c"));
    await settle();
    upstream.answer(0);
    await settle(100_000_000);
    assert.equal(pool().counts().ready, 1);
    assert.equal(stat("upstream_cx_idle_timeout"), 0);
  });

  it("lets the running request finish when max_connection_duration has passed", async () => {
    const options = explicitHttp({ maxConnectionDuration: { seconds: 1, nanos: 0 } });
    fixture.add(staticMessage([1000], options));
    const stream = request(fixture.cluster("c"));
    await settle(2000);
    assert.equal(stat("upstream_cx_max_duration_reached"), 1);
    assert.deepEqual(stream.events, ["ready"]);
    upstream.answer(0);
    await settle();
    assert.deepEqual(stream.events, ["ready", "status 200 end"]);
    assert.equal(pool().counts().ready, 0);
  });

  it("keeps spare connections with a preconnect ratio above 1", async () => {
    fixture.add(staticMessage([1000], { preconnectPolicy: { perUpstreamPreconnectRatio: 2 } }));
    const stream = request(fixture.cluster("c"));
    await settle();
    assert.deepEqual(stream.events, ["ready"]);
    assert.deepEqual(pool().counts(), { connecting: 0, ready: 1, busy: 1, pending: 0 });
    upstream.answer(0);
    upstream.answer(1);
    await settle();
  });

  it("forgets a waiting request that is cancelled, and keeps its connection", async () => {
    fixture.add(staticMessage([1000]));
    const cluster = fixture.cluster("c");
    const host = cluster.chooseHost(EMPTY_CONTEXT)!;
    const stream = new TestStream();
    const waiting = cluster.httpPool(host, "DEFAULT").newStream(stream, stream)!;
    waiting.cancel();
    await settle();
    assert.deepEqual(stream.events, []);
    assert.equal(stat("upstream_rq_cancelled"), 1);
    assert.equal(pool().counts().ready, 1);
  });

  it("closes the connection when the request is reset", async () => {
    fixture.add(staticMessage([1000]));
    const stream = request(fixture.cluster("c"));
    await settle();
    stream.encoder!.resetStream("local reset");
    await settle();
    assert.equal(stat("upstream_rq_active"), 0);
    assert.equal(stat("upstream_cx_destroy_local_with_active_rq"), 1);
    assert.equal(upstream.closed, 1);
  });

  it("does not reuse a connection that was left paused", async () => {
    fixture.add(staticMessage([1000]));
    const stream = request(fixture.cluster("c"));
    await settle();
    upstream.answer(0, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    stream.decodeHeaders = () => stream.encoder!.readDisable(true);
    await settle();
    assert.equal(pool().counts().ready, 0);
    assert.equal(upstream.closed, 1);
  });

  it("closes idle connections at once when drained, busy ones after their response", async () => {
    fixture.add(staticMessage([1000]));
    const streams = [request(fixture.cluster("c")), request(fixture.cluster("c"))];
    await settle();
    upstream.answer(0);
    await settle();
    let drained = false;
    pool().drain(() => {
      drained = true;
    });
    await settle();
    assert.equal(upstream.closed, 1);
    assert.equal(drained, false);
    upstream.answer(1);
    await settle();
    assert.equal(drained, true);
    assert.deepEqual(
      streams.map((one) => one.events.at(-1)),
      ["status 200 end", "status 200 end"],
    );
  });

  it("asks a retry made while failing requests to wait for a new connection", async () => {
    fixture.network.refuse(ADDRESS);
    fixture.add(staticMessage([1000]));
    const cluster = fixture.cluster("c");
    const retry = new TestStream();
    const first = new (class extends TestStream {
      override onPoolFailure(reason: string, text: string): void {
        super.onPoolFailure(reason, text);
        fixture.network.restore(ADDRESS);
        pool().newStream(retry, retry);
      }
    })();
    const host = cluster.chooseHost(EMPTY_CONTEXT)!;
    cluster.httpPool(host, "DEFAULT").newStream(first, first);
    await settle();
    assert.equal(first.events.length, 1);
    assert.deepEqual(retry.events, ["ready"]);
    upstream.answer(0);
    await settle();
  });
});
