// csrf on a whole proxy: which requests come from here, what is counted, policies of routes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { any, HttpProxy, httpFilter, type Message } from "../http-proxy.ts";

const ALL = { default_value: { numerator: 100 } };
const NONE = { default_value: { numerator: 0 } };

function csrf(fields: Message = {}): Message {
  return httpFilter("csrf", "csrf.v3.CsrfPolicy", { filter_enabled: ALL, ...fields });
}

/** The host of every request here is "test". */
const CASES: readonly (readonly [string, string, readonly string[], number])[] = [
  ["a POST of the same origin passes", "POST /", ["origin: http://test"], 200],
  ["a POST of another origin is refused", "POST /", ["origin: http://other"], 403],
  ["another port is another origin", "POST /", ["origin: http://test:81"], 403],
  ["the referer stands in for the origin", "POST /", ["referer: https://test/page?q"], 200],
  [
    "the origin counts before the referer",
    "POST /",
    ["origin: http://other", "referer: http://test/"],
    403,
  ],
  ["an origin of null is none", "POST /", ["origin: null", "referer: http://test/"], 403],
  ["a POST that says nothing is refused", "POST /", [], 403],
  ["a host alone is taken as it is", "POST /", ["origin: test"], 200],
  ["an additional origin passes", "POST /", ["origin: https://friend.example:8443"], 200],
  ["user information is no part of the origin", "POST /", ["origin: http://test@other/"], 403],
  ["a GET is not looked at", "GET /", ["origin: http://other"], 200],
  ["a PUT is looked at", "PUT /", ["origin: http://other"], 403],
  ["a DELETE is looked at", "DELETE /", ["origin: http://other"], 403],
  ["a PATCH is looked at", "PATCH /", ["origin: http://other"], 403],
];

for (const [name, start, headers, status] of CASES) {
  test(name, async () => {
    const origins = [{ exact: "friend.example:8443" }];
    const proxy = await HttpProxy.start({ filters: [csrf({ additional_origins: origins })] });
    const answer = await proxy.exchange(start, headers);
    assert.equal(answer.status, status);
    if (status === 403) assert.equal(answer.body, "Invalid origin");
    await proxy.close();
  });
}

test("counts valid, invalid and missing origins", async () => {
  const proxy = await HttpProxy.start({ filters: [csrf()] });
  await proxy.exchange("POST /", ["origin: http://test"]);
  await proxy.exchange("POST /", ["origin: http://other"]);
  await proxy.exchange("POST /");
  const names = ["request_valid", "request_invalid", "missing_source_origin"];
  assert.deepEqual(
    names.map((name) => proxy.server.stat(`http.in.csrf.${name}`)),
    [1, 1, 1],
  );
  await proxy.close();
});

test("lets everything through in shadow mode, and counts", async () => {
  const proxy = await HttpProxy.start({
    filters: [csrf({ filter_enabled: NONE, shadow_enabled: ALL })],
  });
  assert.equal((await proxy.exchange("POST /", ["origin: http://other"])).status, 200);
  assert.equal(proxy.server.stat("http.in.csrf.request_invalid"), 1);
  await proxy.close();
});

test("a route may have a policy of its own", async () => {
  const own = any("http.csrf.v3.CsrfPolicy", { filter_enabled: NONE });
  const proxy = await HttpProxy.start({
    filters: [csrf()],
    route: { typed_per_filter_config: { "envoy.filters.http.csrf": own } },
  });
  assert.equal((await proxy.exchange("POST /", ["origin: http://other"])).status, 200);
  await proxy.close();
});
