import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { sniCluster } from "../../../src/extensions/network-filters/sni-cluster/sni-cluster.ts";
import { tcpProxy } from "../../../src/extensions/network-filters/tcp-proxy/tcp-proxy.ts";
import { defineNetworkFilter } from "../../../src/network/network-filter.ts";
import type { FilterStateObject, StreamInfo } from "../../../src/network/stream-info.ts";
import { ResponseFlag } from "../../../src/network/stream-info.ts";
import type { TcpProxy } from "../../../src/proto/generated/envoy/extensions/filters/network/tcp_proxy/v3.ts";
import type { AccessLogType } from "../../../src/route/formatter.ts";
import type { ClusterLookup, ClusterManager } from "../../../src/upstream/cluster.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "../../kit/listener-fixture.ts";
import { type MemoryClient, MemoryServer } from "../../kit/memory-client.ts";
import type { Link } from "../../kit/memory-socket.ts";
import {
  staticMessage,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

const TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

interface LogLine {
  readonly type: AccessLogType;
  readonly flags: number;
  readonly received: number;
  readonly sent: number;
  readonly upstreamSent: number;
  readonly upstreamHost: string;
  readonly cluster: string;
}

interface Proxy {
  readonly upstreams: UpstreamFixture;
  readonly listeners: ListenerFixture;
  readonly server: MemoryServer;
  readonly lines: LogLine[];
  connect(paused?: boolean): MemoryClient;
  settle(): Promise<void>;
  close(): Promise<void>;
}

interface ProxyOptions {
  readonly clusters?: (real: ClusterManager) => ClusterManager;
  readonly filterState?: Readonly<Record<string, FilterStateObject>>;
  readonly link?: Partial<Link>;
  readonly ports?: readonly number[];
  readonly thresholds?: object;
}

/** A filter that puts objects into filter state, as set_filter_state does. */
function filterStateType(objects: Readonly<Record<string, FilterStateObject>>) {
  return defineNetworkFilter<object, object>({
    name: "test.state",
    messages: ["test.State"],
    compile: () => ({}),
    createFactory: () => ({
      name: "test.state",
      create: ({ streamInfo }) => {
        for (const [key, value] of Object.entries(objects)) streamInfo.setFilterState(key, value);
        return {};
      },
    }),
  });
}

async function start(message: TcpProxy, options: ProxyOptions = {}): Promise<Proxy> {
  const upstreams = upstreamFixture();
  const lines: LogLine[] = [];
  const record = (streamInfo: StreamInfo, type: AccessLogType): void => {
    lines.push({
      type,
      flags: streamInfo.responseFlags,
      received: streamInfo.bytesReceived,
      sent: streamInfo.bytesSent,
      upstreamSent: streamInfo.upstreamWireBytesSent,
      upstreamHost: streamInfo.upstream?.hostAddress ?? "",
      cluster: streamInfo.cluster?.name ?? "",
    });
  };
  const filters = [
    tcpProxy({
      dispatcher: upstreams.dispatcher,
      clusters: options.clusters?.(upstreams.manager) ?? upstreams.manager,
      compileAccessLog: () => ({}),
      createAccessLogger: () => ({ log: ({ streamInfo, logType }) => record(streamInfo, logType) }),
    }),
    filterStateType(options.filterState ?? {}),
    sniCluster(),
  ];
  const listeners = new ListenerFixture({ networkFilters: filters }, upstreams);
  if (options.link !== undefined) upstreams.network.setLink(options.link);
  upstreams.add(
    staticMessage(options.ports ?? [2000], {
      ...(options.thresholds === undefined
        ? {}
        : { circuitBreakers: { thresholds: [options.thresholds] } }),
    }),
  );
  const server = await new MemoryServer().listen(upstreams.network, {
    ip: "127.0.0.1",
    port: 2000,
  });
  const tcp = { statPrefix: "p", cluster: "c", accessLog: [{}], ...message };
  const chain = [filterMessage("test.State"), filterMessage(TCP_PROXY, tcp)];
  await listeners.apply(
    listenerMessage(1000, options.filterState === undefined ? chain.slice(1) : chain),
  );
  return {
    upstreams,
    listeners,
    server,
    lines,
    connect: (paused = false) => listeners.connect(1000, { paused }),
    settle: () => upstreams.time.advance(0),
    close: async () => {
      server.close();
      listeners.manager.close();
      upstreams.manager.close(() => undefined);
      await listeners.close();
    },
  };
}

describe("tcp_proxy: relay", () => {
  it("carries bytes both ways and counts them", async () => {
    const proxy = await start({});
    const client = proxy.connect();
    client.send("question");
    await proxy.settle();
    proxy.server.last.send("the answer");
    await proxy.settle();
    assert.deepEqual([proxy.server.last.text, client.text], ["question", "the answer"]);
    assert.equal(proxy.listeners.stat("tcp.p.downstream_cx_total"), 1);
    assert.equal(proxy.listeners.stat("tcp.p.downstream_cx_rx_bytes_total"), 8);
    assert.equal(proxy.listeners.stat("tcp.p.downstream_cx_tx_bytes_total"), 10);
    client.end();
    proxy.server.last.end();
    await proxy.settle();
    assert.equal(proxy.listeners.stat("cluster.c.upstream_cx_tx_bytes_total"), 8);
    assert.equal(proxy.listeners.stat("cluster.c.upstream_cx_rx_bytes_total"), 10);
    assert.deepEqual(proxy.lines, [
      {
        type: "TcpConnectionEnd",
        flags: 0,
        received: 8,
        sent: 10,
        upstreamSent: 8,
        upstreamHost: "127.0.0.1:2000",
        cluster: "c",
      },
    ]);
    await proxy.close();
  });

  it("carries megabytes unchanged in odd chunks over a slow link", async () => {
    let size = 0;
    const chunkBytes = (): number => {
      size += 7919;
      return 1 + (size % 70_000);
    };
    const proxy = await start({}, { link: { latencyMs: 2, chunkBytes, kernelBytes: 90_000 } });
    const client = proxy.connect();
    const sent = Buffer.alloc(3_000_000);
    for (let at = 0; at < sent.length; at++) sent[at] = (at * 17) & 0xff;
    client.send(sent);
    client.end();
    await proxy.upstreams.time.until(
      () => proxy.server.peers.length > 0 && proxy.server.last.ended,
    );
    assert.ok(Buffer.from(proxy.server.last.text, "latin1").equals(sent));
    proxy.server.last.send(sent);
    proxy.server.last.end();
    await proxy.upstreams.time.until(() => client.ended);
    assert.ok(Buffer.from(client.text, "latin1").equals(sent));
    await proxy.upstreams.time.advance(100);
    assert.equal(client.closed, true);
    await proxy.close();
  });

  it("reads nothing from the client before upstream is connected", async () => {
    const proxy = await start({});
    proxy.upstreams.network.setLink({ latencyMs: 50 }, { ip: "127.0.0.1", port: 2000 });
    const client = proxy.connect();
    client.send("x".repeat(100_000));
    await proxy.upstreams.time.advance(90);
    assert.equal(proxy.listeners.stat("tcp.p.downstream_cx_rx_bytes_total"), 0);
    await proxy.upstreams.time.advance(100);
    assert.equal(proxy.server.last.receivedBytes, 100_000);
    await proxy.close();
  });
});

describe("tcp_proxy: half close", () => {
  it("passes the client's FIN on and still carries the answer", async () => {
    const proxy = await start({});
    const client = proxy.connect();
    client.send("request");
    client.end();
    await proxy.settle();
    assert.deepEqual([proxy.server.last.text, proxy.server.last.ended], ["request", true]);
    assert.equal(client.closed, false);
    proxy.server.last.send("late answer");
    proxy.server.last.end();
    await proxy.settle();
    assert.equal(client.text, "late answer");
    assert.deepEqual([client.closed, proxy.server.last.closed], [true, true]);
    await proxy.close();
  });

  it("passes upstream's FIN on and still carries what the client sends", async () => {
    const proxy = await start({});
    const client = proxy.connect();
    await proxy.settle();
    proxy.server.last.send("banner");
    proxy.server.last.end();
    await proxy.settle();
    assert.deepEqual([client.text, client.ended, client.closed], ["banner", true, false]);
    client.send("more");
    client.end();
    await proxy.settle();
    assert.equal(proxy.server.last.text, "more");
    assert.deepEqual([client.closed, proxy.server.last.closed], [true, true]);
    await proxy.close();
  });
});

describe("tcp_proxy: back-pressure", () => {
  it("stops reading from the client while upstream reads slowly", async () => {
    const proxy = await start({}, { link: { kernelBytes: 50_000 } });
    proxy.server.paused = true;
    const client = proxy.connect();
    const sent = Buffer.alloc(2_000_000, "x");
    client.send(sent);
    await proxy.upstreams.time.advance(1000);
    const taken = proxy.listeners.stat("tcp.p.downstream_cx_rx_bytes_total");
    assert.ok(taken < 400_000, `${taken} bytes were taken for a receiver that does not read`);
    const paused = "tcp.p.downstream_flow_control_paused_reading_total";
    assert.equal(proxy.listeners.stat(paused), 1);
    proxy.server.last.socket.resume();
    await proxy.upstreams.time.until(() => proxy.server.last.receivedBytes === sent.length);
    assert.equal(
      proxy.listeners.stat("tcp.p.downstream_flow_control_resumed_reading_total"),
      proxy.listeners.stat(paused),
    );
    await proxy.close();
  });

  it("stops reading from upstream while the client reads slowly", async () => {
    const proxy = await start({}, { link: { kernelBytes: 50_000 } });
    const client = proxy.connect(true);
    await proxy.settle();
    const sent = Buffer.alloc(2_000_000, "x");
    proxy.server.last.send(sent);
    await proxy.upstreams.time.advance(1000);
    const taken = proxy.listeners.stat("tcp.p.downstream_cx_tx_bytes_total");
    assert.ok(taken < 400_000, `${taken} bytes were taken for a client that does not read`);
    assert.equal(proxy.listeners.stat("cluster.c.upstream_flow_control_paused_reading_total"), 1);
    assert.ok(proxy.listeners.stat("tcp.p.downstream_cx_tx_bytes_buffered") > 0);
    client.socket.resume();
    await proxy.upstreams.time.until(() => client.receivedBytes === sent.length);
    assert.equal(proxy.listeners.stat("tcp.p.downstream_cx_tx_bytes_buffered"), 0);
    await proxy.close();
  });
});

describe("tcp_proxy: endings", () => {
  it("flushes what the client sent before it went away", async () => {
    const proxy = await start({}, { link: { kernelBytes: 50_000 } });
    const client = proxy.connect();
    await proxy.settle();
    proxy.server.last.socket.pause();
    client.send(Buffer.alloc(120_000, "x"));
    await proxy.settle();
    client.socket.resetAndDestroy();
    await proxy.upstreams.time.advance(10);
    assert.equal(proxy.lines.length, 1);
    assert.equal(proxy.listeners.stat("tcp.p.upstream_flush_active"), 1);
    proxy.server.last.socket.resume();
    await proxy.settle();
    assert.equal(proxy.server.last.receivedBytes, 120_000);
    assert.equal(proxy.listeners.stat("tcp.p.upstream_flush_active"), 0);
    assert.equal(proxy.listeners.stat("tcp.p.upstream_flush_total"), 1);
    await proxy.close();
  });

  it("gives up the flush when nothing moves for the idle timeout", async () => {
    const proxy = await start(
      { idleTimeout: { seconds: 5, nanos: 0 } },
      { link: { kernelBytes: 9000 } },
    );
    proxy.server.paused = true;
    const client = proxy.connect();
    await proxy.settle();
    client.send(Buffer.alloc(20_000, "x"));
    await proxy.settle();
    client.socket.resetAndDestroy();
    await proxy.upstreams.time.advance(6000);
    assert.equal(proxy.listeners.stat("tcp.p.idle_timeout"), 1);
    assert.equal(proxy.listeners.stat("cluster.c.upstream_cx_active"), 0);
    await proxy.close();
  });

  it("goes on with a flush that is slow but moves", async () => {
    const link = { kernelBytes: 9000, chunkBytes: 1000, latencyMs: 0 };
    const proxy = await start({ idleTimeout: { seconds: 5, nanos: 0 } }, { link });
    proxy.server.paused = true;
    const client = proxy.connect();
    await proxy.settle();
    client.send(Buffer.alloc(100_000, "x"));
    await proxy.settle();
    client.socket.resetAndDestroy();
    // Three chunks every four seconds.
    const { last } = proxy.server;
    const onBytes = last.onBytes.bind(last);
    let left = 0;
    last.onBytes = (buffer, length) => {
      onBytes(buffer, length);
      if (--left <= 0) last.socket.pause();
    };
    await proxy.upstreams.time.advance(1);
    assert.equal(proxy.listeners.stat("tcp.p.upstream_flush_active"), 1);
    for (let round = 0; round < 60 && !last.ended; round++) {
      left = 3;
      last.socket.resume();
      await proxy.upstreams.time.advance(4000);
    }
    assert.equal(last.ended, true);
    assert.equal(proxy.listeners.stat("tcp.p.upstream_flush_active"), 0);
    assert.equal(proxy.listeners.stat("tcp.p.idle_timeout"), 0);
    await proxy.close();
  });

  it("gives the client what upstream sent before it reset", async () => {
    const proxy = await start({});
    const client = proxy.connect();
    await proxy.settle();
    proxy.server.last.send("last words");
    await proxy.settle();
    proxy.server.last.socket.resetAndDestroy();
    await proxy.settle();
    assert.deepEqual([client.text, client.ended], ["last words", true]);
    assert.equal(proxy.lines.length, 1);
    await proxy.close();
  });
});

describe("tcp_proxy: timers", () => {
  it("closes an idle connection after the idle timeout, counted from the last byte", async () => {
    const proxy = await start({ idleTimeout: { seconds: 10, nanos: 0 } });
    const client = proxy.connect();
    await proxy.upstreams.time.advance(9000);
    client.send("x");
    await proxy.upstreams.time.advance(9000);
    proxy.server.last.send("y");
    await proxy.upstreams.time.advance(9000);
    assert.equal(client.ended, false);
    await proxy.upstreams.time.advance(2000);
    assert.equal(client.ended, true);
    assert.equal(proxy.listeners.stat("tcp.p.idle_timeout"), 1);
    await proxy.close();
  });

  it("has an idle timeout of an hour, none with zero, and the one of filter state", async () => {
    const hour = await start({});
    const hourClient = hour.connect();
    await hour.upstreams.time.advance(3_590_000);
    assert.equal(hourClient.ended, false);
    await hour.upstreams.time.advance(70_000);
    assert.equal(hourClient.ended, true);
    await hour.close();
    const never = await start({ idleTimeout: { seconds: 0, nanos: 0 } });
    const neverClient = never.connect();
    await never.upstreams.time.advance(10_000_000);
    assert.equal(neverClient.ended, false);
    await never.close();
    const key = "envoy.tcp_proxy.per_connection_idle_timeout_ms";
    const own = await start({}, { filterState: { [key]: { serializeAsString: () => "500" } } });
    const ownClient = own.connect();
    await own.upstreams.time.advance(520);
    assert.equal(ownClient.ended, true);
    await own.close();
  });

  it("closes a connection that lasts too long, with flag DT", async () => {
    const proxy = await start({ maxDownstreamConnectionDuration: { seconds: 3, nanos: 0 } });
    const client = proxy.connect();
    for (let second = 0; second < 4; second++) {
      client.send("x");
      await proxy.upstreams.time.advance(1000);
    }
    assert.equal(client.ended, true);
    assert.equal(proxy.listeners.stat("tcp.p.max_downstream_connection_duration"), 1);
    assert.equal(proxy.lines[0]?.flags, ResponseFlag.DurationTimeout);
    await proxy.close();
  });

  it("logs on connect and periodically when asked to", async () => {
    const proxy = await start({
      accessLogOptions: {
        flushAccessLogOnConnected: true,
        accessLogFlushInterval: { seconds: 10, nanos: 0 },
      },
    });
    const client = proxy.connect();
    await proxy.upstreams.time.advance(21_000);
    client.socket.resetAndDestroy();
    await proxy.settle();
    assert.deepEqual(
      proxy.lines.map(({ type }) => type),
      ["TcpUpstreamConnected", "TcpPeriodic", "TcpPeriodic", "TcpConnectionEnd"],
    );
    await proxy.close();
  });
});

describe("tcp_proxy: choice and failure", () => {
  it("closes with NC when the cluster does not exist", async () => {
    const proxy = await start({ cluster: "nowhere" });
    const client = proxy.connect();
    await proxy.settle();
    assert.equal(client.ended, true);
    assert.equal(proxy.listeners.stat("tcp.p.downstream_cx_no_route"), 1);
    assert.equal(proxy.lines[0]?.flags, ResponseFlag.NoClusterFound);
    await proxy.close();
  });

  it("closes with UH when the cluster has no host", async () => {
    const proxy = await start({}, { ports: [] });
    const client = proxy.connect();
    await proxy.settle();
    assert.equal(client.ended, true);
    assert.equal(proxy.lines[0]?.flags, ResponseFlag.NoHealthyUpstream);
    await proxy.close();
  });

  it("closes with UF and URX when connecting fails, after as many attempts as allowed", async () => {
    const proxy = await start({ maxConnectAttempts: 3 }, { ports: [2001, 2002] });
    const client = proxy.connect();
    await proxy.settle();
    assert.equal(client.ended, true);
    assert.equal(
      proxy.lines[0]?.flags,
      ResponseFlag.UpstreamConnectionFailure | ResponseFlag.UpstreamRetryLimitExceeded,
    );
    assert.equal(proxy.listeners.stat("cluster.c.upstream_cx_connect_fail"), 3);
    assert.equal(proxy.listeners.stat("cluster.c.upstream_cx_connect_attempts_exceeded"), 1);
    await proxy.close();
  });

  it("tries another host when there are attempts left", async () => {
    const proxy = await start({ maxConnectAttempts: 2 }, { ports: [2001, 2000] });
    const clients = [proxy.connect(), proxy.connect()];
    for (const client of clients) client.send("x");
    await proxy.settle();
    assert.equal(proxy.server.peers.length, 2);
    assert.deepEqual(
      proxy.server.peers.map(({ text }) => text),
      ["x", "x"],
    );
    await proxy.close();
  });

  it("closes with UO when the circuit breaker is open", async () => {
    const proxy = await start({}, { thresholds: { maxConnections: 1 } });
    const first = proxy.connect();
    await proxy.settle();
    const second = proxy.connect();
    await proxy.settle();
    assert.deepEqual([first.ended, second.ended], [false, true]);
    assert.equal(proxy.lines[0]?.flags, ResponseFlag.UpstreamOverflow);
    assert.equal(proxy.listeners.stat("cluster.c.upstream_cx_overflow"), 1);
    await proxy.close();
  });

  it("waits for a cluster that comes later, and forgets about it when the client leaves", async () => {
    let deliver: ((name: string | null) => void) | null = null;
    let cancelled = 0;
    const later = (real: ClusterManager): ClusterManager => ({
      lookup: (): ClusterLookup => ({
        kind: "later",
        wait: (callback) => {
          deliver = (name) => {
            const found = name === null ? null : real.lookup(name);
            callback(found?.kind === "now" ? found.cluster : null);
          };
          return () => {
            cancelled++;
          };
        },
      }),
    });
    const proxy = await start({}, { clusters: later });
    const client = proxy.connect();
    client.send("x");
    await proxy.upstreams.time.advance(1000);
    assert.equal(proxy.server.peers.length, 0);
    proxy.upstreams.dispatcher.runEvent(() => deliver?.("c"));
    await proxy.settle();
    assert.equal(proxy.server.last.text, "x");
    const leaving = proxy.connect();
    await proxy.settle();
    leaving.socket.resetAndDestroy();
    await proxy.settle();
    proxy.listeners.manager.closeConnections();
    assert.equal(cancelled, 1);
    await proxy.close();
  });

  it("divides connections by weight", async () => {
    const proxy = await start({
      weightedClusters: {
        clusters: [
          { name: "c", weight: 75 },
          { name: "nowhere", weight: 25 },
        ],
      },
      ...({ cluster: undefined } as object),
    });
    for (let count = 0; count < 400; count++) proxy.connect();
    await proxy.settle();
    const share = proxy.server.peers.length / 400;
    assert.ok(share > 0.68 && share < 0.82, `75 % got ${share}`);
    await proxy.close();
  });

  it("takes the cluster that filter state names", async () => {
    const proxy = await start(
      { cluster: "nowhere" },
      { filterState: { "envoy.tcp_proxy.cluster": { serializeAsString: () => "c" } } },
    );
    const client = proxy.connect();
    client.send("x");
    await proxy.settle();
    assert.equal(proxy.server.last.text, "x");
    await proxy.close();
  });
});

describe("tcp_proxy: configuration", () => {
  const type = tcpProxy({
    dispatcher: upstreamFixture().dispatcher,
    clusters: { lookup: () => ({ kind: "none" }) },
    compileAccessLog: () => ({}),
    createAccessLogger: () => ({ log: () => undefined }),
  });

  function problems(message: TcpProxy): string[] {
    const context = new CompileContext();
    type.compile(message, context);
    return context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`);
  }

  it("refuses what it does not do, by name", () => {
    assert.deepEqual(
      problems({
        statPrefix: "p",
        cluster: "c",
        tunnelingConfig: { hostname: "h" },
        onDemand: {},
        maxEarlyDataBytes: 10,
        upstreamConnectMode: "ON_DOWNSTREAM_DATA",
      }),
      [
        "tunneling_config: tunneling_config of the TCP proxy is not supported",
        "on_demand: on_demand of the TCP proxy is not supported",
        "upstream_connect_mode: upstream_connect_mode of the TCP proxy is not supported",
        "max_early_data_bytes: max_early_data_bytes of the TCP proxy is not supported",
      ],
    );
  });

  it("needs a cluster", () => {
    assert.deepEqual(problems({ statPrefix: "p" }), [": The TCP proxy needs a cluster"]);
  });
});
