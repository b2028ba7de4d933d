// Copies of requests on a whole proxy on simulated time: whatever happens to a copy, the client
// notices nothing, and nothing of it is left behind.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListenSocket, Socket } from "../../../../src/platform/sockets.ts";
import { MemoryPeer } from "../../../kit/memory-client.ts";
import { HttpProxy, type Message, staticCluster } from "../../http-proxy.ts";

const COPY_PORT = 10_002;

interface Copies {
  readonly proxy: HttpProxy;
  /** The connections of copies. */
  readonly peers: MemoryPeer[];
  stat(name: string): number | null;
  close(): Promise<void>;
}

/** A proxy that copies every request to a server that does what `accept` says. */
async function start(
  accept: (socket: Socket, peer: MemoryPeer) => void,
  { policy = {}, cluster = {}, route = {}, ...more }: Readonly<Record<string, Message>> = {},
): Promise<Copies> {
  const proxy = await HttpProxy.start({
    clusters: [{ ...staticCluster("copy", [COPY_PORT]), ...cluster }],
    route: {
      route: { cluster: "up", request_mirror_policies: [{ cluster: "copy", ...policy }], ...route },
    },
    ...more,
  });
  const peers: MemoryPeer[] = [];
  const { network } = proxy.server;
  const address = { ip: "127.0.0.1", port: COPY_PORT };
  const server: ListenSocket = await network.listen({ address }, (socket) => {
    const peer = new MemoryPeer();
    peer.socket = socket;
    socket.events = peer;
    peers.push(peer);
    accept(socket, peer);
  });
  return {
    proxy,
    peers,
    stat: (name) => proxy.server.stat(name),
    close: async () => {
      for (const { socket } of peers) socket.destroy();
      server.close();
      await proxy.close();
    },
  };
}

const reads = (socket: Socket): void => socket.resume();

test("a server that never reads costs a copy, not the client", async () => {
  const copies = await start(() => undefined);
  const size = 6_000_000;
  const answer = await copies.proxy.exchange("POST /", [], "x".repeat(size));
  assert.equal(answer.status, 200);
  assert.ok(answer.body.endsWith("x".repeat(1000)));
  assert.equal(copies.stat("cluster.up.retry_or_shadow_abandoned"), 1);
  assert.equal(copies.stat("cluster.copy.upstream_rq_active"), 0);
  await copies.close();
});

test("a server that reads slowly gets the whole copy within the limit", async () => {
  const copies = await start((socket) => {
    copies.proxy.server.time.after(200, () => socket.resume(), "read");
  });
  const body = "x".repeat(1_200_000);
  const answer = await copies.proxy.exchange("POST /", [], body);
  assert.equal(answer.status, 200);
  await copies.proxy.server.until(() => (copies.peers[0]?.text ?? "").length > body.length);
  assert.equal(copies.stat("cluster.up.retry_or_shadow_abandoned"), 0);
  await copies.close();
});

test("a copy that is never answered ends with the time-out of the route", async () => {
  const copies = await start(reads, { route: { timeout: "3s" } });
  assert.equal((await copies.proxy.exchange("GET /")).status, 200);
  const { server } = copies.proxy;
  assert.equal(copies.stat("cluster.copy.upstream_rq_active"), 1);
  await server.until(() => copies.stat("cluster.copy.upstream_rq_timeout") === 1);
  assert.equal(copies.stat("cluster.copy.upstream_rq_active"), 0);
  assert.equal(copies.stat("cluster.up.upstream_rq_timeout"), 0);
  await copies.close();
});

test("a copy under way does not keep the proxy from ending", async () => {
  const copies = await start(reads, { route: { timeout: "0s" } });
  assert.equal((await copies.proxy.exchange("GET /")).status, 200);
  assert.equal(copies.stat("cluster.copy.upstream_rq_active"), 1);
  await copies.close();
});

test("copies beyond the circuit breaker are left out", async () => {
  const copies = await start(reads, {
    route: { timeout: "0s" },
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 1 }] } },
  });
  for (let index = 0; index < 3; index++) {
    assert.equal((await copies.proxy.exchange("GET /")).status, 200);
  }
  assert.equal(copies.stat("cluster.copy.upstream_rq_active"), 1);
  assert.equal(copies.stat("cluster.copy.upstream_rq_pending_overflow"), 2);
  await copies.close();
});

test("a share of the requests is copied", async () => {
  const copies = await start(reads, {
    route: { timeout: "1s" },
    policy: { runtime_fraction: { default_value: { numerator: 30 } } },
  });
  for (let index = 0; index < 400; index++) await copies.proxy.exchange("GET /");
  const copied = copies.stat("cluster.copy.upstream_rq_total") ?? 0;
  // Six standard deviations.
  assert.ok(Math.abs(copied - 120) < 55, `${copied} of 400`);
  await copies.close();
});

test("a copy carries trailers, and its answer is dropped", async () => {
  const copies = await start(
    (socket, peer) => {
      socket.resume();
      peer.send(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ncopy`);
    },
    { manager: { http_protocol_options: { enable_trailers: true } } },
  );
  const answer = await copies.proxy.exchange("POST /", [], "hello");
  assert.ok(!answer.body.includes("copy"));
  await copies.close();
});
