import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteConfiguration } from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { AnyMessage } from "../../src/proto/plain.ts";
import type { RouteFilterTypes } from "../../src/route/per-filter-config.ts";
import type { PerFilterConfigs } from "../../src/route/route.ts";
import { oneHost, routeProblems, routeTable, TestRequest } from "../kit/route-request.ts";

const CORS = "envoy.extensions.filters.http.cors.v3.CorsPolicy";

const filters: RouteFilterTypes = {
  forRouteMessage: (name) => {
    if (name === "test.Plain") return { name: "plain" };
    if (name !== "test.Config" && name !== CORS) return undefined;
    return {
      name: "test",
      compileRoute: (message, context) =>
        "bad" in message ? context.error("Bad config", "do otherwise") : { compiled: message },
    };
  },
};

function any(name: string, value: object): AnyMessage {
  return { typeUrl: `type.googleapis.com/${name}`, value };
}

const config = (level: string): AnyMessage => any("test.Config", { level });
const wrapped = (value: object): AnyMessage => any("envoy.config.route.v3.FilterConfig", value);

function configs(message: RouteConfiguration): PerFilterConfigs {
  return routeTable(message, { filters }).match(new TestRequest("/"))!.perFilterConfigs;
}

function withLevels(levels: {
  table?: AnyMessage;
  host?: AnyMessage;
  route?: AnyMessage;
  cluster?: AnyMessage;
}): PerFilterConfigs {
  const typed = (
    message: AnyMessage | undefined,
  ): { typedPerFilterConfig?: Record<string, AnyMessage> } =>
    message === undefined ? {} : { typedPerFilterConfig: { f: message } };
  const clusters = [{ name: "c", weight: 1, ...typed(levels.cluster) }];
  const routes = [
    { match: { prefix: "/" }, route: { weightedClusters: { clusters } }, ...typed(levels.route) },
  ];
  return configs({
    ...typed(levels.table),
    virtualHosts: [{ name: "v", domains: ["*"], routes, ...typed(levels.host) }],
  });
}

describe("per-filter configs", () => {
  it("come from the most specific level, and from all of them in order", () => {
    const all = withLevels({
      table: config("table"),
      host: config("host"),
      route: config("route"),
      cluster: config("cluster"),
    });
    assert.deepEqual(all.get("f"), { compiled: { level: "cluster" } });
    assert.deepEqual(
      all.all("f"),
      ["table", "host", "route", "cluster"].map((level) => ({ compiled: { level } })),
    );
    assert.deepEqual(withLevels({ host: config("host") }).get("f"), {
      compiled: { level: "host" },
    });
    assert.equal(withLevels({}).get("f"), undefined);
    assert.deepEqual(withLevels({}).all("f"), []);
  });

  it("switch a filter off, and on again further inside", () => {
    const off = wrapped({ disabled: true });
    assert.equal(withLevels({}).disabled("f"), undefined);
    assert.equal(withLevels({ host: off }).disabled("f"), true);
    assert.equal(withLevels({ host: off, route: config("route") }).disabled("f"), false);
    assert.equal(withLevels({ host: config("host"), route: off }).disabled("f"), true);
    const on = wrapped({ config: { typeUrl: "" } });
    assert.equal(withLevels({ host: off, route: on }).disabled("f"), false);
  });

  it("may be wrapped", () => {
    const inner = wrapped({ config: config("route") });
    assert.deepEqual(withLevels({ route: inner }).get("f"), { compiled: { level: "route" } });
  });

  it("take the deprecated cors field as the cors filter's config", () => {
    const cors = { allowMethods: "GET" };
    const found = configs(oneHost({ match: { prefix: "/" }, route: { cluster: "c", cors } }));
    assert.deepEqual(found.get("envoy.filters.http.cors"), { compiled: cors });
  });

  it("name types that nobody takes, unless they are optional", () => {
    const problems = (message: AnyMessage): string[] =>
      routeProblems(
        oneHost({
          match: { prefix: "/" },
          route: { cluster: "c" },
          typedPerFilterConfig: { f: message },
        }),
        { filters },
      ).map((text) => text.replace("virtual_hosts[0].routes[0].typed_per_filter_config[f]", "at"));
    assert.deepEqual(problems(any("other.Config", {})), [
      "error at: No HTTP filter takes per-route configuration of type other.Config",
    ]);
    assert.deepEqual(problems(any("test.Plain", {})), [
      "error at: Filter plain takes no per-route configuration",
    ]);
    assert.deepEqual(problems(any("test.Config", { bad: true })), ["error at: Bad config"]);
    assert.deepEqual(problems(wrapped({})), ["error at: The filter config is empty"]);
    const optional = wrapped({ config: any("other.Config", {}), isOptional: true });
    assert.deepEqual(problems(optional), [
      "warning at.config: No HTTP filter takes per-route configuration of type other.Config: " +
        "left out, since it is optional",
    ]);
  });
});
