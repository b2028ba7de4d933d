import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResponseHeaderMap } from "../../src/codec/header-map.ts";
import type {
  DirectResponseAction,
  RedirectAction,
  RouteMatch,
} from "../../src/proto/generated/envoy/config/route/v3.ts";
import {
  headerLines,
  oneHost,
  type RequestOptions,
  routeProblems,
  routeTable,
  TestRequest,
} from "../kit/route-request.ts";

function location(
  redirect: RedirectAction,
  path = "/a/b?q",
  options: RequestOptions = {},
  match: RouteMatch = { prefix: "/a" },
): string {
  const request = new TestRequest(path, { host: "old.com", ...options });
  const entry = routeTable(oneHost({ match, redirect })).match(request)!.directResponse!;
  entry.rewritePathHeader(request.headers, true);
  return entry.newUri(request.headers);
}

describe("redirects", () => {
  const vectors: [string, RedirectAction, string][] = [
    ["scheme", { httpsRedirect: true }, "https://old.com/a/b?q"],
    ["any scheme", { schemeRedirect: "ftp" }, "ftp://old.com/a/b?q"],
    ["host", { hostRedirect: "new.com" }, "http://new.com/a/b?q"],
    ["port", { portRedirect: 8080 }, "http://old.com:8080/a/b?q"],
    ["path", { pathRedirect: "/new" }, "http://old.com/new?q"],
    ["path with a query", { pathRedirect: "/new?own" }, "http://old.com/new?own"],
    ["path without slash", { pathRedirect: "new" }, "http://old.com/new?q"],
    ["strip_query", { stripQuery: true }, "http://old.com/a/b"],
    ["strip_query with a path", { pathRedirect: "/x", stripQuery: true }, "http://old.com/x"],
    ["prefix", { prefixRewrite: "/z" }, "http://old.com/z/b?q"],
    [
      "regex",
      { regexRewrite: { pattern: { regex: "/(a)/(b)" }, substitution: "/\\2/\\1" } },
      "http://old.com/b/a?q",
    ],
  ];
  for (const [name, redirect, expected] of vectors) {
    it(`${name}: ${expected}`, () => assert.equal(location(redirect), expected));
  }

  it("drop a port that belongs to the scheme they leave, or that they set", () => {
    const host = (name: string): RequestOptions => ({ host: name });
    assert.equal(location({ httpsRedirect: true }, "/a", host("h:80")), "https://h/a");
    assert.equal(location({ httpsRedirect: true }, "/a", host("h:81")), "https://h:81/a");
    assert.equal(location({ portRedirect: 1 }, "/a", host("h:80")), "http://h:1/a");
    assert.equal(location({ pathRedirect: "/x" }, "/a", host("h:80")), "http://h:80/x");
    assert.equal(location({ httpsRedirect: true }, "/a", host("[::1]:80")), "https://[::1]/a");
    assert.equal(location({ httpsRedirect: true }, "/a", host("[::1]")), "https://[::1]/a");
  });

  it("keep the original path in a header", () => {
    const request = new TestRequest("/a/b");
    const redirect = { prefixRewrite: "/z" };
    const table = routeTable(oneHost({ match: { prefix: "/a" }, redirect }));
    table.match(request)!.directResponse!.rewritePathHeader(request.headers, true);
    assert.equal(request.headers.path, "/z/b");
    assert.deepEqual(request.lines(), ["x-envoy-original-path: /a/b"]);
  });

  it("answer with their code", () => {
    const status = (redirect: RedirectAction): number =>
      routeTable(oneHost({ match: { prefix: "/" }, redirect })).match(new TestRequest("/"))!
        .directResponse!.status;
    assert.equal(status({}), 301);
    assert.equal(status({ responseCode: "FOUND" }), 302);
    assert.equal(status({ responseCode: "SEE_OTHER" }), 303);
    assert.equal(status({ responseCode: "TEMPORARY_REDIRECT" }), 307);
    assert.equal(status({ responseCode: "PERMANENT_REDIRECT" }), 308);
  });

  it("warn when strip_query can do nothing", () => {
    const redirect = { pathRedirect: "/x?y", stripQuery: true };
    assert.deepEqual(routeProblems(oneHost({ match: { prefix: "/" }, redirect })), [
      "warning virtual_hosts[0].routes[0].redirect: strip_query has no effect: path_redirect has a " +
        "query of its own",
    ]);
  });
});

describe("direct responses", () => {
  const match = { prefix: "/" };

  function body(directResponse: DirectResponseAction): string {
    const request = new TestRequest("/", { headers: { a: "1" } });
    const readDataSource = (): Uint8Array => Buffer.from("from file");
    const table = routeTable(oneHost({ match, directResponse }), { readDataSource });
    return table.match(request)!.directResponse!.body(request.headers, request.streamInfo);
  }

  it("have a body inline, from bytes or from a file, or none", () => {
    assert.equal(body({ status: 200 }), "");
    assert.equal(body({ status: 200, body: { inlineString: "é" } }), "\xc3\xa9");
    assert.equal(body({ status: 200, body: { inlineBytes: Buffer.from("b") } }), "b");
    assert.equal(body({ status: 200, body: { filename: "f" } }), "from file");
  });

  it("format their body", () => {
    const bodyFormat = { textFormat: "<%REQ(a)%>" };
    assert.equal(body({ status: 200, bodyFormat }), "<1>");
  });

  it("point to the request's own URL with 201 and 3xx, and mutate their headers", () => {
    const request = new TestRequest("/");
    const table = routeTable(
      oneHost({
        match,
        directResponse: { status: 201 },
        responseHeadersToAdd: [{ header: { key: "x", value: "1" } }],
      }),
    );
    const route = table.match(request)!;
    const entry = route.directResponse!;
    const response = new ResponseHeaderMap();
    entry.finalizeResponseHeaders(response, request.headers, request.streamInfo);
    assert.deepEqual(headerLines(response), ["x: 1"]);
    assert.equal(entry.newUri(request.headers), "http://example.com/");
    assert.equal(entry.status, 201);
    const location = (status: number): string =>
      routeTable(oneHost({ match, directResponse: { status } }))
        .match(request)!
        .directResponse!.newUri(request.headers);
    assert.equal(location(308), "http://example.com/");
    assert.equal(location(200), "");
    assert.equal(location(404), "");
    assert.equal(route.entry, null);
  });

  it("refuse a body over the limit and a status that is none", () => {
    const inlineString = "x".repeat(11);
    const large = oneHost({ match, directResponse: { status: 200, body: { inlineString } } });
    const field = "error virtual_hosts[0].routes[0].direct_response";
    assert.deepEqual(routeProblems({ ...large, maxDirectResponseBodySizeBytes: 10 }), [
      `${field}.body: The response body has 11 bytes, more than 10`,
    ]);
    assert.deepEqual(routeProblems(oneHost({ match, directResponse: { status: 99 } })), [
      `${field}.status: 99 is no status of a direct response`,
    ]);
  });
});
