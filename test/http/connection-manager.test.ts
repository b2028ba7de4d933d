import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allTo, HttpProxyFixture } from "../kit/http-proxy-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const seconds = (n: number): { seconds: number; nanos: number } => ({ seconds: n, nanos: 0 });

describe("an idle connection", () => {
  it("that never sent a byte is closed at its time, and does not count as HTTP", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { commonHttpProtocolOptions: { idleTimeout: seconds(10) } },
    });
    const client = proxy.connect();
    await proxy.advance(9_900);
    assert.equal(client.ended, false);
    assert.equal(proxy.stat("downstream_cx_http1_total"), 0);
    await proxy.advance(200);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat("downstream_cx_idle_timeout"), 1);
    assert.equal(proxy.stat("downstream_cx_destroy_local"), 1);
    await proxy.close();
  });

  it("after a request is drained: closed after drain_timeout, while requests are still served", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: {
        commonHttpProtocolOptions: { idleTimeout: seconds(10) },
        drainTimeout: seconds(5),
      },
    });
    const served = await proxy.send(GET);
    const quiet = await proxy.send(GET);
    await proxy.answer(OK, 0);
    await proxy.answer(OK, 1);
    await proxy.advance(11_000);
    assert.deepEqual([served.ended, quiet.ended], [false, false]);
    served.send(GET);
    await proxy.settle();
    await proxy.answer(
      OK,
      proxy.server.received.findIndex((text) => text.split("GET").length > 2),
    );
    assert.match(served.text, /hi[\s\S]*connection: close\r\n[\s\S]*hi$/);
    await proxy.advance(5_000);
    assert.deepEqual([served.ended, quiet.ended], [true, true]);
    await proxy.close();
  });

  it("with a request in progress is not idle", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { commonHttpProtocolOptions: { idleTimeout: seconds(1) } },
    });
    const client = await proxy.send(GET);
    await proxy.advance(10_000);
    await proxy.answer(OK);
    assert.match(client.text, /hi$/);
    await proxy.close();
  });
});

describe("max_connection_duration", () => {
  const options = { commonHttpProtocolOptions: { maxConnectionDuration: seconds(10) } };

  it("drains the connection", async () => {
    const proxy = await HttpProxyFixture.start({ manager: options });
    const client = await proxy.send(GET);
    await proxy.answer(OK);
    await proxy.advance(10_500);
    assert.equal(proxy.stat("downstream_cx_max_duration_reached"), 1);
    assert.equal(client.ended, false);
    await proxy.advance(5_000);
    assert.equal(client.ended, true);
    await proxy.close();
  });

  it("in its safe form only marks the next answer as the last", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { ...options, http1SafeMaxConnectionDuration: true },
    });
    const client = await proxy.send(GET);
    await proxy.answer(OK);
    await proxy.advance(60_000);
    assert.equal(client.ended, false);
    assert.equal(proxy.stat("downstream_cx_http1_soft_drain"), 1);
    client.send(GET);
    await proxy.settle();
    await proxy.answer(OK);
    assert.match(client.text, /connection: close\r\n[\s\S]*hi$/);
    assert.equal(client.ended, true);
    await proxy.close();
  });
});

describe("max_requests_per_connection", () => {
  it("closes with the last answer", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { commonHttpProtocolOptions: { maxRequestsPerConnection: 2 } },
    });
    const client = await proxy.send(GET);
    await proxy.answer(OK);
    assert.doesNotMatch(client.text, /connection: close/);
    client.send(GET);
    await proxy.settle();
    await proxy.answer(OK);
    assert.match(client.text, /connection: close\r\n/);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat("downstream_cx_max_requests_reached"), 1);
    await proxy.close();
  });
});

describe("a client that asks for the end", () => {
  it("gets its answer, then the end, without delay", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await proxy.answer(OK);
    assert.match(client.text, /connection: close\r\n[\s\S]*hi$/);
    assert.equal(proxy.stat("downstream_cx_active"), 0);
    await proxy.close();
  });
});

describe("our own close", () => {
  const early = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n";

  it("waits for the client's after an early answer, as long as delayed_close_timeout", async () => {
    const proxy = await HttpProxyFixture.start({ manager: { delayedCloseTimeout: seconds(1) } });
    const client = await proxy.send(early);
    await proxy.answer(OK);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat("downstream_cx_active"), 1);
    await proxy.advance(1_100);
    assert.equal(proxy.stat("downstream_cx_active"), 0);
    assert.equal(proxy.stat("downstream_cx_delayed_close_timeout"), 1);
    await proxy.close();
  });

  it("ends as soon as the client closes too", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send(early);
    await proxy.answer(OK);
    client.end();
    await proxy.settle();
    assert.equal(proxy.stat("downstream_cx_active"), 0);
    assert.equal(proxy.stat("downstream_cx_delayed_close_timeout"), 0);
    await proxy.close();
  });
});

describe("a draining listener", () => {
  it("announces the end with the next answer", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { streamIdleTimeout: seconds(0) },
      routes: allTo({ timeout: seconds(0) }),
    });
    const client = await proxy.send(GET);
    await proxy.listeners.update([], ["on_8080"]);
    await proxy.advance(600_000 - 1_000);
    await proxy.answer(OK);
    assert.match(client.text, /connection: close\r\n[\s\S]*hi$/);
    assert.equal(proxy.stat("downstream_cx_drain_close"), 1);
    await proxy.close();
  });
});

describe("codec stats", () => {
  it("count headers left out and requests refused for underscores", async () => {
    const text = "GET / HTTP/1.1\r\nhost: a\r\nx_a: 1\r\nx_b: 2\r\n\r\n";
    const dropping = await HttpProxyFixture.start({
      manager: { commonHttpProtocolOptions: { headersWithUnderscoresAction: "DROP_HEADER" } },
    });
    await dropping.send(text);
    assert.doesNotMatch(dropping.received(), /x_/);
    assert.equal(dropping.listeners.stat("http1.dropped_headers_with_underscores"), 2);
    await dropping.close();
    const refusing = await HttpProxyFixture.start({
      manager: { commonHttpProtocolOptions: { headersWithUnderscoresAction: "REJECT_REQUEST" } },
    });
    await refusing.send(text);
    assert.deepEqual(refusing.logs, ["400 http1.unexpected_underscore DPE"]);
    const name = "http1.requests_rejected_with_underscores_in_headers";
    assert.equal(refusing.listeners.stat(name), 1);
    await refusing.close();
  });
});

describe("an HTTP/2 client", () => {
  it("is told to use HTTP/1.1", async () => {
    const proxy = await HttpProxyFixture.start();
    const client = await proxy.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert.equal(client.text.slice(-4), "\0\0\0\x0d");
    assert.equal(client.ended, true);
    assert.deepEqual(proxy.logs, []);
    await proxy.close();
  });
});
