// set_metadata on a whole proxy: merging, overwriting, what logs and headers see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileLog, HttpProxy, httpFilter, type Message } from "../http-proxy.ts";

function filter(fields: Message): Message {
  return httpFilter("set_metadata", "set_metadata.v3.Config", fields);
}

async function logged(fields: Message, format: string): Promise<string | undefined> {
  const manager = { access_log: [fileLog(`${format}\n`)] };
  const proxy = await HttpProxy.start({ filters: [filter(fields)], manager });
  await proxy.exchange("GET /");
  const [line] = proxy.log;
  await proxy.close();
  return line;
}

test("sets values that logs and headers can read", async () => {
  const fields = { metadata: [{ metadata_namespace: "ns", value: { a: "text", n: 2 } }] };
  const add = { header: { key: "x-a", value: '%DYNAMIC_METADATA(["ns", "a"])%' } };
  const proxy = await HttpProxy.start({
    filters: [filter(fields)],
    route: { request_headers_to_add: [add] },
  });
  await proxy.exchange("GET /");
  assert.ok(proxy.seen().includes("x-a: text"));
  await proxy.close();
  assert.equal(await logged(fields, "%DYNAMIC_METADATA(ns)%"), '{"a":"text","n":2}');
});

test("merges objects and joins lists where overwriting is allowed", async () => {
  const values = [
    { a: 1, o: { p: 1, l: [1] }, s: "old" },
    { o: { q: 2, l: [2] }, s: "new" },
  ];
  const metadata = values.map((value) => ({
    metadata_namespace: "ns",
    value,
    allow_overwrite: true,
  }));
  const line = await logged({ metadata }, "%DYNAMIC_METADATA(ns)%");
  assert.equal(line, '{"a":1,"o":{"l":[1,2],"p":1,"q":2},"s":"new"}');
});

test("keeps what is there, and counts it, where overwriting is not allowed", async () => {
  const metadata = [{ a: 1 }, { a: 2 }].map((value) => ({ metadata_namespace: "ns", value }));
  const proxy = await HttpProxy.start({
    filters: [filter({ metadata })],
    manager: { access_log: [fileLog("%DYNAMIC_METADATA(ns:a)%\n")] },
  });
  await proxy.exchange("GET /");
  assert.deepEqual(proxy.log, ["1"]);
  assert.equal(proxy.server.stat("http.in.set_metadata.overwrite_denied"), 1);
  await proxy.close();
});

test("takes the old way of writing it", async () => {
  const line = await logged(
    { metadata_namespace: "ns", value: { a: "old" } },
    "%DYNAMIC_METADATA(ns:a)%",
  );
  assert.equal(line, "old");
});
