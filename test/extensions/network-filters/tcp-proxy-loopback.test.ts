// The TCP proxy on real loopback sockets: what memory sockets cannot show.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../../src/config/runtime.ts";
import { clusterFactories } from "../../../src/extensions/clusters/catalogue.ts";
import { loadBalancerFactories } from "../../../src/extensions/load-balancers/catalogue.ts";
import { tcpProxy } from "../../../src/extensions/network-filters/tcp-proxy/tcp-proxy.ts";
import { UNLIMITED } from "../../../src/network/connection-limit.ts";
import { byMessage } from "../../../src/network/filter-chain-config.ts";
import { ListenerManager } from "../../../src/network/listener-manager.ts";
import { Dispatcher } from "../../../src/platform/dispatcher.ts";
import { NodeSocketFactory } from "../../../src/platform/node/socket-factory.ts";
import { systemAlarm, systemTime } from "../../../src/platform/node/time.ts";
import type { Address } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import { createListenerManagerStats } from "../../../src/stats/groups/listener-manager-stats.ts";
import { StatSlab } from "../../../src/stats/slab.ts";
import { StatsStore } from "../../../src/stats/stats-store.ts";
import { compileCluster } from "../../../src/upstream/cluster-config.ts";
import { UpstreamClusterManager } from "../../../src/upstream/cluster-manager.ts";
import { turnsUntil } from "../../kit/event-loop.ts";
import { filterMessage } from "../../kit/listener-fixture.ts";
import { SeededRandom } from "../../kit/seeded-random.ts";
import { staticMessage, upstreamFixture } from "../../upstream/upstream-fixture.ts";

interface RealProxy {
  readonly manager: ListenerManager;
  readonly dispatcher: Dispatcher;
  readonly port: number;
  close(): void;
}

const ANY_PORT: Address = { socketAddress: { address: "127.0.0.1", portValue: 0 } };

async function start(upstreamPort: number, address: Address = ANY_PORT): Promise<RealProxy> {
  const bugs: unknown[] = [];
  const dispatcher = new Dispatcher({
    time: systemTime,
    alarm: systemAlarm,
    random: new SeededRandom(1),
    defer: queueMicrotask,
    onBug: (error) => bugs.push(error),
  });
  const sockets = new NodeSocketFactory();
  const store = new StatsStore(new StatSlab());
  const { services, dnsCaches } = upstreamFixture();
  const clusters = new UpstreamClusterManager({
    ...services,
    dispatcher,
    sockets,
    stats: store.root,
    configurationStats: store.root,
  });
  const kinds = {
    clusters: clusterFactories({ dnsCaches }),
    loadBalancers: loadBalancerFactories(),
    healthChecks: { checkers: [], eventSinks: [] },
    sourceAddresses: [],
  };
  const cluster = compileCluster(staticMessage([upstreamPort]), kinds, new CompileContext());
  clusters.addOrUpdate(cluster!, "static");
  const filter = tcpProxy({
    dispatcher,
    clusters,
    compileAccessLog: () => ({}),
    createAccessLogger: () => ({ log: () => undefined }),
  });
  let connectionId = 0;
  const manager = new ListenerManager(
    {
      dispatcher,
      stats: store.root,
      catalogue: {
        networkFilters: byMessage([filter]),
        listenerFilters: byMessage([]),
        logs: null,
      },
      runtime: DEFAULT_RUNTIME,
      drain: { drainTimeMs: 1000, strategy: "gradual" },
      serverDrain: () => false,
      healthCheckFailed: () => false,
      globalLimit: UNLIMITED,
      rejectsConnections: () => false,
      workerId: 0,
      nextConnectionId: () => ++connectionId,
    },
    sockets,
    createListenerManagerStats(store.root.scope("listener_manager")),
    { reusePort: false },
  );
  const typed = filterMessage("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    statPrefix: "p",
    cluster: "c",
  });
  const message = { name: "l", address, filterChains: [{ filters: [typed] }] };
  const context = new CompileContext();
  let done = false;
  manager.prepare({ changed: [{ message, context }], removed: [] }).commit((problems) => {
    done = problems.length === 0;
  });
  await turnsUntil(() => done);
  return {
    manager,
    dispatcher,
    port: manager.status()[0]?.addresses[0]?.port ?? 0,
    close: () => {
      manager.close();
      clusters.close(() => undefined);
      assert.deepEqual(bugs, []);
      assert.equal(dispatcher.armedTimers, 0);
    },
  };
}

/** A server that answers with a pattern of so many bytes once the client has ended. */
async function patternServer(bytes: number): Promise<{ server: net.Server; received: Buffer[] }> {
  const received: Buffer[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("data", (data: Buffer) => received.push(data));
    socket.on("end", () => socket.end(pattern(bytes, 5)));
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, received };
}

function pattern(length: number, step: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * step + (at >> 10)) & 0xff;
  return bytes;
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

async function readAll(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (data: Buffer) => chunks.push(data));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

describe("tcp_proxy on loopback", () => {
  it("carries 20 MB up and 20 MB down unchanged, half-closed in between", async () => {
    const size = 20_000_000;
    const { server, received } = await patternServer(size);
    const proxy = await start(portOf(server));
    const client = net.connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    client.end(pattern(size, 3));
    const answer = await readAll(client);
    assert.ok(answer.equals(pattern(size, 5)), "the answer changed on its way");
    assert.ok(Buffer.concat(received).equals(pattern(size, 3)), "the request changed on its way");
    client.destroy();
    await turnsUntil(() => proxy.manager.connectionCount === 0);
    proxy.close();
    server.close();
  });

  it("carries many connections at once, each its own bytes", async () => {
    const { server } = await patternServer(300_000);
    const proxy = await start(portOf(server));
    const clients = Array.from({ length: 50 }, () =>
      net.connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }),
    );
    const answers = clients.map(readAll);
    for (const client of clients) client.end("go");
    for (const answer of await Promise.all(answers)) assert.ok(answer.equals(pattern(300_000, 5)));
    await turnsUntil(() => proxy.manager.connectionCount === 0);
    proxy.close();
    server.close();
  });

  it("serves a Unix socket with the permissions that were asked for", async () => {
    const { server } = await patternServer(10);
    const folder = mkdtempSync(join(tmpdir(), "outrigger-"));
    const path = join(folder, "s");
    const proxy = await start(portOf(server), { pipe: { path, mode: 0o600 } });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const client = net.connect({ path, allowHalfOpen: true });
    client.end("go");
    assert.ok((await readAll(client)).equals(pattern(10, 5)));
    await turnsUntil(() => proxy.manager.connectionCount === 0);
    proxy.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("survives clients and servers that reset at any moment", async () => {
    const random = new SeededRandom(9);
    const server = net.createServer((socket) => {
      socket.on("error", () => undefined);
      if (random.chance(0.5)) socket.write(Buffer.alloc(random.below(400_000)));
      socket.on("data", () => {
        if (random.chance(0.3)) socket.resetAndDestroy();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = await start(portOf(server));
    const clients = Array.from({ length: 60 }, () => {
      const client = net.connect(proxy.port, "127.0.0.1");
      client.on("error", () => undefined);
      client.on("connect", () => {
        client.write(Buffer.alloc(random.below(400_000)));
        if (random.chance(0.5)) client.resetAndDestroy();
      });
      client.on("data", () => {
        if (random.chance(0.2)) client.resetAndDestroy();
      });
      return client;
    });
    await turnsUntil(() => clients.every((client) => !client.connecting));
    for (const client of clients) client.destroy();
    await turnsUntil(() => proxy.manager.connectionCount === 0);
    proxy.close();
    server.close();
  });
});
