import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../../src/config/runtime.ts";
import { tlsInspector } from "../../../src/extensions/listener-filters/tls-inspector/tls-inspector.ts";
import { connectionLimit } from "../../../src/extensions/network-filters/connection-limit/connection-limit.ts";
import { directResponse } from "../../../src/extensions/network-filters/direct-response/direct-response.ts";
import { echo } from "../../../src/extensions/network-filters/echo/echo.ts";
import { localRateLimit } from "../../../src/extensions/network-filters/local-ratelimit/local-ratelimit.ts";
import { sniCluster } from "../../../src/extensions/network-filters/sni-cluster/sni-cluster.ts";
import type { StreamInfo } from "../../../src/network/stream-info.ts";
import type { FilterChain } from "../../../src/proto/generated/envoy/config/listener/v3.ts";
import { createLimiterSlots, LimiterSlots } from "../../../src/upstream/limiter-slots.ts";
import { clientHello } from "../../kit/client-hello.ts";
import {
  createWorld,
  filterMessage,
  ListenerFixture,
  listenerMessage,
} from "../../kit/listener-fixture.ts";

const PACKAGE = "envoy.extensions.filters.network";
const ECHO = filterMessage(`${PACKAGE}.echo.v3.Echo`);

interface Start {
  readonly runtime?: RuntimeSnapshot;
  readonly logged?: StreamInfo[];
  readonly more?: object;
}

async function start(chains: FilterChain[], { runtime, logged, more }: Start = {}) {
  const world = createWorld();
  const services = {
    dispatcher: world.dispatcher,
    runtime: runtime ?? DEFAULT_RUNTIME,
    limiters: new LimiterSlots(createLimiterSlots(1), 0),
  };
  const readDataSource = (_source: object, context: CompileContext) =>
    context.error("no files", "do otherwise");
  const proxy = new ListenerFixture(
    {
      networkFilters: [
        echo(),
        directResponse({ readDataSource }),
        connectionLimit(services),
        localRateLimit({ ...services, time: world.dispatcher }),
        sniCluster(),
      ],
      listenerFilters: [tlsInspector()],
      ...(logged === undefined ? {} : { logged }),
    },
    world,
  );
  await proxy.apply(listenerMessage(1000, [], { filterChains: chains, accessLog: [{}], ...more }));
  return proxy;
}

/** A runtime that holds one boolean. */
function runtimeWith(key: string, value: boolean): RuntimeSnapshot {
  return {
    ...DEFAULT_RUNTIME,
    getBoolean: (asked, fallback) => (asked === key ? value : fallback),
  };
}

describe("echo", () => {
  it("sends back what it gets, FIN included", async () => {
    const proxy = await start([{ filters: [ECHO] }]);
    const client = proxy.connect(1000);
    client.send("hello");
    client.send("y".repeat(200_000));
    client.end();
    await proxy.time.advance(0);
    assert.equal(client.text, `hello${"y".repeat(200_000)}`);
    assert.deepEqual([client.ended, client.closed], [true, true]);
    await proxy.close();
  });

  it("stops reading from a client that does not read", async () => {
    const proxy = await start([{ filters: [ECHO] }]);
    const client = proxy.connect(1000, { paused: true });
    client.send(Buffer.alloc(4_000_000, "x"));
    await proxy.time.advance(0);
    assert.ok(client.socket.writableLength > 2_000_000, "the proxy took everything");
    client.socket.resume();
    await proxy.time.until(() => client.receivedBytes === 4_000_000);
    await proxy.close();
  });
});

describe("direct_response", () => {
  it("sends its text and closes", async () => {
    const response = { inlineString: "sorry\n" };
    const filter = filterMessage(`${PACKAGE}.direct_response.v3.Config`, { response });
    const logged: StreamInfo[] = [];
    const proxy = await start([{ filters: [filter] }], { logged });
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    assert.deepEqual([client.text, client.ended], ["sorry\n", true]);
    assert.equal(logged[0]?.responseCodeDetails, "direct_response");
    assert.equal(logged[0]?.bytesSent, 6);
    await proxy.close();
  });

  it("takes bytes, and nothing at all, and asks for files outside", () => {
    const type = directResponse({
      readDataSource: (_source, context) => context.error("no files here", "do otherwise"),
    });
    const compile = (response: object): string[] => {
      const context = new CompileContext();
      type.compile({ response }, context);
      return context.diagnostics.map(({ path, message }) => `${path}: ${message}`);
    };
    assert.deepEqual(compile({ inlineBytes: new Uint8Array([1]) }), []);
    assert.deepEqual(compile({}), []);
    assert.deepEqual(compile({ filename: "x" }), ["response: no files here"]);
  });
});

describe("connection_limit", () => {
  const LIMIT = `${PACKAGE}.connection_limit.v3.ConnectionLimit`;

  it("closes connections beyond the limit, and takes new ones when others have gone", async () => {
    const limit = filterMessage(LIMIT, { statPrefix: "p", maxConnections: 2 });
    const proxy = await start([{ filters: [limit, ECHO] }]);
    const clients = [0, 1, 2].map(() => proxy.connect(1000));
    await proxy.time.advance(0);
    assert.deepEqual(
      clients.map(({ ended }) => ended),
      [false, false, true],
    );
    assert.equal(proxy.stat("connection_limit.p.limited_connections"), 1);
    assert.equal(proxy.stat("connection_limit.p.active_connections"), 2);
    clients[0]?.end();
    await proxy.time.advance(0);
    const next = proxy.connect(1000);
    next.send("x");
    await proxy.time.advance(0);
    assert.equal(next.text, "x");
    await proxy.close();
  });

  it("keeps a rejected connection silent for the delay", async () => {
    const delay = { seconds: 2, nanos: 0 };
    const limit = filterMessage(LIMIT, { statPrefix: "p", maxConnections: 1, delay });
    const proxy = await start([{ filters: [limit, ECHO] }]);
    proxy.connect(1000);
    await proxy.time.advance(0);
    const late = proxy.connect(1000);
    late.send("x");
    await proxy.time.advance(1900);
    assert.deepEqual([late.text, late.ended], ["", false]);
    await proxy.time.advance(200);
    assert.equal(late.closed || late.ended, true);
    await proxy.close();
  });

  it("does nothing while the runtime switches it off", async () => {
    const runtimeEnabled = { runtimeKey: "k", defaultValue: true };
    const limit = filterMessage(LIMIT, { statPrefix: "p", maxConnections: 1, runtimeEnabled });
    const proxy = await start([{ filters: [limit, ECHO] }], { runtime: runtimeWith("k", false) });
    const clients = [0, 1, 2].map(() => proxy.connect(1000));
    await proxy.time.advance(0);
    assert.equal(
      clients.some(({ ended }) => ended),
      false,
    );
    await proxy.close();
  });
});

describe("local_ratelimit", () => {
  const RATE = `${PACKAGE}.local_ratelimit.v3.LocalRateLimit`;

  function bucket(maxTokens: number, seconds: number, more: object = {}): object {
    const tokenBucket = {
      maxTokens,
      tokensPerFill: maxTokens,
      fillInterval: { seconds, nanos: 0 },
    };
    return { statPrefix: "p", tokenBucket, ...more };
  }

  async function accepted(proxy: ListenerFixture, count: number): Promise<number> {
    const clients = Array.from({ length: count }, () => proxy.connect(1000));
    await proxy.time.advance(0);
    return clients.filter(({ ended }) => !ended).length;
  }

  it("admits a burst, then one connection per refilled token", async () => {
    const proxy = await start([{ filters: [filterMessage(RATE, bucket(10, 60)), ECHO] }]);
    assert.equal(await accepted(proxy, 12), 10);
    assert.equal(proxy.stat("local_rate_limit.p.rate_limited"), 2);
    await proxy.time.advance(5900);
    assert.equal(await accepted(proxy, 1), 0);
    await proxy.time.advance(200);
    assert.equal(await accepted(proxy, 2), 1);
    await proxy.time.advance(600_000);
    assert.equal(await accepted(proxy, 12), 10);
    await proxy.close();
  });

  it("shares a bucket between chains with the same key", async () => {
    const chain = (port: number): FilterChain => ({
      filterChainMatch: { sourcePorts: [port] },
      filters: [filterMessage(RATE, bucket(1, 60, { shareKey: "s" })), ECHO],
    });
    const proxy = await start([chain(7), chain(8)]);
    const clients = [7, 8].map((port) => proxy.connect(1000, { from: { ip: "127.0.0.1", port } }));
    await proxy.time.advance(0);
    assert.deepEqual(
      clients.map(({ ended }) => ended),
      [false, true],
    );
    await proxy.close();
  });

  it("refuses a bucket without tokens or with a short interval", () => {
    const type = localRateLimit({
      time: createWorld().dispatcher,
      runtime: DEFAULT_RUNTIME,
      limiters: new LimiterSlots(createLimiterSlots(1), 0),
    });
    const context = new CompileContext();
    type.compile(bucket(0, 1), context);
    type.compile(bucket(1, 0), context);
    assert.deepEqual(
      context.diagnostics.map(({ path }) => path),
      ["token_bucket.max_tokens", "token_bucket.fill_interval"],
    );
  });
});

describe("sni_cluster", () => {
  it("names the cluster after the server name, and nothing without one", async () => {
    const logged: StreamInfo[] = [];
    const sni = filterMessage(`${PACKAGE}.sni_cluster.v3.SniCluster`);
    const inspector = filterMessage(
      "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    );
    const more = { listenerFilters: [inspector] };
    const proxy = await start([{ filters: [sni, ECHO] }], { logged, more });
    for (const hello of [clientHello({ serverName: "A.internal" }), clientHello()]) {
      const client = proxy.connect(1000);
      client.send(hello);
      client.end();
      await proxy.time.advance(0);
    }
    const names = logged.map((info) =>
      info.filterState("envoy.tcp_proxy.cluster")?.serializeAsString(),
    );
    assert.deepEqual(names, ["a.internal", undefined]);
    await proxy.close();
  });
});
