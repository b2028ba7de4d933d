// Early header mutations on a whole proxy: before routing, before the manager's own headers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpProxy, type Message } from "../../http-proxy.ts";

const TYPE =
  "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

function early(...mutations: readonly Message[]): Message {
  const extension = { name: "early", typed_config: { "@type": TYPE, mutations } };
  return { early_header_mutation_extensions: [extension] };
}

function append(key: string, value: string): Message {
  return { append: { header: { key, value } } };
}

test("routes see what they changed", async () => {
  const proxy = await HttpProxy.start({
    manager: early(append("x-early", "%REQ(:METHOD)%"), { remove: "x-gone" }),
    routes: [
      {
        match: { prefix: "/", headers: [{ name: "x-early", string_match: { exact: "GET" } }] },
        direct_response: { status: 418 },
      },
    ],
  });
  assert.equal((await proxy.exchange("GET /")).status, 418);
  await proxy.exchange("POST /", ["x-gone: 1"]);
  assert.deepEqual(
    proxy.seen().filter((line) => /^x-(early|gone)/.test(line)),
    ["x-early: POST"],
  );
  await proxy.close();
});

test("they come before headers that the manager adds or cleans", async () => {
  const proxy = await HttpProxy.start({
    manager: {
      ...early(
        append("x-seen", "<%REQ(x-forwarded-proto)%>"),
        append("x-forwarded-for", "192.0.2.1"),
      ),
      use_remote_address: true,
    },
  });
  await proxy.exchange("GET /");
  const lines = proxy.seen();
  assert.ok(lines.includes("x-seen: <>"), lines.join("\n"));
  assert.ok(lines.some((line) => line.startsWith("x-forwarded-for: 192.0.2.1,")));
  await proxy.close();
});

test("other extensions are refused by name", async () => {
  const router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
  const found = await HttpProxy.problems({
    manager: {
      early_header_mutation_extensions: [{ name: "x", typed_config: { "@type": router } }],
    },
  });
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(found[0]!, /early_header_mutation_extensions\[0\]/);
});
