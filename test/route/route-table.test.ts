import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import type { VirtualHost } from "../../src/proto/generated/envoy/config/route/v3.ts";
import { compileRouteTable, RouteTableCompilation } from "../../src/route/route-table.ts";
import {
  clusterOf,
  oneHost,
  routeProblems,
  routeServices,
  routeTable,
  TestRequest,
} from "../kit/route-request.ts";

function host(cluster: string, domains: string[]): VirtualHost {
  return { name: cluster, domains, routes: [{ match: { prefix: "/" }, route: { cluster } }] };
}

describe("virtual host selection", () => {
  const virtualHosts = [
    host("V1", ["a.foo.com"]),
    host("V2", ["*.foo.com"]),
    host("V3", ["*foo.com"]),
    host("V4", ["a.*"]),
    host("V5", ["*"]),
  ];
  const table = routeTable({ virtualHosts });
  const hosts: [string, string][] = [
    ["A.FOO.com", "V1"],
    ["b.foo.com", "V2"],
    ["xfoo.com", "V3"],
    ["foo.com", "V5"],
    [".foo.com", "V3"],
    ["a.bar", "V4"],
    ["a.", "V5"],
    ["a.foo.com:80", "V4"],
    ["other", "V5"],
  ];
  for (const [name, expected] of hosts) {
    it(`sends ${name} to ${expected}`, () => {
      assert.equal(clusterOf(table, new TestRequest("/", { host: name })), expected);
    });
  }

  it("leaves the port out with ignore_port_in_host_matching", () => {
    const portless = routeTable({ virtualHosts, ignorePortInHostMatching: true });
    const six = routeTable({
      virtualHosts: [host("six", ["[::1]"])],
      ignorePortInHostMatching: true,
    });
    assert.equal(clusterOf(portless, new TestRequest("/", { host: "a.foo.com:80" })), "V1");
    assert.equal(clusterOf(six, new TestRequest("/", { host: "[::1]:80" })), "six");
    assert.equal(clusterOf(six, new TestRequest("/", { host: "[::1]" })), "six");
  });

  it("takes the longest wildcard of a side, suffixes before prefixes", () => {
    const wild = routeTable({
      virtualHosts: [
        host("short", ["*.com"]),
        host("long", ["*-bar.baz.com"]),
        host("prefix", ["foo-bar.*"]),
      ],
    });
    assert.equal(clusterOf(wild, new TestRequest("/", { host: "foo-bar.baz.com" })), "long");
    assert.equal(clusterOf(wild, new TestRequest("/", { host: "foo.baz.com" })), "short");
    assert.equal(clusterOf(wild, new TestRequest("/", { host: "foo-bar.org" })), "prefix");
    assert.equal(clusterOf(wild, new TestRequest("/", { host: "nowhere" })), "-");
  });

  it("does not fall through to another host", () => {
    const narrow: VirtualHost = {
      name: "narrow",
      domains: ["a.com"],
      routes: [{ match: { prefix: "/only" }, route: { cluster: "narrow" } }],
    };
    const strict = routeTable({ virtualHosts: [narrow, host("all", ["*"])] });
    assert.equal(clusterOf(strict, new TestRequest("/other", { host: "a.com" })), "-");
  });

  it("does not look at the host when there is only a star", () => {
    const star = routeTable({ virtualHosts: [host("star", ["*"])], vhostHeader: "x-host" });
    assert.equal(clusterOf(star, new TestRequest("/", { host: "" })), "star");
    assert.equal(clusterOf(table, new TestRequest("/", { host: "" })), "-");
  });

  it("reads vhost_header instead of the host", () => {
    const table = routeTable({ virtualHosts: [host("a", ["a.com"])], vhostHeader: "X-Host" });
    const headers = { "x-host": "a.com" };
    assert.equal(clusterOf(table, new TestRequest("/", { host: "b.com", headers })), "a");
    assert.equal(clusterOf(table, new TestRequest("/", { host: "a.com" })), "-");
  });

  it("refuses a domain that is there twice, whatever its case", () => {
    const twice = { name: "r", virtualHosts: [host("a", ["x.com"]), host("b", ["X.com"])] };
    const stars = { virtualHosts: [host("a", ["*"]), host("b", ["*"])] };
    assert.deepEqual(routeProblems(twice), [
      "error virtual_hosts[1].domains[0]: Domain X.com is there twice",
    ]);
    assert.deepEqual(routeProblems(stars), [
      "error virtual_hosts[1].domains[0]: Only one virtual host may have the domain *",
    ]);
  });

  it("makes a virtual host of a large table at first use", () => {
    const virtualHosts = Array.from({ length: 100 }, (_, at) => host(`c${at}`, [`h${at}.com`]));
    const large = routeTable({ virtualHosts });
    assert.equal(clusterOf(large, new TestRequest("/", { host: "h42.com" })), "c42");
    const first = large.match(new TestRequest("/", { host: "h42.com" }));
    assert.equal(large.match(new TestRequest("/", { host: "h42.com" })), first);
    assert.equal(large.clusterNames.length, 100);
  });
});

describe("path specifiers", () => {
  const table = routeTable(
    oneHost(
      { match: { path: "/exact" }, route: { cluster: "exact" } },
      { match: { pathSeparatedPrefix: "/sep" }, route: { cluster: "separated" } },
      { match: { prefix: "/CASE", caseSensitive: false }, route: { cluster: "case" } },
      { match: { safeRegex: { regex: "/r/[0-9]+" } }, route: { cluster: "regex" } },
      { match: { connectMatcher: {} }, route: { cluster: "connect" } },
      { match: { prefix: "/p" }, route: { cluster: "prefix" } },
    ),
  );
  const paths: [string, string][] = [
    ["/exact", "exact"],
    ["/exact?q=1", "exact"],
    ["/exact#f", "exact"],
    ["/exact/", "-"],
    ["/sep", "separated"],
    ["/sep/x", "separated"],
    ["/sep?x=/", "separated"],
    ["/separate", "-"],
    ["/case/x", "case"],
    ["/CaSeX", "case"],
    ["/r/12", "regex"],
    ["/r/12?x", "regex"],
    ["/r/12/x", "-"],
    ["/x/r/12", "-"],
    ["/pq", "prefix"],
    ["/P", "-"],
  ];
  for (const [path, expected] of paths) {
    it(`sends ${path} to ${expected}`, () => {
      assert.equal(clusterOf(table, new TestRequest(path)), expected);
    });
  }

  it("matches CONNECT, which has no path, only with connect_matcher", () => {
    const all = routeTable(oneHost({ match: { prefix: "/" }, route: { cluster: "all" } }));
    const anything = routeTable(oneHost({ match: { prefix: "" }, route: { cluster: "all" } }));
    const connect = new TestRequest("", { method: "CONNECT" });
    assert.equal(clusterOf(table, connect), "connect");
    assert.equal(clusterOf(all, connect), "-");
    assert.equal(clusterOf(anything, connect), "-");
    assert.equal(clusterOf(anything, new TestRequest("*", { method: "OPTIONS" })), "all");
  });

  it("cuts path parameters when asked", () => {
    const cut = routeTable({
      ...oneHost({ match: { path: "/a" }, route: { cluster: "a" } }),
      ignorePathParametersInPathMatching: true,
    });
    assert.equal(clusterOf(cut, new TestRequest("/a;v=1?q")), "a");
    assert.equal(clusterOf(cut, new TestRequest("/a/b;v=1")), "-");
  });

  it("refuses a separated prefix that ends in a slash and a bad pattern", () => {
    const bad = oneHost(
      { match: { pathSeparatedPrefix: "/a/" }, route: { cluster: "a" } },
      { match: { safeRegex: { regex: "(" } }, route: { cluster: "a" } },
      { match: {}, route: { cluster: "a" } },
    );
    const [first, second, third] = routeProblems(bad);
    const routes = "error virtual_hosts[0].routes";
    assert.match(first!, /^error virtual_hosts\[0\]\.routes\[0\]\.match\.path_separated_prefix: /);
    assert.ok(second!.startsWith(`${routes}[1].match.safe_regex.regex: The pattern is no valid`));
    assert.equal(third, `${routes}[2].match: A route match needs a path specifier`);
  });
});

describe("compileRouteTable", () => {
  it("gives no table when there are errors, and keeps its reports apart from earlier ones", () => {
    const context = new CompileContext("route_config");
    context.error("An error of someone else", "do otherwise");
    const bad = oneHost({ match: { prefix: "/" } });
    assert.equal(compileRouteTable(bad, routeServices(), context), null);
    assert.equal(context.diagnostics[1]?.path, "route_config.virtual_hosts[0].routes[0]");
    assert.notEqual(compileRouteTable({ name: "empty" }, routeServices(), context), null);
  });

  it("tells a warning that many routes share once", () => {
    const route = { match: { prefix: "/" }, route: { cluster: "c", earlyDataPolicy: {} } };
    const at = "virtual_hosts[0].routes[0].route.early_data_policy";
    assert.deepEqual(routeProblems(oneHost(route, route, route)), [
      `warning ${at}: early_data_policy has no effect: TLS is not supported yet ` +
        "(and in 2 more places)",
    ]);
  });

  it("can be made in slices", () => {
    const virtualHosts = [host("a", ["a"]), host("b", ["b"]), host("c", ["c"])];
    const context = new CompileContext();
    const compilation = new RouteTableCompilation({ virtualHosts }, routeServices(), context);
    let left = 2;
    assert.equal(
      compilation.advance(() => left-- > 0),
      false,
    );
    assert.equal(
      compilation.advance(() => true),
      true,
    );
    const table = compilation.finish()!;
    assert.equal(clusterOf(table, new TestRequest("/", { host: "c" })), "c");
    assert.deepEqual(table.clusterNames, ["a", "b", "c"]);
  });

  it("names its internal-only headers", () => {
    const table = routeTable({ internalOnlyHeaders: ["X-Secret"] });
    assert.deepEqual(
      table.internalOnlyHeaders.map(({ text }) => text),
      ["x-secret"],
    );
  });
});
