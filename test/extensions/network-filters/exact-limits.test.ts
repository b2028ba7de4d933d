// Limits of network filters over two data planes of one process: both count on one number.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../../kit/memory-client.ts";
import { any, HttpProxy, type Message, PROXY_PORT } from "../http-proxy.ts";

/** A listener with this filter before an echo, on two data planes. */
async function start(type: string, fields: Message): Promise<HttpProxy> {
  const filters = [
    { name: "limit", typed_config: any(`network.${type}`, { stat_prefix: "p", ...fields }) },
    { name: "echo", typed_config: any("network.echo.v3.Echo") },
  ];
  const listener = { filter_chains: [{ filters }] };
  return await HttpProxy.start({ listener }, { dataPlanes: 2 });
}

async function connect(proxy: HttpProxy, count: number): Promise<MemoryClient[]> {
  const { network, time } = proxy.server;
  const address = { ip: "127.0.0.1", port: PROXY_PORT };
  const clients = Array.from({ length: count }, () => new MemoryClient(network, address));
  await time.advance(5);
  return clients;
}

const stays = ({ ended, closed }: MemoryClient): boolean => !ended && !closed;

function servedBy(proxy: HttpProxy): (number | null)[] {
  const name = (id: number): string =>
    `listener.127.0.0.1_${PROXY_PORT}.worker_${id}.downstream_cx_total`;
  return [0, 1].map((id) => proxy.server.stat(name(id)));
}

test("connection_limit lets exactly so many through", async () => {
  const proxy = await start("connection_limit.v3.ConnectionLimit", { max_connections: 7 });
  const clients = await connect(proxy, 20);
  assert.equal(clients.filter(stays).length, 7);
  assert.equal(proxy.server.stat("connection_limit.p.limited_connections"), 13);
  assert.ok(servedBy(proxy).every((count) => (count ?? 0) > 0));
  for (const client of clients.filter(stays).slice(0, 3)) client.socket.destroy();
  await proxy.server.time.advance(5);
  const later = await connect(proxy, 10);
  assert.equal(later.filter(stays).length, 3);
  for (const { socket } of [...clients, ...later]) socket.destroy();
  await proxy.close();
});

test("local_ratelimit takes every token once", async () => {
  const token_bucket = { max_tokens: 9, tokens_per_fill: 9, fill_interval: "9s" };
  const proxy = await start("local_ratelimit.v3.LocalRateLimit", { token_bucket });
  const clients = await connect(proxy, 30);
  assert.equal(clients.filter(stays).length, 9);
  assert.ok(servedBy(proxy).every((count) => (count ?? 0) > 0));
  await proxy.server.time.advance(2000);
  const later = await connect(proxy, 10);
  assert.equal(later.filter(stays).length, 2);
  for (const { socket } of [...clients, ...later]) socket.destroy();
  await proxy.close();
});
