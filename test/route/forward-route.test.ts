import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteAction, VirtualHost } from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { RouteEntry } from "../../src/route/route.ts";
import { oneHost, routeProblems, routeTable, TestRequest } from "../kit/route-request.ts";

function entryOf(
  action: RouteAction,
  host: VirtualHost = {},
  request: TestRequest = new TestRequest("/"),
): RouteEntry {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "c", ...action }, statPrefix: "s" }];
  const virtualHosts = [{ name: "v", domains: ["*"], routes, ...host }];
  return routeTable({ virtualHosts }).match(request)!.entry!;
}

function seconds(count: number): { seconds: number; nanos: number } {
  return { seconds: count, nanos: 0 };
}

describe("a forwarding route", () => {
  it("has Envoy's defaults", () => {
    const entry = entryOf({});
    const { timeoutMs, idleTimeoutMs, maxStreamDurationMs } = entry;
    assert.deepEqual([timeoutMs, idleTimeoutMs, maxStreamDurationMs], [15_000, -1, -1]);
    assert.equal(entry.clusterNotFoundStatus, 503);
    assert.equal(entry.priority, "DEFAULT");
    assert.equal(entry.upgrades.size, 0);
    assert.equal(entry.usesNewTimeouts, false);
    assert.equal(entry.maxGrpcTimeoutMs, -1);
    assert.equal(entry.autoHostRewrite, false);
    assert.equal(entry.metadataMatch, null);
  });

  it("reads its timeouts in milliseconds", () => {
    const entry = entryOf({
      timeout: { seconds: 1, nanos: 999_999_999 },
      idleTimeout: seconds(0),
      maxGrpcTimeout: seconds(0),
      grpcTimeoutOffset: seconds(1),
    });
    assert.equal(entry.timeoutMs, 1999);
    assert.equal(entry.idleTimeoutMs, 0);
    assert.equal(entry.maxGrpcTimeoutMs, 0);
    assert.equal(entry.grpcTimeoutOffsetMs, 1000);
  });

  it("has no route timeout once max_stream_duration is there", () => {
    const entry = entryOf({
      timeout: seconds(1),
      maxGrpcTimeout: seconds(1),
      maxStreamDuration: { grpcTimeoutHeaderMax: seconds(2) },
    });
    assert.equal(entry.timeoutMs, 0);
    assert.equal(entry.usesNewTimeouts, true);
    assert.equal(entry.maxStreamDurationMs, -1);
    assert.equal(entry.grpcTimeoutHeaderMaxMs, 2000);
    assert.equal(entry.maxGrpcTimeoutMs, -1);
  });

  it("reads what to do without its cluster, its priority and its upgrades", () => {
    const entry = entryOf({
      clusterNotFoundResponseCode: "NOT_FOUND",
      priority: "HIGH",
      autoHostRewrite: true,
      appendXForwardedHost: true,
      upgradeConfigs: [
        { upgradeType: "WebSocket", enabled: false },
        { upgradeType: "CONNECT", connectConfig: {} },
      ],
    });
    assert.equal(entry.clusterNotFoundStatus, 404);
    assert.equal(entry.priority, "HIGH");
    assert.deepEqual(
      [...entry.upgrades],
      [
        ["websocket", false],
        ["connect", true],
      ],
    );
    assert.equal(entry.connectTerminates, true);
    assert.equal(entry.autoHostRewrite, true);
    assert.equal(entry.appendForwardedHost, true);
  });

  it("takes attempt counts and virtual clusters from its host", () => {
    const virtualClusters = [{ name: "posts", headers: [{ name: ":method", exactMatch: "POST" }] }];
    const host = { includeRequestAttemptCount: true, virtualClusters };
    const entry = entryOf({}, host);
    assert.equal(entry.includeAttemptCountInRequest, true);
    assert.equal(entry.includeAttemptCountInResponse, false);
    assert.equal(entry.virtualCluster(new TestRequest("/", { method: "POST" }).headers), "posts");
    assert.equal(entry.virtualCluster(new TestRequest("/").headers), "other");
    assert.equal(entryOf({}).virtualCluster(new TestRequest("/").headers), "");
    assert.equal(entry.statPrefix, "s");
  });

  it("names itself and its host, with their metadata", () => {
    const metadata = (value: string): { filterMetadata: Record<string, { k: string }> } => ({
      filterMetadata: { ns: { k: value } },
    });
    const routes = [
      { name: "r", match: { prefix: "/" }, route: { cluster: "c" }, metadata: metadata("route") },
    ];
    const table = routeTable({
      virtualHosts: [{ name: "v", domains: ["*"], routes, metadata: metadata("host") }],
    });
    const route = table.match(new TestRequest("/"))!;
    assert.equal(route.routeName, "r");
    assert.equal(route.virtualHostName, "v");
    assert.deepEqual(route.metadata, { ns: { k: "route" } });
    assert.deepEqual(route.virtualHostMetadata, { ns: { k: "host" } });
  });

  it("takes the host's retry policy where it has none of its own", () => {
    const retryPolicy = { perTryTimeout: seconds(2) };
    assert.equal(entryOf({ retryPolicy }).retryPolicy!.perTryTimeoutMs, 2000);
    assert.equal(entryOf({}, { retryPolicy }).retryPolicy!.perTryTimeoutMs, 2000);
    assert.equal(entryOf({ retryPolicy: {} }, { retryPolicy }).retryPolicy!.perTryTimeoutMs, 0);
  });
});

describe("fields that are not obeyed", () => {
  const route = { match: { prefix: "/" }, route: { cluster: "c" } };

  it("are warnings where a request loses a second chance", () => {
    const message = {
      virtualHosts: [
        {
          name: "v",
          domains: ["*"],
          retryPolicyTypedConfig: { typeUrl: "type.googleapis.com/x" },
          routes: [
            {
              ...route,
              route: {
                cluster: "c",
                retryPolicy: { retryOptionsPredicates: [{ name: "p" }] },
                hedgePolicy: { initialRequests: 2 },
              },
            },
          ],
        },
      ],
    };
    const at = "warning virtual_hosts[0]";
    assert.deepEqual(routeProblems(message), [
      `${at}.retry_policy_typed_config: retry_policy_typed_config is not supported: no retry ` +
        "policy plugin is known, so requests are not retried",
      `${at}.routes[0].route.hedge_policy.initial_requests: initial_requests has no effect, as in ` +
        "Envoy: only hedge_on_per_try_timeout makes a second request",
      `${at}.routes[0].route.retry_policy.retry_options_predicates: retry_options_predicates is ` +
        "not supported: retries keep their socket options",
    ]);
  });

  it("are warnings, told once, where only observation and limits of others are lost", () => {
    const metadata = { typedFilterMetadata: {} };
    const one = {
      match: { prefix: "/" },
      route: { cluster: "c", earlyDataPolicy: { name: "e" } },
      decorator: { operation: "o" },
      tracing: {},
      metadata,
    };
    const virtualHosts = [
      {
        name: "v",
        domains: ["*"],
        metadata,
        routes: [one, one],
      },
    ];
    const problems = routeProblems({ virtualHosts });
    assert.deepEqual(
      problems.map((problem) => [
        /^warning virtual_hosts\[0\]\.([\w.[\]]+):/.exec(problem)?.[1],
        /and in (\d+) more/.exec(problem)?.[1],
      ]),
      [
        ["metadata.typed_filter_metadata", "2"],
        ["routes[0].decorator", "1"],
        ["routes[0].tracing", "1"],
        ["routes[0].route.early_data_policy", "1"],
      ],
    );
  });

  it("are errors where requests would go elsewhere", () => {
    const plugin = { ...route, route: { inlineClusterSpecifierPlugin: {} } };
    const messages = [
      { ...oneHost(route), vhds: {} },
      oneHost({ ...route, route: { clusterSpecifierPlugin: "p" } }),
      oneHost(plugin),
      oneHost({ match: { prefix: "/" }, filterAction: {} }),
      oneHost({ match: { prefix: "/" }, nonForwardingAction: {} }),
    ];
    for (const message of messages) {
      assert.match(routeProblems(message)[0] ?? "", /^error .* is not (supported|for proxies)/);
    }
  });

  it("include a route without an action and a host without a domain", () => {
    assert.deepEqual(routeProblems(oneHost({ match: { prefix: "/" } })), [
      "error virtual_hosts[0].routes[0]: A route needs an action",
    ]);
    assert.deepEqual(routeProblems({ virtualHosts: [{ name: "v" }] }), [
      "error virtual_hosts[0].domains: A virtual host needs a domain",
    ]);
    assert.deepEqual(routeProblems(oneHost({ match: { prefix: "/" }, route: {} })), [
      "error virtual_hosts[0].routes[0].route: A route action needs a cluster",
    ]);
  });
});
