// Retries through the whole proxy, on simulated time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RetryPolicy } from "../../../../src/proto/generated/envoy/config/route/v3.ts";
import {
  allTo,
  HttpProxyFixture,
  type HttpProxyOptions,
  UPSTREAM_PORT,
} from "../../../kit/http-proxy-fixture.ts";
import type { MemoryClient } from "../../../kit/memory-client.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const milliseconds = (n: number): { seconds: number; nanos: number } => ({
  seconds: Math.floor(n / 1000),
  nanos: (n % 1000) * 1_000_000,
});

function answer(status: number, headers: string = ""): string {
  return `HTTP/1.1 ${status} S\r\n${headers}content-length: 0\r\n\r\n`;
}

function post(length: number): string {
  return `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;
}

interface Play {
  readonly proxy: HttpProxyFixture;
  readonly client: MemoryClient;
}

async function start(
  retryPolicy: RetryPolicy | undefined,
  request: string = GET,
  more: HttpProxyOptions = {},
  route: object = {},
): Promise<Play> {
  const policy = retryPolicy === undefined ? {} : { retryPolicy };
  const routes = more.routes ?? allTo({ ...policy, ...route });
  const proxy = await HttpProxyFixture.start({ ...more, routes });
  return { proxy, client: await proxy.send(request) };
}

/** Clients may send control headers. */
const TRUSTING = {
  internalAddressConfig: { cidrRanges: [{ addressPrefix: "127.0.0.1", prefixLen: 32 }] },
  useRemoteAddress: true,
};

/** Longer than every back-off of 25 ms. */
async function backOff(proxy: HttpProxyFixture): Promise<void> {
  await proxy.advance(30);
  await proxy.settle();
}

/** Heads that the upstream got, over all connections. */
function attempts(proxy: HttpProxyFixture): number {
  return proxy.server.received.join("").split(" / HTTP/1.1").length - 1;
}

describe("a response that retry_on names", () => {
  const cases: readonly (readonly [retryOn: string, response: string, retried: boolean])[] = [
    ["5xx", answer(500), true],
    ["5xx", answer(404), false],
    ["gateway-error", answer(503), true],
    ["gateway-error", answer(500), false],
    ["retriable-4xx", answer(409), true],
    ["retriable-4xx", answer(404), false],
    ["retriable-status-codes", answer(418), true],
    ["retriable-status-codes", answer(419), false],
    ["retriable-headers", answer(200, "x-again: 1\r\n"), true],
    ["retriable-headers", answer(200), false],
    ["envoy-ratelimited", answer(429, "x-envoy-ratelimited: true\r\n"), true],
    ["5xx", answer(503, "x-envoy-ratelimited: true\r\n"), false],
    ["cancelled", answer(200, "grpc-status: 1\r\n"), true],
    ["deadline-exceeded", answer(200, "grpc-status: 4\r\n"), true],
    ["resource-exhausted", answer(200, "grpc-status: 8\r\n"), true],
    ["internal", answer(200, "grpc-status: 13\r\n"), true],
    ["unavailable", answer(200, "grpc-status: 14\r\n"), true],
    ["unavailable", answer(200, "grpc-status: 13\r\n"), false],
    ["reset, connect-failure", answer(500), false],
    ["unknown-word,5xx", answer(500), true],
  ];
  for (const [retryOn, response, retried] of cases) {
    const name = response.split("\r\n").slice(0, 2).join(" ");
    it(`${retried ? "is" : "is not"} tried again: ${retryOn}, ${name}`, async () => {
      const { proxy, client } = await start({
        retryOn,
        retriableStatusCodes: [418],
        retriableHeaders: [{ name: "x-again" }],
      });
      await proxy.answer(response);
      await backOff(proxy);
      assert.equal(attempts(proxy), retried ? 2 : 1);
      if (retried) await proxy.answer(OK);
      assert.match(client.text, retried ? /^HTTP\/1\.1 200 [\s\S]*hi$/ : /content-length: 0/);
      assert.equal(proxy.clusterStat("upstream_rq_retry"), retried ? 1 : 0);
      assert.equal(proxy.clusterStat("upstream_rq_retry_success"), retried ? 1 : 0);
      await proxy.close();
    });
  }
});

describe("request headers", () => {
  const cases: readonly (readonly [headers: string, response: string, attempts: number])[] = [
    ["x-envoy-retry-on: 5xx", answer(500), 2],
    ["x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 0", answer(500), 1],
    ["x-envoy-max-retries: 3", answer(500), 1],
    ["x-envoy-retry-grpc-on: internal", answer(200, "grpc-status: 13\r\n"), 2],
    ["x-envoy-retry-grpc-on: 5xx", answer(500), 1],
    [
      "x-envoy-retry-on: retriable-status-codes\r\nx-envoy-retriable-status-codes: 404, 405",
      answer(405),
      2,
    ],
    [
      "x-envoy-retry-on: retriable-headers\r\nx-envoy-retriable-header-names: X-Some, X-Again",
      answer(200, "x-again: 0\r\n"),
      2,
    ],
  ];
  for (const [headers, response, expected] of cases) {
    it(`decide: ${headers.replaceAll("\r\n", ", ")} makes ${expected} of it`, async () => {
      const request = `GET / HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n`;
      const { proxy } = await start(undefined, request, { manager: TRUSTING });
      await proxy.answer(response);
      await backOff(proxy);
      assert.equal(attempts(proxy), expected);
      assert.doesNotMatch(proxy.received(), /x-envoy-(retr|max)/);
      await proxy.answer(OK);
      await proxy.close();
    });
  }

  it("must match where the policy asks for a kind of request", async () => {
    const policy = { retryOn: "5xx", retriableRequestHeaders: [{ name: "x-safe" }] };
    const { proxy } = await start(policy);
    await proxy.answer(answer(500));
    await backOff(proxy);
    assert.equal(attempts(proxy), 1);
    await proxy.send(GET.replace("host", "x-safe: 1\r\nhost"));
    await proxy.answer(answer(500));
    await backOff(proxy);
    assert.equal(attempts(proxy), 3);
    await proxy.answer(OK);
    await proxy.close();
  });
});

describe("a request whose upstream fails", () => {
  it("is tried again on reset, and fails with both flags when that fails, too", async () => {
    const { proxy, client } = await start({ retryOn: "reset" });
    proxy.server.sockets[0]!.resetAndDestroy();
    await backOff(proxy);
    assert.equal(proxy.server.sockets.length, 2);
    proxy.server.sockets[1]!.resetAndDestroy();
    await proxy.settle();
    assert.match(client.text, /^HTTP\/1\.1 503 [\s\S]*retried and the latest reset reason: /);
    assert.deepEqual(proxy.logs, [
      "503 upstream_reset_before_response_started{connection_termination} URX,UC",
    ]);
    assert.equal(proxy.clusterStat("upstream_rq_retry_limit_exceeded"), 1);
    await proxy.close();
  });

  it("is tried again before it was sent only, with reset-before-request", async () => {
    const { proxy } = await start({ retryOn: "reset-before-request" });
    proxy.server.sockets[0]!.resetAndDestroy();
    await backOff(proxy);
    assert.equal(proxy.server.sockets.length, 1);
    assert.match(proxy.logs[0]!, / UC$/);
    await proxy.close();
  });

  it("is tried again when nobody listens, with connect-failure", async () => {
    for (const retryOn of ["connect-failure", "reset-before-request"]) {
      const proxy = await HttpProxyFixture.start({ routes: allTo({ retryPolicy: { retryOn } }) });
      proxy.server.close();
      const client = await proxy.send(GET);
      await proxy.settle();
      await proxy.server.listen(proxy.upstreams.network, UPSTREAM_PORT);
      await backOff(proxy);
      await proxy.answer(OK);
      assert.match(client.text, /^HTTP\/1\.1 200 /);
      assert.equal(proxy.clusterStat("upstream_rq_retry"), 1);
      assert.deepEqual(proxy.logs, ["200 via_upstream -"]);
      await proxy.close();
    }
  });

  it("gets the last response when all attempts are used up", async () => {
    const { proxy, client } = await start({ retryOn: "5xx", numRetries: 2 });
    for (const status of [500, 502, 503]) {
      await proxy.answer(answer(status));
      await proxy.advance(60);
      await proxy.settle();
    }
    assert.match(client.text, /^HTTP\/1\.1 503 /);
    assert.deepEqual(proxy.logs, ["503 via_upstream URX"]);
    assert.equal(proxy.clusterStat("upstream_rq_retry"), 2);
    assert.equal(proxy.clusterStat("upstream_rq_retry_limit_exceeded"), 1);
    assert.equal(proxy.clusterStat("upstream_rq_retry_backoff_exponential"), 2);
    assert.equal(proxy.clusterStat("retry.upstream_rq_502"), 1);
    assert.equal(proxy.clusterStat("upstream_rq_503"), 1);
    assert.equal(proxy.contexts[0]!.streamInfo.attemptCount, 3);
    await proxy.close();
  });

  it("is not tried again once its response has begun, or a 1xx was passed on", async () => {
    for (const begun of ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", answer(103)]) {
      const { proxy } = await start({ retryOn: "reset,5xx" });
      await proxy.answer(begun.replace("103 S\r\ncontent-length: 0", "103 S"));
      proxy.server.sockets[0]!.resetAndDestroy();
      await backOff(proxy);
      assert.equal(proxy.server.sockets.length, 1);
      assert.match(proxy.logs[0]!, /upstream_reset_after_response_started\{.*\} (UC|UPE)$/);
      await proxy.close();
    }
  });

  it("keeps a connection whose response was whole, and drops one that has a body to come", async () => {
    const { proxy } = await start({ retryOn: "5xx", numRetries: 2 });
    await proxy.answer(answer(500));
    await backOff(proxy);
    assert.equal(proxy.server.sockets.length, 1);
    await proxy.answer("HTTP/1.1 500 S\r\ncontent-length: 5\r\n\r\n");
    await proxy.advance(60);
    assert.equal(proxy.server.sockets.length, 2);
    assert.equal(proxy.server.closed, 1);
    await proxy.answer(OK, 1);
    await proxy.close();
  });
});

describe("the body of a request that is tried again", () => {
  const policy: RetryPolicy = { retryOn: "5xx" };

  it("is sent again, whole or as far as it came", async () => {
    const { proxy, client } = await start(policy, `${post(6)}abc`);
    await proxy.answer("HTTP/1.1 503 S\r\ncontent-length: 1\r\n\r\n");
    await backOff(proxy);
    assert.match(proxy.received(1), /\r\n\r\nabc$/);
    client.send("def");
    await proxy.settle();
    assert.match(proxy.received(1), /\r\n\r\nabcdef$/);
    await proxy.answer(OK, 1);
    assert.match(client.text, /^HTTP\/1\.1 200 /);
    await proxy.close();
  });

  it("includes what comes during the back-off, and trailers", async () => {
    const manager = { httpProtocolOptions: { enableTrailers: true } };
    const cluster = { httpProtocolOptions: { enableTrailers: true } };
    const head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    const { proxy, client } = await start(policy, `${head}1\r\na\r\n`, { manager, cluster });
    await proxy.answer("HTTP/1.1 503 S\r\ncontent-length: 1\r\n\r\n");
    client.send("1\r\nb\r\n0\r\nx-t: 1\r\n\r\n");
    await proxy.settle();
    await backOff(proxy);
    assert.match(proxy.received(1), /\r\n\r\n(1\r\na\r\n1\r\nb|2\r\nab)\r\n0\r\nx-t: 1\r\n\r\n$/);
    await proxy.answer(OK, 1);
    await proxy.close();
  });

  it("that is too large ends the retries; what is under way goes on", async () => {
    const route = { match: { prefix: "/" }, route: { cluster: "c", retryPolicy: policy } };
    const limited = { ...route, perRequestBufferLimitBytes: 4 };
    const routes = {
      name: "r",
      virtualHosts: [{ name: "v", domains: ["*"], routes: [limited] }],
    };
    const { proxy, client } = await start(policy, `${post(6)}abcdef`, { routes });
    assert.equal(proxy.clusterStat("retry_or_shadow_abandoned"), 1);
    await proxy.answer(answer(503));
    await backOff(proxy);
    assert.match(client.text, /^HTTP\/1\.1 503 /);
    assert.deepEqual(proxy.logs, ["503 via_upstream -"]);
    await proxy.close();
  });

  it("that grows too large between two attempts has no place: 507", async () => {
    const { proxy, client } = await start(policy, `${post(9)}abc`, {
      listener: { perConnectionBufferLimitBytes: 4 },
    });
    await proxy.answer("HTTP/1.1 503 S\r\ncontent-length: 1\r\n\r\n");
    client.send("def");
    await proxy.settle();
    assert.match(
      client.text,
      /^HTTP\/1\.1 507 [\s\S]*exceeded request buffer limit while retrying/,
    );
    assert.deepEqual(proxy.logs, ["507 request_payload_exceeded_retry_buffer_limit -"]);
    await backOff(proxy);
    assert.equal(proxy.server.sockets.length, 1);
    await proxy.close();
  });
});

describe("back-off", () => {
  it("is random below an interval that doubles up to its maximum", async () => {
    const policy: RetryPolicy = {
      retryOn: "5xx",
      numRetries: 4,
      retryBackOff: { baseInterval: milliseconds(100), maxInterval: milliseconds(300) },
    };
    const { proxy } = await start(policy);
    for (const interval of [100, 200, 300, 300]) {
      const before = attempts(proxy);
      await proxy.answer(answer(500));
      await proxy.advance(interval * 1.02);
      await proxy.settle();
      assert.equal(attempts(proxy), before + 1);
    }
    await proxy.answer(OK);
    await proxy.close();
  });

  it("follows the upstream's own word: seconds, or a point in time", async () => {
    for (const format of ["SECONDS", "UNIX_TIMESTAMP"] as const) {
      const { proxy } = await start({
        retryOn: "5xx",
        rateLimitedRetryBackOff: { resetHeaders: [{ name: "retry-after", format }] },
      });
      const now = Math.floor(proxy.upstreams.time.wallMs() / 1000);
      const value = format === "SECONDS" ? 2 : now + 2;
      await proxy.answer(answer(503, `retry-after: ${value}\r\n`));
      await proxy.advance(990);
      assert.equal(attempts(proxy), 1);
      await proxy.advance(2100);
      await proxy.settle();
      assert.equal(attempts(proxy), 2);
      assert.equal(proxy.clusterStat("upstream_rq_retry_backoff_ratelimited"), 1);
      await proxy.answer(OK);
      await proxy.close();
    }
  });

  it("does without headers that ask for too long a wait, or none", async () => {
    for (const value of ["400", "soon", "0"]) {
      const resetHeaders = [{ name: "retry-after" }];
      const { proxy } = await start({ retryOn: "5xx", rateLimitedRetryBackOff: { resetHeaders } });
      await proxy.answer(answer(503, `retry-after: ${value}\r\n`));
      await backOff(proxy);
      assert.equal(proxy.clusterStat("upstream_rq_retry_backoff_exponential"), 1);
      await proxy.answer(OK);
      await proxy.close();
    }
  });

  it("ends when the client leaves", async () => {
    const { proxy, client } = await start({ retryOn: "5xx" });
    await proxy.answer(answer(500));
    client.socket.resetAndDestroy();
    await backOff(proxy);
    assert.equal(attempts(proxy), 1);
    assert.deepEqual(proxy.logs, ["0 downstream_remote_disconnect DC"]);
    assert.equal(proxy.upstreams.cluster("c").info.limits[0].retries.count, 0);
    await proxy.close();
  });

  it("ends with the route's time-out", async () => {
    const slow = { baseInterval: milliseconds(60_000) };
    const { proxy, client } = await start(
      { retryOn: "5xx", retryBackOff: slow },
      GET,
      {},
      { timeout: milliseconds(50) },
    );
    await proxy.answer(answer(500));
    await proxy.advance(60);
    assert.match(client.text, /^HTTP\/1\.1 504 /);
    assert.deepEqual(proxy.logs, ["504 response_timeout UT"]);
    assert.equal(proxy.clusterStat("upstream_rq_timeout"), 0);
    await proxy.close();
  });

  it("ends in 503 when the cluster is gone after it", async () => {
    const { proxy, client } = await start({ retryOn: "5xx" });
    await proxy.answer(answer(500));
    proxy.upstreams.manager.remove("c", "static");
    await backOff(proxy);
    assert.match(client.text, /^HTTP\/1\.1 503 [\s\S]*no healthy upstream$/);
    assert.deepEqual(proxy.logs, ["503 no_healthy_upstream UH"]);
    await proxy.close();
  });
});

describe("the time of one attempt", () => {
  const perTry: RetryPolicy = { retryOn: "5xx", perTryTimeout: milliseconds(100) };

  it("is followed by another; the last one's end is the client's 504", async () => {
    const { proxy, client } = await start(perTry);
    await proxy.advance(102);
    await backOff(proxy);
    assert.equal(proxy.server.sockets.length, 2);
    await proxy.advance(110);
    assert.match(client.text, /^HTTP\/1\.1 504 /);
    assert.deepEqual(proxy.logs, ["504 upstream_per_try_timeout URX,UT"]);
    assert.equal(proxy.clusterStat("upstream_rq_per_try_timeout"), 2);
    await proxy.close();
  });

  it("is told to the upstream as far as the whole time allows", async () => {
    const { proxy } = await start(perTry, GET, {}, { timeout: milliseconds(150) });
    assert.match(proxy.received(), /x-envoy-expected-rq-timeout-ms: 100\r\n/);
    await proxy.advance(102);
    await backOff(proxy);
    const left = Number(/rq-timeout-ms: (\d+)/.exec(proxy.received(1))?.[1]);
    assert.ok(left >= 1 && left <= 50, String(left));
    await proxy.advance(100);
    assert.deepEqual(proxy.logs, ["504 response_timeout UT"]);
    await proxy.close();
  });

  it("without progress ends it, too", async () => {
    const { proxy } = await start({ retryOn: "5xx", perTryIdleTimeout: milliseconds(100) });
    await proxy.advance(102);
    await backOff(proxy);
    assert.equal(proxy.server.sockets.length, 2);
    await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", 1);
    await proxy.advance(90);
    await proxy.answer("more", 1);
    await proxy.advance(90);
    assert.deepEqual(proxy.logs, []);
    await proxy.advance(20);
    assert.match(proxy.logs[0]!, /upstream_per_try_idle_timeout/);
    assert.equal(proxy.clusterStat("upstream_rq_per_try_idle_timeout"), 2);
    await proxy.close();
  });
});

describe("limits of a cluster", () => {
  it("allow only so many retries at once: UO, and the response as it is", async () => {
    const cluster = { circuitBreakers: { thresholds: [{ maxRetries: 1 }] } };
    const { proxy } = await start({ retryOn: "5xx" }, GET, { cluster });
    const second = await proxy.send(GET);
    await proxy.answer(answer(500));
    await proxy.answer(answer(502), 1);
    assert.match(second.text, /^HTTP\/1\.1 502 /);
    assert.deepEqual(proxy.logs, ["502 via_upstream UO"]);
    assert.equal(proxy.clusterStat("upstream_rq_retry_overflow"), 1);
    await backOff(proxy);
    await proxy.answer(OK, 1);
    assert.equal(proxy.upstreams.cluster("c").info.limits[0].retries.count, 0);
    await proxy.close();
  });

  it("may be a share of the requests under way", async () => {
    const retryBudget = { budgetPercent: { value: 50 }, minRetryConcurrency: 0 };
    const cluster = { circuitBreakers: { thresholds: [{ retryBudget }] } };
    const { proxy } = await start({ retryOn: "5xx" }, GET, { cluster });
    await proxy.send(GET);
    await proxy.send(GET);
    await proxy.answer(answer(500), 0);
    await proxy.answer(answer(500), 1);
    assert.equal(proxy.clusterStat("upstream_rq_retry"), 1);
    assert.equal(proxy.clusterStat("upstream_rq_retry_overflow"), 1);
    await backOff(proxy);
    for (const index of [0, 1, 2]) await proxy.answer(OK, index);
    await proxy.close();
  });
});

describe("hosts of later attempts", () => {
  const cluster = {
    loadAssignment: {
      clusterName: "c",
      endpoints: [
        {
          lbEndpoints: [9001, 9002].map((portValue) => ({
            endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue } } },
          })),
        },
      ],
    },
  };

  it("are others, with previous_hosts", async () => {
    const { proxy } = await start(
      {
        retryOn: "connect-failure",
        numRetries: 1,
        retryHostPredicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
        hostSelectionRetryMaxAttempts: 20,
      },
      GET,
      { cluster },
    );
    for (let round = 0; round < 6; round++) {
      await backOff(proxy);
      assert.ok(proxy.server.sockets.length > 0);
      await proxy.answer(OK);
      await proxy.send(GET);
    }
    await backOff(proxy);
    await proxy.answer(OK);
    assert.deepEqual([...new Set(proxy.logs)], ["200 via_upstream -"]);
    await proxy.close();
  });
});

describe("hedging", () => {
  const policy: RetryPolicy = {
    retryOn: "5xx",
    numRetries: 1,
    perTryTimeout: milliseconds(100),
  };
  const hedged = { hedgePolicy: { hedgeOnPerTryTimeout: true } };

  it("begins a second attempt beside the slow one; the first good answer counts", async () => {
    for (const winner of [0, 1]) {
      const { proxy, client } = await start(policy, GET, {}, hedged);
      assert.match(proxy.received(), /x-envoy-expected-rq-timeout-ms: 15000/);
      await proxy.advance(102);
      await backOff(proxy);
      assert.equal(proxy.server.sockets.length, 2);
      assert.equal(proxy.server.closed, 0);
      await proxy.answer(OK, winner);
      assert.match(client.text, /^HTTP\/1\.1 200 /);
      assert.equal(proxy.server.closed, 1);
      assert.deepEqual(proxy.logs, ["200 via_upstream -"]);
      assert.equal(proxy.clusterStat("upstream_rq_per_try_timeout"), 0);
      await proxy.close();
    }
  });

  it("waits for the other attempt after a bad answer, and gives the last one", async () => {
    const { proxy, client } = await start(policy, GET, {}, hedged);
    await proxy.advance(102);
    await backOff(proxy);
    await proxy.answer(answer(500), 0);
    assert.equal(client.text, "");
    await proxy.answer(answer(503), 1);
    assert.match(client.text, /^HTTP\/1\.1 503 /);
    assert.deepEqual(proxy.logs, ["503 via_upstream URX"]);
    await proxy.close();
  });

  it("is asked for, or not, by a request header", async () => {
    const header = "x-envoy-hedge-on-per-try-timeout: false\r\nhost";
    const { proxy } = await start(
      policy,
      GET.replace("host", header),
      { manager: TRUSTING },
      hedged,
    );
    assert.match(proxy.received(), /x-envoy-expected-rq-timeout-ms: 100\r\n/);
    await proxy.advance(102);
    await proxy.settle();
    assert.equal(proxy.server.closed, 1);
    await backOff(proxy);
    await proxy.answer(OK, 1);
    await proxy.close();
  });

  it("ends with the route's time-out in all attempts", async () => {
    const { proxy } = await start(policy, GET, {}, { ...hedged, timeout: milliseconds(300) });
    await proxy.advance(102);
    await backOff(proxy);
    await proxy.advance(200);
    // The second attempt was too slow as well, and may not be followed by a third.
    assert.deepEqual(proxy.logs, ["504 response_timeout URX,UT"]);
    assert.equal(proxy.clusterStat("upstream_rq_timeout"), 2);
    await proxy.settle();
    assert.equal(proxy.server.closed, 2);
    await proxy.close();
  });
});
