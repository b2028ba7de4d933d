import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HttpFilter, HttpFilterCallbacks } from "../../src/http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../src/http/http-filter-factory.ts";
import { allTo, HttpProxyFixture } from "../kit/http-proxy-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/** A filter that the test writes; stands before the router. */
function testFilter(filter: HttpFilter): HttpFilterType {
  return defineHttpFilter({
    name: "test",
    messages: ["google.protobuf.Struct"],
    compile: () => ({}),
    createFactory: () => ({ create: () => filter }),
  });
}

describe("a request", () => {
  it("reaches the upstream, and its answer the client", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(GET);
    assert.match(proxy.received(), /^GET \/ HTTP\/1\.1\r\nhost: a\r\n/);
    await proxy.answer(OK);
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nhi$/);
    assert.deepEqual(proxy.logs, ["200 via_upstream -"]);
    await proxy.close();
  });

  it("behind another on one connection waits its turn, and both are logged in order", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(GET + GET.replace("/ H", "/b H"));
    assert.doesNotMatch(proxy.received(), /GET \/b/);
    await proxy.answer("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
    assert.match(proxy.received(), /GET \/b/);
    await proxy.answer(OK);
    assert.match(client.text, /^HTTP\/1\.1 201 [\s\S]*HTTP\/1\.1 200 /);
    assert.deepEqual(proxy.logs, ["201 via_upstream -", "200 via_upstream -"]);
    assert.equal(proxy.stat("downstream_rq_active"), 0);
    await proxy.close();
  });

  it("whose client leaves takes its upstream connection along", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(GET);
    client.socket.resetAndDestroy();
    await proxy.settle();
    assert.equal(proxy.server.closed, 1);
    assert.deepEqual(proxy.logs, ["0 downstream_remote_disconnect DC"]);
    assert.equal(proxy.stat("downstream_cx_destroy_remote_active_rq"), 1);
    assert.equal(proxy.stat("downstream_rq_rx_reset"), 1);
    assert.equal(proxy.clusterStat("upstream_cx_destroy_local_with_active_rq"), 1);
    await proxy.close();
  });

  it("cut short inside its head is logged without a method", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send("GET / HTTP/1.1\r\nhos");
    client.end();
    await proxy.settle();
    assert.deepEqual(proxy.logs, ["0 downstream_remote_disconnect DC"]);
    assert.equal(proxy.contexts[0]!.requestHeaders, null);
    assert.equal(proxy.stat("downstream_rq_total"), 1);
    await proxy.close();
  });

  it("that breaks the protocol is answered, logged and ends the connection", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send("GET / HTTP/1.1\r\nhost: a\r\nx : 1\r\n\r\n");
    assert.match(client.text, /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*connection: close\r\n/);
    assert.match(client.text, /\r\n\r\nBad Request$/);
    assert.equal(client.ended, true);
    assert.deepEqual(proxy.logs, ["400 http1.codec_error DPE"]);
    assert.equal(proxy.stat("downstream_cx_protocol_error"), 1);
    await proxy.close();
  });

  it("with a body that breaks its framing takes the upstream connection along", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
    );
    client.send("zz\r\n");
    await proxy.settle();
    assert.match(client.text, /^HTTP\/1\.1 400 /);
    assert.equal(proxy.server.closed, 1);
    assert.deepEqual(proxy.logs, ["400 http1.codec_error DPE"]);
    await proxy.close();
  });

  it("of HTTP/1.0 is told to use HTTP/1.1, or served when accepted", async () => {
    const refusing = await HttpProxyFixture.start();
    const refused = await refusing.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    assert.match(refused.text, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    await refusing.close();
    const proxy = await HttpProxyFixture.start({
      manager: { httpProtocolOptions: { acceptHttp10: true } },
    });
    const client = await proxy.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    await proxy.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    assert.match(client.text, /^HTTP\/1\.0 200 OK\r\n[\s\S]*connection: close\r\n\r\nhi$/);
    assert.equal(client.ended, true);
    await proxy.close();
  });

  it("of HTTP/1.0 that asks to keep the connection is told that it stays", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { httpProtocolOptions: { acceptHttp10: true } },
    });
    const client = await proxy.send("GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n");
    await proxy.answer(OK);
    assert.match(client.text, /^HTTP\/1\.0 200 OK\r\n[\s\S]*connection: keep-alive\r\n/);
    assert.equal(client.ended, false);
    await proxy.close();
  });

  it("that expects 100 gets it from the proxy, and the upstream no Expect", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(
      "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n",
    );
    assert.equal(client.text, "HTTP/1.1 100 Continue\r\n\r\n");
    assert.doesNotMatch(proxy.received(), /^expect:/im);
    client.send("hi");
    await proxy.settle();
    await proxy.answer(OK);
    assert.equal(proxy.stat("downstream_rq_1xx"), 1);
    assert.equal(proxy.stat("downstream_rq_2xx"), 1);
    await proxy.close();
  });
});

describe("a response", () => {
  it("before the end of the request closes both connections", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(POST);
    await proxy.answer(OK);
    assert.match(client.text, /connection: close\r\n[\s\S]*hi$/);
    assert.equal(client.ended, true);
    assert.equal(proxy.server.closed, 1);
    assert.equal(proxy.stat("downstream_rq_response_before_rq_complete"), 1);
    await proxy.close();
  });

  it("with 1xx is passed on only when asked to, and counted by the cluster", async () => {
    for (const proxy100Continue of [false, true]) {
      const proxy = await HttpProxyFixture.start({ manager: { proxy100Continue } });
      const client = await proxy.send(GET);
      await proxy.answer(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`);
      assert.equal(/^HTTP\/1\.1 103 .*\r\nlink: <\/a>\r\n\r\n/.test(client.text), proxy100Continue);
      assert.match(client.text, /HTTP\/1\.1 200 OK\r\n/);
      assert.equal(proxy.clusterStat("upstream_rq_103"), 1);
      await proxy.close();
    }
  });

  it("to HEAD has a head only, and the connection goes on", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(GET.replace("GET", "HEAD"));
    await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n");
    assert.match(client.text, /content-length: 7\r\n[\s\S]*\r\n\r\n$/);
    client.send(GET);
    await proxy.settle();
    await proxy.answer(OK);
    assert.match(client.text, /hi$/);
    await proxy.close();
  });

  it("cut short cuts the client's too", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(GET);
    await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi");
    proxy.server.sockets[0]!.end();
    await proxy.settle();
    assert.match(client.text, /hi$/);
    assert.equal(client.ended, true);
    assert.deepEqual(proxy.logs, ["200 upstream_reset_after_response_started{protocol_error} UPE"]);
    await proxy.close();
  });

  it("records bytes of both wires for logs", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(GET);
    await proxy.answer(OK);
    const { streamInfo } = proxy.contexts[0]!;
    assert.equal(streamInfo.downstreamWireBytesReceived, GET.length);
    assert.equal(streamInfo.downstreamWireBytesSent, client.text.length);
    assert.equal(streamInfo.upstreamWireBytesSent, proxy.received().length);
    assert.equal(streamInfo.upstreamWireBytesReceived, OK.length);
    await proxy.close();
  });
});

describe("an upgrade", () => {
  const upgrade = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
  const switching =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
  const manager = { upgradeConfigs: [{ upgradeType: "websocket" }] };

  it("becomes a tunnel for bytes both ways, until one side ends", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send(`${upgrade}early`);
    assert.match(proxy.received(), /upgrade: websocket\r\n/);
    assert.doesNotMatch(proxy.received(), /early/, "an upstream that refuses must not read it");
    await proxy.answer(`${switching}down`);
    client.send("up");
    await proxy.settle();
    assert.match(proxy.received(), /earlyup$/);
    assert.match(client.text, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\ndown$/);
    assert.equal(proxy.stat("downstream_cx_upgrades_active"), 1);
    client.end();
    await proxy.settle();
    assert.equal(proxy.server.closed, 1);
    assert.equal(proxy.stat("downstream_cx_upgrades_active"), 0);
    assert.equal(proxy.stat("downstream_cx_upgrades_total"), 1);
    await proxy.close();
  });

  it("that the upstream ends ends for the client", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send(upgrade);
    await proxy.answer(`${switching}bye`);
    proxy.server.sockets[0]!.end();
    await proxy.settle();
    assert.match(client.text, /bye$/);
    assert.equal(client.ended, true);
    await proxy.close();
  });

  it("nobody allows is refused with 403 and ends the connection", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(upgrade);
    assert.match(client.text, /^HTTP\/1\.1 403 Forbidden\r\n[\s\S]*connection: close/);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat("downstream_rq_ws_on_non_ws_route"), 1);
    assert.deepEqual(proxy.logs, ["403 upgrade_failed -"]);
    assert.equal(proxy.contexts[0]!.streamInfo.cluster?.name, "c");
    await proxy.close();
  });

  it("refused has the response headers of its route", async () => {
    const proxy = await HttpProxyFixture.start({
      routes: { ...allTo(), responseHeadersToAdd: [{ header: { key: "x-r", value: "v" } }] },
    });
    const client = await proxy.send(upgrade);
    assert.match(client.text, /^HTTP\/1\.1 403 Forbidden\r\nx-r: v\r\n/);
    await proxy.close();
  });

  it("to h2c, or without Connection: upgrade, is served as a plain request", async () => {
    for (const fields of [
      "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n",
      "upgrade: websocket\r\n",
    ]) {
      const proxy = await HttpProxyFixture.start();
      const client = await proxy.send(`GET / HTTP/1.1\r\nhost: a\r\n${fields}\r\n`);
      assert.doesNotMatch(proxy.received(), /upgrade|http2-settings/i);
      await proxy.answer(OK);
      assert.match(client.text, /^HTTP\/1\.1 200 OK/);
      await proxy.close();
    }
  });

  it("with a body sends the body first, then the tunnel", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const post = upgrade
      .replace("GET", "POST")
      .replace("\r\n\r\n", "\r\ncontent-length: 2\r\n\r\n");
    const client = await proxy.send(`${post}hiraw`);
    assert.match(proxy.received(), /content-length: 2\r\n[\s\S]*\r\n\r\nhi$/);
    await proxy.answer(`${switching}down`);
    assert.match(client.text, /down$/);
    assert.match(proxy.received(), /hiraw$/);
    client.end();
    await proxy.settle();
    await proxy.close();
  });

  it("answered by 200 is no handshake", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send(upgrade);
    await proxy.answer(OK);
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 0\r\n\r\n$/);
    assert.deepEqual(proxy.logs, ["200 websocket_handshake_unsuccessful -"]);
    await proxy.close();
  });

  it("answered by a redirect keeps where to go, not the body", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send(upgrade);
    await proxy.answer(
      "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-type: text/html\r\n" +
        "content-length: 2\r\n\r\nhi",
    );
    assert.match(client.text, /^HTTP\/1\.1 302 Found\r\nlocation: \/login\r\n/);
    assert.match(client.text, /content-length: 0\r\n\r\n$/);
    assert.doesNotMatch(client.text, /content-type/);
    await proxy.close();
  });
});

describe("CONNECT", () => {
  const connect = "CONNECT b:81 HTTP/1.1\r\nhost: b:81\r\n\r\n";
  const upgradeConfigs = [{ upgradeType: "CONNECT", connectConfig: {} }];
  const routes = (route: object): ReturnType<typeof allTo> => ({
    name: "r",
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [{ match: { connectMatcher: {} }, route: { cluster: "c", ...route } }],
      },
    ],
  });

  it("is forwarded, and becomes a tunnel with 200", async () => {
    const proxy = await HttpProxyFixture.start({
      routes: routes({ upgradeConfigs: [{ upgradeType: "CONNECT" }] }),
    });
    const client = await proxy.send(connect);
    assert.match(proxy.received(), /^CONNECT b:81 HTTP\/1\.1\r\nhost: b:81\r\n/);
    await proxy.answer("HTTP/1.1 200 OK\r\n\r\ndown");
    client.send("up");
    await proxy.settle();
    assert.match(proxy.received(), /\r\n\r\nup$/);
    assert.match(client.text, /down$/);
    client.end();
    await proxy.settle();
    await proxy.close();
  });

  it("ends here when the route says so: the upstream sees bytes only", async () => {
    const proxy = await HttpProxyFixture.start({ routes: routes({ upgradeConfigs }) });
    const client = await proxy.send(connect);
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
    client.send("ping");
    await proxy.settle();
    assert.equal(proxy.received(), "ping");
    await proxy.answer("pong");
    assert.match(client.text, /\r\n\r\npong$/);
    client.end();
    await proxy.settle();
    assert.equal(proxy.server.closed, 1);
    await proxy.close();
  });

  it("with a body is refused", async () => {
    const proxy = await HttpProxyFixture.start({ routes: routes({ upgradeConfigs }) });
    const client = await proxy.send(connect.replace("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\n"));
    assert.match(client.text, /^HTTP\/1\.1 400 /);
    assert.deepEqual(proxy.logs, ["400 http1.body_disallowed DPE"]);
    await proxy.close();
  });
});

describe("a filter that holds a body beyond its limit", () => {
  it("and answers itself leaves a connection that still reads", async () => {
    const kept: HttpFilterCallbacks[] = [];
    const holding = defineHttpFilter({
      name: "test",
      messages: ["google.protobuf.Struct"],
      compile: () => ({}),
      createFactory: () => ({
        create: (callbacks): HttpFilter => {
          kept.push(callbacks);
          return { decodeData: () => "stop-and-watermark" };
        },
      }),
    });
    const proxy = await HttpProxyFixture.start({
      filters: [holding],
      listener: { perConnectionBufferLimitBytes: 1000 },
    });
    const post = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2000\r\n\r\n${"x".repeat(2000)}`;
    const client = await proxy.send(post);
    kept[0]!.sendLocalReply({ status: 429, body: "", details: "enough" });
    await proxy.settle();
    assert.match(client.text, /^HTTP\/1\.1 429 /);
    client.send(GET);
    await proxy.settle();
    await proxy.answer(OK, proxy.server.sockets.length - 1);
    assert.match(client.text, /hi$/);
    await proxy.close();
  });
});

describe("a throw in a filter", () => {
  const cases: readonly (readonly [string, HttpFilter])[] = [
    ["decodeHeaders", { decodeHeaders: fail }],
    ["decodeData", { decodeData: fail }],
    ["encodeHeaders", { encodeHeaders: fail }],
    ["encodeData", { encodeData: fail }],
  ];
  function fail(): never {
    throw new Error("broken filter");
  }

  for (const [where, filter] of cases) {
    it(`in ${where} ends that stream only, and is reported`, async () => {
      const proxy = await HttpProxyFixture.start({ filters: [testFilter(filter)] });
      const client = await proxy.send(`${POST}body`);
      if (proxy.server.sockets.length > 0) await proxy.answer(OK);
      await proxy.advance(2000);
      assert.equal(client.ended, true);
      assert.match(String(proxy.bugs.pop()), /broken filter/);
      assert.deepEqual(proxy.bugs, []);
      assert.equal(proxy.logs.length, 1);
      const other = await proxy.send("GET /nowhere HTTP/1.1\r\n\r\n");
      assert.match(other.text, /^HTTP\/1\.1 400 /, "the proxy still serves");
      proxy.bugs.length = 0;
      await proxy.close();
    });
  }

  it("at the end of the stream does not keep other filters from theirs", async () => {
    const ended: string[] = [];
    const proxy = await HttpProxyFixture.start({
      filters: [
        testFilter({ onDestroy: fail, onStreamComplete: () => void ended.push("complete") }),
      ],
    });
    const client = await proxy.send(GET);
    await proxy.answer(OK);
    assert.match(client.text, /hi$/);
    assert.deepEqual(ended, ["complete"]);
    assert.equal(proxy.bugs.length, 1);
    assert.equal(proxy.clusterStat("upstream_rq_active"), 0);
    proxy.bugs.length = 0;
    await proxy.close();
  });
});
