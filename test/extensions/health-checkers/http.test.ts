import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { httpHealthChecker } from "../../../src/extensions/health-checkers/http/http.ts";
import type { HealthCheck_HttpHealthCheck } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import { HealthFlag } from "../../../src/upstream/host.ts";
import { NO_HTTP2 } from "../../kit/no-http2.ts";
import { testFormats } from "../formatters/format-fixture.ts";
import { CheckerFixture } from "./checker-fixture.ts";

function response(status: number, headers: readonly string[] = [], body = ""): string {
  const lines = [`HTTP/1.1 ${status} X`, ...headers, `content-length: ${body.length}`, "", body];
  return lines.join("\r\n");
}

describe("the HTTP health checker", () => {
  let fixture: CheckerFixture;

  beforeEach(() => {
    fixture = new CheckerFixture();
  });

  afterEach(() => fixture.close());

  async function start(http: HealthCheck_HttpHealthCheck = {}): Promise<void> {
    await fixture.start({ httpHealthCheck: { path: "/hc", ...http } });
  }

  async function answer(text: string): Promise<void> {
    fixture.upstream.answer(fixture.upstream.sockets.length - 1, text);
    await fixture.run(10);
  }

  it("asks as Envoy does, over one connection", async () => {
    await start();
    const asked = "GET /hc HTTP/1.1\r\nhost: c\r\nuser-agent: Envoy/HC\r\n\r\n";
    assert.deepEqual(fixture.upstream.received, [asked]);
    await answer(response(200));
    await fixture.nextCheck();
    assert.deepEqual(fixture.upstream.received, [asked + asked]);
  });

  it("asks with method, host, headers and body of the configuration", async () => {
    await start({
      host: "h.example",
      method: "POST",
      send: { text: "6869" },
      requestHeadersToAdd: [{ header: { key: "x-host", value: "%UPSTREAM_HOST%" } }],
      requestHeadersToRemove: ["user-agent"],
    });
    assert.deepEqual(fixture.upstream.received, [
      "POST /hc HTTP/1.1\r\nhost: h.example\r\nx-host: 127.0.0.1:1000\r\n" +
        "content-length: 2\r\n\r\nhi",
    ]);
  });

  it("prefers the host name of the endpoint", async () => {
    const endpoint = { hostname: "e.example" };
    await fixture.start({ httpHealthCheck: { path: "/", host: "h.example" } }, endpoint);
    assert.match(fixture.upstream.received[0]!, /\r\nhost: e\.example\r\n/);
  });

  /** What the host answers, and `success/failure/network_failure` then. */
  const answers: readonly (readonly [
    name: string,
    http: HealthCheck_HttpHealthCheck,
    text: string,
    results: string,
  ])[] = [
    ["200 passes", {}, response(200), "1/0/0"],
    ["204 fails by default", {}, response(204), "0/1/0"],
    [
      "an expected status passes",
      { expectedStatuses: [{ start: 204, end: 205 }] },
      response(204),
      "1/0/0",
    ],
    [
      "200 fails when others are expected",
      { expectedStatuses: [{ start: 204, end: 205 }] },
      response(200),
      "0/1/0",
    ],
    [
      "the end of a range is outside",
      { expectedStatuses: [{ start: 200, end: 204 }] },
      response(204),
      "0/1/0",
    ],
    [
      "an informational head is passed over",
      {},
      `HTTP/1.1 100 Continue\r\n\r\n${response(200)}`,
      "1/0/0",
    ],
    [
      "a body passes that holds what is expected",
      { receive: [{ text: "6f6b" }] },
      response(200, [], "all ok"),
      "1/0/0",
    ],
    ["another body fails", { receive: [{ text: "6f6b" }] }, response(200, [], "down"), "0/1/0"],
    [
      "what stands beyond the buffer is not seen",
      { receive: [{ text: "6f6b" }], responseBufferSize: 5 },
      response(200, [], "all ok"),
      "0/1/0",
    ],
    [
      "without a limit all is seen",
      { receive: [{ text: "6f6b" }], responseBufferSize: 0 },
      response(200, [], `${"x".repeat(5000)}ok`),
      "1/0/0",
    ],
    [
      "the right service passes",
      { serviceNameMatcher: { prefix: "web" } },
      response(200, ["x-envoy-upstream-healthchecked-cluster: web-1"]),
      "1/0/0",
    ],
    [
      "another service fails",
      { serviceNameMatcher: { prefix: "web" } },
      response(200, ["x-envoy-upstream-healthchecked-cluster: db"]),
      "0/1/0",
    ],
    ["no service name fails", { serviceNameMatcher: { prefix: "web" } }, response(200), "0/1/0"],
    ["what is not HTTP is a network failure", {}, "SSH-2.0-x\r\n\r\n", "0/1/1"],
    [
      "a head beyond the limit is a network failure",
      {},
      response(200, [`x: ${"y".repeat(90_000)}`]),
      "0/1/1",
    ],
  ];
  for (const [name, http, text, results] of answers) {
    it(name, async () => {
      await start(http);
      await answer(text);
      assert.equal(fixture.results(), results);
    });
  }

  it("fails a healthy host at once, but counts retriable statuses towards the threshold", async () => {
    await start({ retriableStatuses: [{ start: 503, end: 504 }] });
    await answer(response(200));
    await fixture.nextCheck();
    await answer(response(503));
    assert.equal(fixture.healthy, true);
    await fixture.nextCheck();
    await answer(response(503));
    assert.equal(fixture.healthy, false);
  });

  it("excludes a host whose failure asks for it", async () => {
    await start();
    await answer(response(503, ["x-envoy-immediate-health-check-fail: true"]));
    const flags = fixture.upstreams.manager.describe()[0]?.hosts[0]?.flags ?? 0;
    assert.notEqual(flags & HealthFlag.ExcludedByImmediateHealthCheckFail, 0);
  });

  it("does not ask about the service when runtime says so", async () => {
    await fixture.close();
    const runtime = {
      getInteger: (_key: string, unset: number) => unset,
      getDouble: (_key: string, unset: number) => unset,
      getBoolean: (_key: string, unset: boolean) => unset,
      featureEnabled: (key: string) => key !== "health_check.verify_cluster",
    };
    fixture = new CheckerFixture({ runtime });
    await start({ serviceNameMatcher: { prefix: "web" } });
    await answer(response(200));
    assert.equal(fixture.results(), "1/0/0");
    assert.equal(fixture.stat("verify_cluster"), 0);
  });

  it("marks a degraded host", async () => {
    await start();
    await answer(response(200, ["x-envoy-degraded: 1"]));
    assert.equal(fixture.stat("degraded"), 1);
    assert.equal(fixture.upstreams.stat("cluster.c.membership_degraded"), 1);
  });

  it("takes a new connection after connection: close", async () => {
    await start();
    await answer(response(200, ["connection: close"]));
    assert.equal(fixture.upstream.closed, 1);
    await fixture.nextCheck();
    assert.equal(fixture.upstream.received.length, 2);
    assert.equal(fixture.results(), "1/0/0");
  });

  it("closes a connection that waits longer for its check than idle_timeout", async () => {
    const options = {
      typeUrl: "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      value: {
        commonHttpProtocolOptions: { idleTimeout: { seconds: 1, nanos: 0 } },
        explicitHttpConfig: { httpProtocolOptions: {} },
      },
    };
    await fixture.start({ httpHealthCheck: { path: "/hc" } }, undefined, 1000, {
      typedExtensionProtocolOptions: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
      },
    });
    await answer(response(200));
    await fixture.run(1100);
    assert.equal(fixture.upstream.closed, 1);
    assert.equal(fixture.upstreams.stat("cluster.c.upstream_cx_idle_timeout"), 1);
    await fixture.run(950);
    assert.equal(fixture.upstream.received.length, 2);
    assert.equal(fixture.results(), "1/0/0");
  });

  it("does not mind that the host closes between checks", async () => {
    await start();
    await answer(response(200));
    fixture.upstream.sockets[0]?.end();
    await fixture.nextCheck();
    assert.equal(fixture.upstream.received.length, 2);
    assert.equal(fixture.results(), "1/0/0");
  });

  it("ends a response by the end of its connection", async () => {
    await start();
    await answer("HTTP/1.1 200 X\r\n\r\nok");
    fixture.upstream.sockets[0]?.end();
    await fixture.run(10);
    assert.equal(fixture.results(), "1/0/0");
  });

  it("fails when the host closes instead of answering", async () => {
    await start();
    fixture.upstream.sockets[0]?.end();
    await fixture.run(10);
    assert.equal(fixture.results(), "0/1/1");
  });

  it("drops a connection that sends unasked, without a failure", async () => {
    await start();
    await answer(response(200) + response(200));
    assert.equal(fixture.upstream.closed, 1);
    assert.equal(fixture.results(), "1/0/0");
  });

  it("gives up a response that does not end", async () => {
    await start();
    await answer("HTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\nab");
    await fixture.run(1100);
    assert.equal(fixture.results(), "0/1/1");
    assert.equal(fixture.upstream.closed, 1);
  });
});

describe("compiling an HTTP health check", () => {
  const cases: readonly (readonly [HealthCheck_HttpHealthCheck, path: string])[] = [
    [{ method: "CONNECT" }, "method"],
    [{ send: { text: "00" } }, "send"],
    [{ method: "POST", send: { text: "x" } }, "send.text"],
    [{ receive: [{ text: "x" }] }, "receive[0].text"],
    [{ receive: [{ text: "aabb" }], responseBufferSize: 1 }, "response_buffer_size"],
    [{ expectedStatuses: [{ start: 200, end: 200 }] }, "expected_statuses[0]"],
    [{ expectedStatuses: [{ start: 99, end: 200 }] }, "expected_statuses[0]"],
    [{ retriableStatuses: [{ start: 500, end: 601 }] }, "retriable_statuses[0]"],
    [{ codecClientType: "HTTP3" }, "codec_client_type"],
    [{ requestHeadersToRemove: [":path"] }, "request_headers_to_remove[0]"],
  ];
  for (const [http, path] of cases) {
    it(`refuses ${path} of ${JSON.stringify(http)}`, () => {
      const context = new CompileContext("c");
      const checker = httpHealthChecker({ formats: testFormats(), http2: NO_HTTP2 });
      assert.equal(checker.compile({ httpHealthCheck: { path: "/", ...http } }, context), null);
      assert.deepEqual(
        context.diagnostics.map((one) => one.path),
        [`c.http_health_check.${path}`],
      );
    });
  }
});
