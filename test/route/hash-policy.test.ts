import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { XxHash64 } from "../../src/base/xxhash64.ts";
import type { RouteAction_HashPolicy } from "../../src/proto/generated/envoy/config/route/v3.ts";
import {
  oneHost,
  type RequestOptions,
  routeProblems,
  routeTable,
  TestRequest,
} from "../kit/route-request.ts";

function hashOf(
  hashPolicy: RouteAction_HashPolicy[],
  options: RequestOptions & { readonly path?: string } = {},
  cookies: string[] = [],
): bigint | null {
  const request = new TestRequest(options.path ?? "/", options);
  const state = { serializeAsString: () => "value" };
  request.streamInfo.setFilterState("state", { ...state, hashable: true });
  request.streamInfo.setFilterState("plain", state);
  const table = routeTable(
    oneHost({ match: { prefix: "/" }, route: { cluster: "c", hashPolicy } }),
  );
  const { entry } = table.match(request)!;
  return entry!.hash(request.headers, request.streamInfo, (cookie) => cookies.push(cookie));
}

function xxHash(text: string, seed = 0n): bigint {
  const hasher = new XxHash64();
  hasher.hash(text, Number(seed >> 32n), Number(seed & 0xffffffffn));
  return hasher.toBigInt();
}

const header = (headerName: string): RouteAction_HashPolicy => ({ header: { headerName } });

describe("hash policies", () => {
  it("hash a header, the source address, a query parameter, filter state", () => {
    assert.equal(hashOf([header("h")], { headers: { h: "v" } }), xxHash("v"));
    assert.equal(hashOf([{ connectionProperties: { sourceIp: true } }]), xxHash("192.0.2.10"));
    const query = [{ queryParameter: { name: "q" } }];
    assert.equal(hashOf(query, { path: "/?q=1&q=2" }), xxHash("1"));
    assert.equal(hashOf([{ filterState: { key: "state" } }]), xxHash("value"));
    assert.equal(hashOf([{ filterState: { key: "plain" } }]), null, "not made for hashing");
    assert.equal(hashOf([header(":path")], { path: "/x" }), xxHash("/x"));
  });

  it("hash the values of a repeated header in sorted order", () => {
    const expected = xxHash("b", xxHash("a"));
    assert.equal(
      hashOf([header("h")], {
        headers: [
          ["h", "b"],
          ["h", "a"],
        ],
      }),
      expected,
    );
    assert.equal(
      hashOf([header("h")], {
        headers: [
          ["h", "a"],
          ["h", "b"],
        ],
      }),
      expected,
    );
  });

  it("rewrite a header before hashing it", () => {
    const regexRewrite = { pattern: { regex: "^.*-(.*)$" }, substitution: "\\1" };
    const policy = [{ header: { headerName: "h", regexRewrite } }];
    assert.equal(hashOf(policy, { headers: { h: "x-user" } }), xxHash("user"));
  });

  it("are null when there is nothing to hash", () => {
    assert.equal(hashOf([]), null);
    assert.equal(hashOf([header("h"), { queryParameter: { name: "q" } }]), null);
    assert.equal(hashOf([{ connectionProperties: {} }]), null);
  });

  it("combine by rotation, so that equal policies do not cancel out", () => {
    const one = xxHash("v");
    const rotated = BigInt.asUintN(64, (one << 1n) | (one >> 63n));
    assert.equal(hashOf([header("h"), header("h")], { headers: { h: "v" } }), rotated ^ one);
  });

  it("stop at a terminal policy once there is a hash", () => {
    const policies = [{ ...header("a"), terminal: true }, header("b")];
    assert.equal(hashOf(policies, { headers: { a: "1", b: "2" } }), xxHash("1"));
    assert.equal(hashOf(policies, { headers: { b: "2" } }), xxHash("2"));
  });

  it("are refused when empty", () => {
    const message = oneHost({
      match: { prefix: "/" },
      route: { cluster: "c", hashPolicy: [{ terminal: true }] },
    });
    assert.deepEqual(routeProblems(message), [
      "error virtual_hosts[0].routes[0].route.hash_policy[0]: A hash policy is empty",
    ]);
  });
});

describe("cookie hash policy", () => {
  const ttl = { seconds: 60, nanos: 0 };

  it("hashes the value of the cookie", () => {
    const cookies: string[] = [];
    const headers = { cookie: 'a=1; session="abc"' };
    assert.equal(
      hashOf([{ cookie: { name: "session", ttl } }], { headers }, cookies),
      xxHash("abc"),
    );
    assert.deepEqual(cookies, []);
  });

  it("makes a cookie from the addresses of the connection", () => {
    const cookies: string[] = [];
    const made = xxHash("192.0.2.10:5000192.0.2.1:80").toString(16).padStart(16, "0");
    const attributes = [{ name: "SameSite", value: "Strict" }, { name: "Secure" }];
    const cookie = { name: "session", ttl, path: "/p", attributes };
    assert.equal(hashOf([{ cookie }], {}, cookies), xxHash(made));
    assert.deepEqual(cookies, [
      `session="${made}"; Max-Age=60; Path=/p; SameSite=Strict; Secure; HttpOnly`,
    ]);
  });

  it("makes a session cookie for ttl 0, and none without ttl", () => {
    const cookies: string[] = [];
    hashOf([{ cookie: { name: "s", ttl: { seconds: 0, nanos: 0 } } }], {}, cookies);
    assert.match(cookies[0]!, /^s="[0-9a-f]{16}"; HttpOnly$/);
    assert.equal(hashOf([{ cookie: { name: "s" } }], {}, cookies), null);
    assert.equal(cookies.length, 1);
  });
});
