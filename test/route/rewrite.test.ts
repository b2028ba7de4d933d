import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  RouteAction,
  RouteMatch,
  Route as RouteMessage,
} from "../../src/proto/generated/envoy/config/route/v3.ts";
import {
  oneHost,
  type RequestOptions,
  routeProblems,
  routeTable,
  TestRequest,
} from "../kit/route-request.ts";

/** Path, host and the x-envoy and x-forwarded headers after forwarding. */
function forwarded(
  match: RouteMatch,
  action: RouteAction,
  path: string,
  options: RequestOptions = {},
  insertOriginal = true,
): string[] {
  const request = new TestRequest(path, options);
  const table = routeTable(oneHost({ match, route: { cluster: "c", ...action } }));
  const { entry } = table.match(request)!;
  entry!.finalizeRequestHeaders(request.headers, request.streamInfo, insertOriginal);
  return [request.headers.path, request.headers.authority, ...request.lines()];
}

function rewrittenPath(match: RouteMatch, action: RouteAction, path: string): string {
  return forwarded(match, action, path)[0]!;
}

describe("path rewrites", () => {
  const regexRewrite = (regex: string, substitution: string): RouteAction => ({
    regexRewrite: { pattern: { regex }, substitution },
  });
  const vectors: [RouteMatch, RouteAction, string, string][] = [
    [{ prefix: "/v1" }, { prefixRewrite: "/v2" }, "/v1/x?y", "/v2/x?y"],
    [{ prefix: "/v1" }, { prefixRewrite: "/" }, "/v1/x", "//x"],
    [{ prefix: "/a" }, { prefixRewrite: "/" }, "/ab", "/b"],
    [{ prefix: "/V1", caseSensitive: false }, { prefixRewrite: "/v2" }, "/v1/x", "/v2/x"],
    [{ path: "/v1" }, { prefixRewrite: "/v2" }, "/v1?y", "/v2?y"],
    [{ pathSeparatedPrefix: "/v1" }, { prefixRewrite: "/v2" }, "/v1/x?y", "/v2/x?y"],
    [{ safeRegex: { regex: "/v1.*" } }, { prefixRewrite: "/v2" }, "/v1/x?y", "/v2?y"],
    [
      { prefix: "/" },
      regexRewrite("^/s/([^/]+)(/.*)$", "\\2/i/\\1"),
      "/s/foo/v1/api?z=1",
      "/v1/api/i/foo?z=1",
    ],
    [{ prefix: "/" }, regexRewrite("one", "two"), "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"],
    [
      { prefix: "/" },
      regexRewrite("(?i)/xxx/", "/yyy/"),
      "/aaa/XxX/bbb?/xxx/",
      "/aaa/yyy/bbb?/xxx/",
    ],
    [{ prefix: "/" }, { pathRewrite: "/new%REQ(x)%" }, "/old?q", "/new?q"],
    [{ prefix: "/" }, regexRewrite("^/rr$", ""), "/rr?q", "/rr?q"],
    [{ prefix: "/" }, { pathRewrite: "%REQ(x)%" }, "/old?q", "/old?q"],
  ];
  for (const [match, action, path, expected] of vectors) {
    it(`${JSON.stringify({ ...match, ...action })}: ${path} becomes ${expected}`, () => {
      assert.equal(rewrittenPath(match, action, path), expected);
    });
  }

  it("keep the original path, unless Envoy's headers are suppressed", () => {
    const rewrite = { prefixRewrite: "/v2" };
    assert.deepEqual(forwarded({ prefix: "/v1" }, rewrite, "/v1/x?y"), [
      "/v2/x?y",
      "example.com",
      "x-envoy-original-path: /v1/x?y",
    ]);
    assert.deepEqual(forwarded({ prefix: "/v1" }, rewrite, "/v1", {}, false), [
      "/v2",
      "example.com",
    ]);
  });

  it("refuse two rewrites, and warn of a group that is not there", () => {
    const match = { prefix: "/" };
    const two = { cluster: "c", prefixRewrite: "/x", ...regexRewrite("a", "b") };
    const group = { cluster: "c", ...regexRewrite("a", "\\1") };
    assert.deepEqual(routeProblems(oneHost({ match, route: two }, { match, route: group })), [
      "error virtual_hosts[0].routes[0].route: Several path rewrites are set",
      "warning virtual_hosts[0].routes[1].route.regex_rewrite.substitution: The substitution is " +
        "wrong: \\1 refers to a group that the pattern does not have",
    ]);
  });
});

describe("URI templates", () => {
  function policy(kind: "match" | "rewrite", value: object): object {
    const name = kind === "match" ? "UriTemplateMatchConfig" : "UriTemplateRewriteConfig";
    const typeUrl = `type.googleapis.com/envoy.extensions.path.${kind}.uri_template.v3.${name}`;
    return { name: "template", typedConfig: { typeUrl, value } };
  }

  function route(pathTemplate: string, pathTemplateRewrite?: string): RouteMessage {
    const rewrite =
      pathTemplateRewrite === undefined
        ? {}
        : { pathRewritePolicy: policy("rewrite", { pathTemplateRewrite }) };
    return {
      match: { pathMatchPolicy: policy("match", { pathTemplate }) },
      route: { cluster: "c", ...rewrite },
    };
  }

  const matching: [string, string[], string[]][] = [
    ["/a/{x}/c", ["/a/b/c", "/a/b/c?q"], ["/a/c", "/a/b/b/c", "/a//c"]],
    ["/a/*", ["/a/b"], ["/a/", "/a/b/c"]],
    ["/a/**", ["/a/b", "/a/b/c", "/a/"], ["/b"]],
    ["/{x=videos/*}/end", ["/videos/1/end"], ["/audio/1/end"]],
    ["/**.m3u8", ["/a/b.m3u8"], ["/a/b.ts"]],
    ["/", ["/"], ["/a"]],
    ["/a*b=c", ["/a*b=c"], ["/aab=c"]],
  ];
  for (const [template, good, bad] of matching) {
    it(`${template} matches what it says`, () => {
      const table = routeTable(oneHost(route(template)));
      for (const path of good) assert.notEqual(table.match(new TestRequest(path)), null, path);
      for (const path of bad) assert.equal(table.match(new TestRequest(path)), null, path);
    });
  }

  it("see path parameters even when other specifiers do not", () => {
    const message = { ...oneHost(route("/a/{b}")), ignorePathParametersInPathMatching: true };
    assert.notEqual(routeTable(message).match(new TestRequest("/a/b;c=1")), null);
    const literal = { ...oneHost(route("/a")), ignorePathParametersInPathMatching: true };
    assert.equal(routeTable(literal).match(new TestRequest("/a;c=1")), null);
  });

  it("put variables into a new path", () => {
    const table = routeTable(oneHost(route("/{lang}/{page=x/**}", "/{page}/in/{lang}")));
    const request = new TestRequest("/en/x/y/z?q");
    const { entry } = table.match(request)!;
    entry!.finalizeRequestHeaders(request.headers, request.streamInfo, false);
    assert.equal(request.headers.path, "/x/y/z/in/en?q");
  });

  it("say what is wrong", () => {
    const bad = ["a", "/a/{", "/{1}", "/{a}/{a}", "/**/*", "/{a=}", "/*x/y", "/a b", "/{a=b/}"];
    for (const template of bad) {
      const [problem] = routeProblems(oneHost(route(template)));
      assert.match(problem ?? "", /path_template: Wrong template/, template);
    }
    assert.match(routeProblems(oneHost(route("/{a}", "/{b}")))[0]!, /the match has no variable b/);
    assert.match(routeProblems(oneHost(route("/{a}", "x")))[0]!, /must begin with a slash/);
    const plain = { match: { prefix: "/" }, route: route("/{a}", "/{a}").route! };
    assert.match(routeProblems(oneHost(plain))[0]!, /needs a template match/);
    const prefixed = { ...route("/{a}"), route: { cluster: "c", prefixRewrite: "/x" } };
    assert.match(routeProblems(oneHost(prefixed))[0]!, /does not go with path_match_policy/);
  });
});

describe("host rewrites", () => {
  const all = { prefix: "/" };

  it("take a literal, a header, the path or a format", () => {
    const headers = { "x-host": "from.header" };
    const host = (action: RouteAction): string => forwarded(all, action, "/p", { headers })[1]!;
    assert.equal(host({ hostRewriteLiteral: "lit.eral" }), "lit.eral");
    assert.equal(host({ hostRewriteHeader: "X-Host" }), "from.header");
    assert.equal(host({ hostRewriteHeader: "absent" }), "example.com");
    assert.equal(host({ hostRewrite: "%REQ(x-host)%:1" }), "from.header:1");
    assert.equal(host({ hostRewrite: "%REQ(absent)%" }), "-");
    const pattern = { regex: "^/(.+)$" };
    assert.equal(host({ hostRewritePathRegex: { pattern, substitution: "\\1.com" } }), "p.com");
    assert.equal(host({ hostRewritePathRegex: { pattern, substitution: "" } }), "example.com");
  });

  it("keep the old host in x-forwarded-host when asked, once", () => {
    const action = { hostRewriteLiteral: "new", appendXForwardedHost: true };
    const kept = (value: string): string[] =>
      forwarded(all, action, "/", { headers: { "x-forwarded-host": value } }, false).slice(2);
    assert.deepEqual(kept("a"), ["x-forwarded-host: a,example.com"]);
    assert.deepEqual(kept("example.com"), ["x-forwarded-host: example.com"]);
  });

  it("set the host of a weighted cluster before the route's own rewrite", () => {
    const clusters = [{ name: "c", weight: 1, hostRewriteLiteral: "weighted" }];
    const action = { weightedClusters: { clusters } };
    const host = (more: RouteAction): string => {
      const request = new TestRequest("/");
      const table = routeTable(oneHost({ match: all, route: { ...action, ...more } }));
      const { entry } = table.match(request)!;
      entry!.finalizeRequestHeaders(request.headers, request.streamInfo, false);
      return request.headers.authority;
    };
    assert.equal(host({}), "weighted");
    assert.equal(host({ hostRewriteLiteral: "route" }), "route");
  });

  it("put back the port that was stripped from a CONNECT host", () => {
    const request = new TestRequest("", { method: "CONNECT", host: "a.com" });
    request.streamInfo.setFilterState("envoy.router.original_connect_port", {
      serializeAsString: () => "8443",
    });
    const match = { connectMatcher: {} };
    const { entry } = routeTable(oneHost({ match, route: { cluster: "c" } })).match(request)!;
    entry!.finalizeRequestHeaders(request.headers, request.streamInfo, true);
    assert.equal(request.headers.authority, "a.com:8443");
  });
});
