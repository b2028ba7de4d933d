import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { tcpHealthChecker } from "../../../src/extensions/health-checkers/tcp/tcp.ts";
import type { HealthCheck_TcpHealthCheck } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import { CheckerFixture } from "./checker-fixture.ts";

const PING = { text: "50494e47" };
const PONG = [{ text: "504f4e47" }];

describe("the TCP health checker", () => {
  let fixture: CheckerFixture;

  beforeEach(() => {
    fixture = new CheckerFixture();
  });

  afterEach(() => fixture.close());

  it("only connects when nothing is expected, once per check", async () => {
    await fixture.start({ tcpHealthCheck: { send: PING } });
    assert.equal(fixture.results(), "1/0/0");
    await fixture.nextCheck();
    assert.equal(fixture.results(), "2/0/0");
    assert.deepEqual(fixture.upstream.received, ["", ""]);
    assert.equal(fixture.upstream.closed, 2);
  });

  it("fails when nobody listens", async () => {
    fixture.upstreams.network.refuse({ ip: "127.0.0.1", port: 1000 });
    await fixture.start({ tcpHealthCheck: {} });
    assert.equal(fixture.results(), "0/1/1");
  });

  it("sends bytes and waits for those expected, over one connection", async () => {
    await fixture.start({ tcpHealthCheck: { send: PING, receive: PONG } });
    assert.deepEqual(fixture.upstream.received, ["PING"]);
    fixture.upstream.answer(0, "..PO");
    await fixture.run(10);
    assert.equal(fixture.results(), "0/0/0");
    fixture.upstream.answer(0, "NG..");
    await fixture.run(10);
    assert.equal(fixture.results(), "1/0/0");
    await fixture.nextCheck();
    assert.deepEqual(fixture.upstream.received, ["PINGPING"]);
  });

  it("takes a new connection for each check without reuse_connection", async () => {
    await fixture.start({ tcpHealthCheck: { send: PING, receive: PONG }, reuseConnection: false });
    fixture.upstream.answer(0, "PONG");
    await fixture.nextCheck();
    assert.deepEqual(fixture.upstream.received, ["PING", "PING"]);
    assert.equal(fixture.upstream.closed, 1);
  });

  it("fails after the time-out when other bytes come", async () => {
    await fixture.start({ tcpHealthCheck: { send: PING, receive: PONG } });
    fixture.upstream.answer(0, "NOPE");
    await fixture.run(1100);
    assert.equal(fixture.results(), "0/1/1");
    assert.equal(fixture.upstream.closed, 1);
  });

  it("fails when the host closes, also between checks", async () => {
    await fixture.start({ tcpHealthCheck: { send: PING, receive: PONG } });
    fixture.upstream.answer(0, "PONG");
    await fixture.run(10);
    fixture.upstream.sockets[0]?.end();
    await fixture.run(10);
    assert.equal(fixture.results(), "1/1/1");
    assert.equal(fixture.healthy, true, "one of two");
    await fixture.nextCheck();
    assert.deepEqual(fixture.upstream.received, ["PING", "PING"]);
  });

  it("counts what a host sends unasked as an answer, as Envoy does", async () => {
    await fixture.start({ tcpHealthCheck: { send: PING, receive: PONG } });
    fixture.upstream.answer(0, "PONG");
    await fixture.run(10);
    fixture.upstream.answer(0, "PONG");
    await fixture.run(10);
    assert.equal(fixture.results(), "2/0/0");
  });

  it("gives up a connection that never comes, and tries again", async () => {
    const address = { ip: "127.0.0.1", port: 1000 };
    fixture.upstreams.network.ignore(address);
    await fixture.start({ tcpHealthCheck: {} });
    await fixture.run(1100);
    assert.equal(fixture.results(), "0/1/1");
    fixture.upstreams.network.restore(address);
    await fixture.nextCheck();
    assert.equal(fixture.results(), "1/1/1");
  });

  it("ends cleanly while a check is on its way", async () => {
    fixture.upstreams.network.ignore({ ip: "127.0.0.1", port: 1000 });
    await fixture.start({ tcpHealthCheck: {} });
    assert.equal(fixture.results(), "0/0/0");
  });

  it("checks where health_check_config says", async () => {
    await fixture.start({ tcpHealthCheck: {} }, { portValue: 1001 }, 1001);
    assert.equal(fixture.results(), "1/0/0");
  });
});

describe("compiling a TCP health check", () => {
  const cases: readonly (readonly [HealthCheck_TcpHealthCheck, path: string])[] = [
    [{ send: { text: "zz" } }, "c.tcp_health_check.send.text"],
    [{ receive: [PING, { text: "1" }] }, "c.tcp_health_check.receive[1].text"],
    [{ proxyProtocolConfig: {} }, "c.tcp_health_check.proxy_protocol_config"],
  ];
  for (const [tcpHealthCheck, path] of cases) {
    it(`refuses ${path}`, () => {
      const context = new CompileContext("c");
      assert.equal(tcpHealthChecker().compile({ tcpHealthCheck }, context), null);
      assert.deepEqual(
        context.diagnostics.map((one) => [one.severity, one.path]),
        [["error", path]],
      );
    });
  }
});
