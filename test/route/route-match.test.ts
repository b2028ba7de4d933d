import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../src/config/runtime.ts";
import type { RouteMatch } from "../../src/proto/generated/envoy/config/route/v3.ts";
import { clusterOf, oneHost, routeTable, TestRequest } from "../kit/route-request.ts";

function matches(match: RouteMatch, request: TestRequest, runtime?: RuntimeSnapshot): boolean {
  const table = routeTable(
    oneHost({ match: { prefix: "/", ...match }, route: { cluster: "yes" } }),
    runtime === undefined ? {} : { runtime },
  );
  return clusterOf(table, request) === "yes";
}

function get(path: string, headers: Record<string, string> = {}): TestRequest {
  return new TestRequest(path, { headers });
}

describe("query parameters of a route", () => {
  const exact: RouteMatch = { queryParameters: [{ name: "a", stringMatch: { exact: "1" } }] };

  it("compares the first value as sent", () => {
    assert.equal(matches(exact, get("/?a=1")), true);
    assert.equal(matches(exact, get("/?b=2&a=1&a=2")), true);
    assert.equal(matches(exact, get("/?a=2&a=1")), false);
    assert.equal(matches(exact, get("/?aa=1")), false);
    assert.equal(matches(exact, get("/?a=%31")), false);
    assert.equal(matches(exact, get("/")), false);
  });

  it("asks for presence or absence", () => {
    const present: RouteMatch = { queryParameters: [{ name: "a" }] };
    const absent: RouteMatch = { queryParameters: [{ name: "a", presentMatch: false }] };
    assert.equal(matches(present, get("/?a")), true);
    assert.equal(matches(present, get("/?b&a=")), true);
    assert.equal(matches(present, get("/?ab")), false);
    assert.equal(matches(absent, get("/?b")), true);
    assert.equal(matches(absent, get("/?a")), false);
  });
});

describe("further conditions of a route", () => {
  it("needs every header", () => {
    const both: RouteMatch = { headers: [{ name: "a" }, { name: "b" }] };
    assert.equal(matches(both, get("/", { a: "1", b: "1" })), true);
    assert.equal(matches(both, get("/", { a: "1" })), false);
  });

  it("knows gRPC by its content type", () => {
    const grpc: RouteMatch = { grpc: {} };
    assert.equal(matches(grpc, get("/", { "content-type": "application/grpc" })), true);
    assert.equal(matches(grpc, get("/", { "content-type": "application/grpc+proto" })), true);
    assert.equal(matches(grpc, get("/", { "content-type": "application/grpc-web" })), false);
    assert.equal(matches(grpc, get("/")), false);
  });

  it("draws a fraction with the stream's number", () => {
    const half: RouteMatch = { runtimeFraction: { defaultValue: { numerator: 50 } } };
    assert.equal(matches(half, new TestRequest("/", { random: 149 })), true);
    assert.equal(matches(half, new TestRequest("/", { random: 150 })), false);
    const fine: RouteMatch = {
      runtimeFraction: { defaultValue: { numerator: 1, denominator: "MILLION" } },
    };
    assert.equal(matches(fine, new TestRequest("/", { random: 1_000_000 })), true);
    assert.equal(matches(fine, new TestRequest("/", { random: 1 })), false);
  });

  it("asks runtime under the key", () => {
    const keys: string[] = [];
    const runtime: RuntimeSnapshot = {
      ...DEFAULT_RUNTIME,
      featureEnabled: (key) => keys.push(key) > 0,
    };
    const none: RouteMatch = { runtimeFraction: { defaultValue: {}, runtimeKey: "k" } };
    assert.equal(matches(none, get("/")), false);
    assert.equal(matches(none, get("/"), runtime), true);
    assert.deepEqual(keys, ["k"]);
  });

  it("sees that a plain connection has no certificate", () => {
    assert.equal(matches({ tlsContext: { presented: true } }, get("/")), false);
    assert.equal(matches({ tlsContext: { presented: false } }, get("/")), true);
    assert.equal(matches({ tlsContext: { validated: true } }, get("/")), false);
    assert.equal(matches({ tlsContext: {} }, get("/")), true);
  });

  it("matches dynamic metadata", () => {
    const match: RouteMatch = {
      dynamicMetadata: [
        { filter: "ns", path: [{ key: "a" }], value: { stringMatch: { exact: "x" } } },
      ],
    };
    const request = get("/");
    assert.equal(matches(match, request), false);
    request.streamInfo.setMetadata("ns", { a: "x" });
    assert.equal(matches(match, request), true);
  });

  it("matches filter state by text and by address", () => {
    const text: RouteMatch = { filterState: [{ key: "k", stringMatch: { prefix: "10." } }] };
    const ranges = [{ addressPrefix: "10.0.0.0", prefixLen: 8 }];
    const address: RouteMatch = { filterState: [{ key: "k", addressMatch: { ranges } }] };
    const request = get("/");
    assert.equal(matches(text, request), false);
    request.streamInfo.setFilterState("k", { serializeAsString: () => "10.1.1.1" });
    assert.equal(matches(text, request), true);
    assert.equal(matches(address, request), true);
    request.streamInfo.setFilterState("k", { serializeAsString: () => "11.1.1.1" });
    assert.equal(matches(address, request), false);
  });

  it("matches cookies", () => {
    const match: RouteMatch = { cookies: [{ name: "c", stringMatch: { exact: "1" } }] };
    assert.equal(matches(match, get("/", { cookie: 'b=2; c="1"' })), true);
    assert.equal(matches(match, get("/", { cookie: "cc=1" })), false);
    const inverted: RouteMatch = {
      cookies: [{ name: "c", stringMatch: { exact: "1" }, invertMatch: true }],
    };
    assert.equal(matches(inverted, get("/", { cookie: "c=2" })), true);
  });
});

describe("require_tls", () => {
  const route = { match: { prefix: "/" }, route: { cluster: "yes" } };

  function answer(requireTls: "ALL" | "EXTERNAL_ONLY", headers: Record<string, string>): string {
    const table = routeTable({
      virtualHosts: [{ name: "v", domains: ["*"], requireTls, routes: [route] }],
    });
    const request = new TestRequest("/a?b", { host: "x.com:80", headers });
    const found = table.match(request);
    return found?.directResponse?.newUri(request.headers) ?? clusterOf(table, request);
  }

  it("redirects by x-forwarded-proto, to the same host and path", () => {
    assert.equal(answer("ALL", {}), "https://x.com:80/a?b");
    assert.equal(answer("ALL", { "x-forwarded-proto": "https" }), "yes");
    assert.equal(answer("ALL", { "x-envoy-internal": "true" }), "https://x.com:80/a?b");
  });

  it("spares internal requests with EXTERNAL_ONLY", () => {
    assert.equal(answer("EXTERNAL_ONLY", {}), "https://x.com:80/a?b");
    assert.equal(answer("EXTERNAL_ONLY", { "x-envoy-internal": "true" }), "yes");
  });

  it("finds no route without x-forwarded-proto", () => {
    assert.equal(answer("ALL", { "x-forwarded-proto": "" }), "-");
  });

  it("answers 301", () => {
    const table = routeTable({
      virtualHosts: [{ name: "v", domains: ["*"], requireTls: "ALL", routes: [route] }],
    });
    assert.equal(clusterOf(table, get("/")), "301");
  });
});

describe("matcher of a virtual host", () => {
  function input(headerName: string): { typedConfig: { typeUrl: string; value: object } } {
    const typeUrl = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
    return { typedConfig: { typeUrl, value: { headerName } } };
  }

  function leadingTo(name: string, value: object): object {
    const typeUrl = `type.googleapis.com/envoy.config.route.v3.${name}`;
    return { action: { name: "route", typedConfig: { typeUrl, value } } };
  }

  const prefix = (path: string, cluster: string): object => ({
    match: { prefix: path },
    route: { cluster },
  });

  const table = routeTable({
    virtualHosts: [
      {
        name: "v",
        domains: ["*"],
        matcher: {
          matcherTree: {
            input: input("x-env"),
            exactMatchMap: {
              map: {
                one: leadingTo("Route", prefix("/one", "one")),
                many: leadingTo("RouteList", { routes: [prefix("/a", "a"), prefix("/", "rest")] }),
              },
            },
          },
        },
      },
    ],
  });

  it("leads to a route, which still checks its own match", () => {
    assert.equal(clusterOf(table, get("/one/x", { "x-env": "one" })), "one");
    assert.equal(clusterOf(table, get("/two", { "x-env": "one" })), "-");
  });

  it("leads to a list of routes", () => {
    assert.equal(clusterOf(table, get("/a", { "x-env": "many" })), "a");
    assert.equal(clusterOf(table, get("/b", { "x-env": "many" })), "rest");
    assert.equal(clusterOf(table, get("/b")), "-");
  });
});
