// buffer on a whole proxy: what is held, the limit, the content-length, overrides of routes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../../kit/memory-client.ts";
import { any, HttpProxy, httpFilter, type Message, PROXY_PORT } from "../http-proxy.ts";

const BUFFER = httpFilter("buffer", "buffer.v3.Buffer", { max_request_bytes: 10 });

function override(fields: Message): Message {
  return {
    typed_per_filter_config: {
      "envoy.filters.http.buffer": any("http.buffer.v3.BufferPerRoute", fields),
    },
  };
}

test("holds a request until it is complete", async () => {
  const proxy = await HttpProxy.start({ filters: [BUFFER] });
  const client = new MemoryClient(proxy.server.network, { ip: "127.0.0.1", port: PROXY_PORT });
  client.send("POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 6\r\n\r\nabc");
  await proxy.server.time.advance(10);
  assert.equal(proxy.upstreams.length, 0);
  client.send("def");
  await proxy.server.until(() => client.ended);
  assert.ok(proxy.upstreams[0]!.text.endsWith("\r\n\r\nabcdef"));
  client.socket.destroy();
  await proxy.close();
});

test("gives a chunked request its length", async () => {
  const proxy = await HttpProxy.start({ filters: [BUFFER] });
  const client = new MemoryClient(proxy.server.network, { ip: "127.0.0.1", port: PROXY_PORT });
  client.send(
    "POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  );
  await proxy.server.until(() => client.ended);
  assert.ok(proxy.seen().includes("content-length: 5"));
  assert.ok(proxy.upstreams[0]!.text.endsWith("\r\n\r\nabcde"));
  client.socket.destroy();
  await proxy.close();
});

test("passes exactly the limit, refuses one byte more", async () => {
  const proxy = await HttpProxy.start({ filters: [BUFFER] });
  assert.equal((await proxy.exchange("POST /", [], "0123456789")).status, 200);
  const refused = await proxy.exchange("POST /", [], "0123456789a");
  assert.equal(refused.status, 413);
  assert.equal(refused.body, "Payload Too Large");
  assert.equal(proxy.upstreams.length, 1);
  await proxy.close();
});

test("a route may have a limit of its own", async () => {
  const proxy = await HttpProxy.start({
    filters: [BUFFER],
    route: override({ buffer: { max_request_bytes: 20 } }),
  });
  assert.equal((await proxy.exchange("POST /", [], "0123456789a")).status, 200);
  await proxy.close();
});

test("a route may switch it off", async () => {
  const proxy = await HttpProxy.start({ filters: [BUFFER], route: override({ disabled: true }) });
  assert.equal((await proxy.exchange("POST /", [], "0123456789a")).status, 200);
  await proxy.close();
});

test("refuses to hold nothing", async () => {
  const filters = [httpFilter("buffer", "buffer.v3.Buffer", { max_request_bytes: 0 })];
  const problems = await HttpProxy.problems({ filters });
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(problems[0]!, /max_request_bytes/);
});
