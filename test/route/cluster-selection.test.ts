import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../src/config/runtime.ts";
import type {
  RouteAction,
  WeightedCluster,
  WeightedCluster_ClusterWeight,
} from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { RouteTable } from "../../src/route/route.ts";
import { compileRouteTable } from "../../src/route/route-table.ts";
import {
  clusterOf,
  oneHost,
  type RequestOptions,
  routeProblems,
  routeServices,
  routeTable,
  TestRequest,
} from "../kit/route-request.ts";

const match = { prefix: "/" };

function tableOf(route: RouteAction, runtime: RuntimeSnapshot = DEFAULT_RUNTIME): RouteTable {
  return routeTable(oneHost({ match, route }), { runtime });
}

function weighted(more: Partial<WeightedCluster> = {}): RouteAction {
  const clusters = [
    { name: "a", weight: 80 },
    { name: "b", weight: 20 },
    { name: "zero", weight: 0 },
  ];
  return { weightedClusters: { clusters, ...more } };
}

function chosen(table: RouteTable, options: RequestOptions): string {
  return clusterOf(table, new TestRequest("/", options));
}

describe("fixed cluster", () => {
  it("gives the same object for every request", () => {
    const table = tableOf({ cluster: "c" });
    assert.equal(table.match(new TestRequest("/")), table.match(new TestRequest("/x")));
  });
});

describe("cluster_header", () => {
  it("takes the first value; without it the name is empty", () => {
    const table = tableOf({ clusterHeader: "X-Cluster" });
    assert.equal(chosen(table, { headers: { "x-cluster": "one" } }), "one");
    assert.equal(
      chosen(table, {
        headers: [
          ["x-cluster", "two"],
          ["x-cluster", "3"],
        ],
      }),
      "two",
    );
    assert.equal(chosen(table, {}), "");
  });

  it("keeps a bounded number of routes and still serves all names", () => {
    const table = tableOf({ clusterHeader: "x" });
    for (let at = 0; at < 200; at++) {
      assert.equal(chosen(table, { headers: { x: `c${at}` } }), `c${at}`);
    }
  });
});

describe("weighted clusters", () => {
  it("divide the stream's number by weight", () => {
    const table = tableOf(weighted());
    assert.equal(chosen(table, { random: 0 }), "a");
    assert.equal(chosen(table, { random: 79 }), "a");
    assert.equal(chosen(table, { random: 80 }), "b");
    assert.equal(chosen(table, { random: 199 }), "b");
    assert.equal(chosen(table, { random: 200 }), "a");
    const counts: Record<string, number> = {};
    for (let random = 0; random < 100; random++) {
      const name = chosen(table, { random });
      counts[name] = (counts[name] ?? 0) + 1;
    }
    assert.deepEqual(counts, { a: 80, b: 20 });
  });

  it("take the number from a header with one decimal value", () => {
    const table = tableOf(weighted({ headerName: "x-random" }));
    const by = (...values: string[]): string =>
      chosen(table, { random: 0, headers: values.map((value) => ["x-random", value] as const) });
    assert.equal(by("180"), "b");
    assert.equal(by("18446744073709551615"), "a");
    assert.equal(by("18446744073709551695"), "a");
    assert.equal(by("180", "180"), "a");
    assert.equal(by("0x50"), "a");
    assert.equal(by("-1"), "a");
  });

  it("take the number from the hash policy", () => {
    const hashPolicy = [{ header: { headerName: "h" } }];
    const table = tableOf({ ...weighted({ useHashPolicy: true }), hashPolicy });
    const names = new Set<string>();
    for (let at = 0; at < 50; at++) {
      const headers = { h: `v${at}` };
      names.add(chosen(table, { headers, random: 5 }));
      assert.equal(chosen(table, { headers, random: 5 }), chosen(table, { headers, random: 85 }));
    }
    assert.deepEqual([...names].sort(), ["a", "b"]);
    assert.equal(chosen(table, { random: 85 }), "b");
  });

  it("read weights from runtime under their prefix", () => {
    const weights: Record<string, number> = { "w.a": 0, "w.b": 0 };
    const runtime = {
      ...DEFAULT_RUNTIME,
      getInteger: (key: string, fallback: number): number => weights[key] ?? fallback,
    };
    const table = tableOf(weighted({ runtimeKeyPrefix: "w" }), runtime);
    assert.equal(chosen(table, { random: 0 }), "-");
    weights["w.b"] = 1;
    assert.equal(chosen(table, { random: 0 }), "b");
    weights["w.a"] = 1;
    assert.equal(chosen(table, { random: 2 }), "a");
  });

  it("may name an entry's cluster in a header", () => {
    const table = tableOf({ weightedClusters: { clusters: [{ clusterHeader: "x", weight: 1 }] } });
    assert.equal(chosen(table, { headers: { x: "one" } }), "one");
    assert.equal(chosen(table, {}), "");
  });

  it("lay their subset criteria over the route's", () => {
    const lb = (values: Record<string, string>): WeightedCluster_ClusterWeight => ({
      metadataMatch: { filterMetadata: { "envoy.lb": values } },
    });
    const clusters = [{ name: "a", weight: 1, ...lb({ version: "2" }) }];
    const route = { ...lb({ version: "1", stage: "prod" }), weightedClusters: { clusters } };
    const { entry } = tableOf(route as RouteAction).match(new TestRequest("/"))!;
    assert.deepEqual(entry!.metadataMatch, { version: "2", stage: "prod" });
  });

  it("refuse weights that add up to nothing, or an entry with two names or none", () => {
    const problems = (...clusters: WeightedCluster_ClusterWeight[]): string[] =>
      routeProblems(oneHost({ match, route: { weightedClusters: { clusters } } })).map((text) =>
        text.replace("error virtual_hosts[0].routes[0].route.weighted_clusters", ""),
      );
    assert.deepEqual(problems({ name: "a", weight: 0 }), [
      ": The weights of the clusters add up to zero",
    ]);
    assert.deepEqual(problems({ name: "a", weight: 4294967295 }, { name: "b", weight: 1 }), [
      ": The weights of the clusters exceed 4294967295",
    ]);
    const both = { name: "a", clusterHeader: "x", weight: 1 };
    assert.deepEqual(problems({ name: "a", weight: 1 }, both, { weight: 1 }), [
      ".clusters[1]: A weighted cluster needs one of name and cluster_header",
      ".clusters[2]: A weighted cluster needs one of name and cluster_header",
    ]);
    assert.deepEqual(problems({ name: "a", weight: 1 }, { name: "b" }), [
      ".clusters[1].weight: A weighted cluster needs a weight",
    ]);
  });
});

describe("validate_clusters", () => {
  const message = oneHost({ match, route: weighted() }, { match, route: { cluster: "c" } });
  const clusterNames = new Set(["a", "zero"]);
  const problems = [
    "error virtual_hosts[0].routes[0].route.weighted_clusters.clusters[1].name: Unknown cluster 'b'",
    "error virtual_hosts[0].routes[1].route.cluster: Unknown cluster 'c'",
  ];

  it("reports clusters that are not there, when it applies", () => {
    const services = { clusterNames, validateClusters: true };
    assert.deepEqual(routeProblems(message, services), problems);
    assert.deepEqual(routeProblems({ ...message, validateClusters: false }, services), []);
    assert.deepEqual(
      routeProblems({ ...message, validateClusters: true }, { clusterNames }),
      problems,
    );
    assert.deepEqual(routeProblems(message, { clusterNames }), []);
  });

  it("suggests the nearest name", () => {
    const context = new CompileContext();
    const services = routeServices({ clusterNames: new Set(["orders"]), validateClusters: true });
    compileRouteTable(oneHost({ match, route: { cluster: "order" } }), services, context);
    assert.match(context.diagnostics[0]?.remedy ?? "", /^did you mean 'orders'\?/);
  });

  it("lists the clusters that routes may choose", () => {
    assert.deepEqual(routeTable(message).clusterNames, ["a", "b", "zero", "c"]);
  });
});
