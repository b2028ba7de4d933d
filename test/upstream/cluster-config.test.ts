import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import type { Cluster } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { LbEndpoint } from "../../src/proto/generated/envoy/config/endpoint/v3.ts";
import { compileCluster } from "../../src/upstream/cluster-config.ts";
import { compiled, compileWith, staticMessage } from "./upstream-fixture.ts";

const HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TCP = "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions";
const LB = "type.googleapis.com/envoy.extensions.load_balancing_policies";

const ONE = { address: { socketAddress: { address: "127.0.0.1", portValue: 1 } } };

function oneEndpoint(endpoint: LbEndpoint): Partial<Cluster> {
  return { loadAssignment: { clusterName: "c", endpoints: [{ lbEndpoints: [endpoint] }] } };
}

function seconds(count: number): { seconds: number; nanos: number } {
  return { seconds: count, nanos: 0 };
}

function http(value: object): Partial<Cluster> {
  return {
    typedExtensionProtocolOptions: { [HTTP]: { typeUrl: `type.googleapis.com/${HTTP}`, value } },
  };
}

describe("compileCluster", () => {
  it("has Envoy's defaults", () => {
    const config = compiled(staticMessage([1000]));
    assert.equal(config.connection.connectTimeoutMs, 5000);
    assert.equal(config.connection.idleTimeoutMs, 3_600_000);
    assert.equal(config.connection.tcpIdleTimeoutMs, 600_000);
    assert.equal(config.connection.maxRequestsPerConnection, 0);
    assert.equal(config.connection.maxConnectionDurationMs, 0);
    assert.equal(config.connection.preconnectRatio, 1);
    assert.equal(config.connection.keepalive, null);
    assert.equal(config.perConnectionBufferLimitBytes, 1_048_576);
    assert.equal(config.maxStreamDurationMs, 0);
    assert.equal(config.panicThreshold, 50);
    assert.equal(config.waitForWarmOnInit, true);
    assert.equal(config.wantsHttp2, false);
    assert.equal(config.policy.name, "envoy.load_balancing_policies.round_robin");
    assert.equal(config.http1.maxHeadersBytes, 80 * 1024);
    assert.equal(config.http1.maxHeadersCount, 100);
    for (const thresholds of config.thresholds) {
      assert.equal(thresholds.maxConnections, 1024);
      assert.equal(thresholds.maxPendingRequests, 1024);
      assert.equal(thresholds.maxRequests, 1024);
      assert.equal(thresholds.maxRetries, 3);
    }
  });

  it("reads what HttpProtocolOptions say", () => {
    const config = compiled(
      staticMessage([1000], {
        altStatName: "stat",
        ...http({
          commonHttpProtocolOptions: {
            idleTimeout: seconds(0),
            maxConnectionDuration: seconds(7),
            maxStreamDuration: seconds(8),
            maxRequestsPerConnection: 9,
            maxHeadersCount: 10,
            maxResponseHeadersKb: 11,
          },
          explicitHttpConfig: {
            httpProtocolOptions: {
              enableTrailers: true,
              headerKeyFormat: { properCaseWords: {} },
              sendFullyQualifiedUrl: true,
            },
          },
        }),
      }),
    );
    assert.equal(config.observabilityName, "stat");
    assert.equal(config.connection.idleTimeoutMs, 0);
    assert.equal(config.connection.maxConnectionDurationMs, 7000);
    assert.equal(config.maxStreamDurationMs, 8000);
    assert.equal(config.connection.maxRequestsPerConnection, 9);
    assert.equal(config.http1.maxHeadersCount, 10);
    assert.equal(config.http1.maxHeadersBytes, 11 * 1024);
    assert.equal(config.http1.enableTrailers, true);
    assert.equal(config.http1.headerCase, "proper");
    assert.equal(config.http1.sendFullyQualifiedUrl, true);
  });

  it("knows when HTTP/2 is asked for", () => {
    const explicit = http({ explicitHttpConfig: { http2ProtocolOptions: {} } });
    assert.equal(compiled(staticMessage([1], explicit)).wantsHttp2, true);
    assert.equal(compiled(staticMessage([1], { http2ProtocolOptions: {} })).wantsHttp2, true);
    const same = http({ useDownstreamProtocolConfig: { http2ProtocolOptions: {} } });
    assert.equal(compiled(staticMessage([1], same)).wantsHttp2, false);
  });

  it("reads the older fields when there are no typed options", () => {
    const config = compiled(
      staticMessage([1], {
        commonHttpProtocolOptions: { idleTimeout: seconds(5) },
        maxRequestsPerConnection: 3,
        httpProtocolOptions: { enableTrailers: true },
      }),
    );
    assert.equal(config.connection.idleTimeoutMs, 5000);
    assert.equal(config.connection.maxRequestsPerConnection, 3);
    assert.equal(config.http1.enableTrailers, true);
  });

  it("reads limits, sources, keep-alive and preconnecting", () => {
    const config = compiled(
      staticMessage([1], {
        circuitBreakers: {
          thresholds: [
            { priority: "HIGH", maxConnections: 5, trackRemaining: true },
            { maxRequests: 0 },
            { maxRequests: 99 },
          ],
          perHostThresholds: [{ maxConnections: 2 }],
        },
        upstreamBindConfig: {
          sourceAddress: { address: "127.0.0.9", portValue: 0 },
          extraSourceAddresses: [{ address: { address: "::1", portValue: 0 } }],
        },
        upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: 60 } },
        preconnectPolicy: { perUpstreamPreconnectRatio: 1.5 },
        commonLbConfig: { healthyPanicThreshold: { value: 12.6 } },
        typedExtensionProtocolOptions: {
          [TCP]: { typeUrl: `type.googleapis.com/${TCP}`, value: { idleTimeout: seconds(4) } },
        },
      }),
    );
    assert.equal(config.thresholds[1].maxConnections, 5);
    assert.equal(config.thresholds[1].trackRemaining, true);
    assert.equal(config.thresholds[0].maxRequests, 0, "the first of a priority counts");
    assert.equal(config.thresholds[0].maxConnectionsPerHost, 2);
    assert.deepEqual(config.connection.sourceAddresses, [
      { ip: "127.0.0.9", port: 0 },
      { ip: "::1", port: 0 },
    ]);
    assert.deepEqual(config.connection.keepalive, { initialDelayMs: 60_000 });
    assert.equal(config.connection.preconnectRatio, 1.5);
    assert.equal(config.connection.tcpIdleTimeoutMs, 4000);
    assert.equal(config.panicThreshold, 13);
  });

  it("takes an empty healthy_panic_threshold as 0", () => {
    const config = compiled(staticMessage([1], { commonLbConfig: { healthyPanicThreshold: {} } }));
    assert.equal(config.panicThreshold, 0);
  });

  it("takes the first policy of load_balancing_policy that it knows", () => {
    const config = compiled(
      staticMessage([1], {
        lbPolicy: "RANDOM",
        loadBalancingPolicy: {
          policies: [
            {
              typedExtensionConfig: {
                name: "custom",
                typedConfig: { typeUrl: "type.googleapis.com/acme.Policy" },
              },
            },
            {
              typedExtensionConfig: {
                name: "lr",
                typedConfig: { typeUrl: `${LB}.least_request.v3.LeastRequest`, value: {} },
              },
            },
          ],
        },
      }),
    );
    assert.equal(config.policy.name, "envoy.load_balancing_policies.least_request");
  });

  it("gives equal messages one identity and others another", () => {
    assert.equal(compiled(staticMessage([1])).identity, compiled(staticMessage([1])).identity);
    assert.notEqual(compiled(staticMessage([1])).identity, compiled(staticMessage([2])).identity);
  });
});

describe("a cluster that is refused", () => {
  const tls = {
    name: "envoy.transport_sockets.tls",
    typedConfig: {
      typeUrl: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      value: {},
    },
  };
  const cases: readonly [string, RegExp, Partial<Cluster>][] = [
    ["name", /needs a name/, { name: "" }],
    ["connect_timeout", /longer than 0/, { connectTimeout: seconds(0) }],
    ["transport_socket", /TLS is not supported yet/, { transportSocket: tls }],
    [
      "transport_socket_matches",
      /TLS is not supported yet/,
      { transportSocketMatches: [{ name: "m", match: {}, transportSocket: tls }] },
    ],
    [
      "cluster_type.name",
      /registered cluster factory implementation for name: 'acme'/,
      { clusterType: { name: "acme" } },
    ],
    ["lb_policy", /NEAREST is not supported/, { lbPolicy: "NEAREST" as "RANDOM" }],
    ["load_balancing_policy", /which is not set/, { lbPolicy: "LOAD_BALANCING_POLICY_CONFIG" }],
    [
      "load_balancing_policy",
      /registered load balancer factory for cluster 'c' with names from \[x\]/,
      { loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name: "x" } }] } },
    ],
    ["filters[0]", /./, { filters: [{ name: "f" }] }],
    [
      "typed_extension_protocol_options[acme]",
      /protocol options named "acme"/,
      { typedExtensionProtocolOptions: { acme: { typeUrl: "x" } } },
    ],
    [
      `typed_extension_protocol_options[${HTTP}].explicit_http_config.http3_protocol_options`,
      /HTTP\/3 is not supported/,
      http({ explicitHttpConfig: { http3ProtocolOptions: {} } }),
    ],
    [`typed_extension_protocol_options[${HTTP}].auto_config`, /ALPN/, http({ autoConfig: {} })],
    [
      "max_requests_per_connection",
      /Only one of max_requests_per_connection/,
      {
        maxRequestsPerConnection: 1,
        ...http({ commonHttpProtocolOptions: { maxRequestsPerConnection: 2 } }),
      },
    ],
    [
      `typed_extension_protocol_options[${HTTP}].header_key_format.stateful_formatter`,
      /Reason phrases are not forwarded/,
      http({
        explicitHttpConfig: {
          httpProtocolOptions: {
            headerKeyFormat: {
              statefulFormatter: {
                name: "preserve_case",
                typedConfig: {
                  typeUrl:
                    "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
                  value: { forwardReasonPhrase: true },
                },
              },
            },
          },
        },
      }),
    ],
    [
      "circuit_breakers.per_host_thresholds[0]",
      /Only max_connections is allowed per host/,
      { circuitBreakers: { perHostThresholds: [{ maxRequests: 1 }] } },
    ],
    [
      "upstream_bind_config.source_address.address",
      /malformed IP address/,
      { upstreamBindConfig: { sourceAddress: { address: "eth0" } } },
    ],
  ];
  for (const [path, message, more] of cases) {
    it(`names ${path}: ${message.source}`, () => {
      const { config, context } = compileWith(staticMessage([1000], more));
      assert.equal(config, null);
      const found = context.diagnostics.filter((one) => one.severity === "error");
      assert.equal(found.length, 1, JSON.stringify(found));
      assert.ok(found[0]!.path.startsWith(path.replace("[0]", "")), found[0]!.path);
      assert.match(found[0]!.message, message);
    });
  }
});

describe("a cluster that is taken with a warning", () => {
  const cases: readonly [string, Partial<Cluster>][] = [
    [
      "outlier_detection.monitors",
      { outlierDetection: { monitors: [{ name: "m", typedConfig: { typeUrl: "", value: {} } }] } },
    ],
    ["lrs_server", { lrsServer: { self: {} } }],
    [
      "preconnect_policy.predictive_preconnect_ratio",
      { preconnectPolicy: { predictivePreconnectRatio: 2 } },
    ],
    [
      "round_robin_lb_config.slow_start_config.slow_start_window",
      { roundRobinLbConfig: { slowStartConfig: {} } },
    ],
    ["http2_protocol_options", { http2ProtocolOptions: {} }],
    ["upstream_bind_config.freebind", { upstreamBindConfig: { freebind: true } }],
    ["ring_hash_lb_config", { ringHashLbConfig: {} }],
    ["maglev_lb_config", { maglevLbConfig: {} }],
    ["cleanup_interval", { cleanupInterval: seconds(5) }],
    ["lrs_report_endpoint_metrics", { lrsReportEndpointMetrics: ["cpu"] }],
    ["metadata.typed_filter_metadata", { metadata: { typedFilterMetadata: {} } }],
    [
      `typed_extension_protocol_options[${HTTP}].upstream_http_protocol_options`,
      http({ upstreamHttpProtocolOptions: { autoSni: true } }),
    ],
    ["load_assignment.named_endpoints", { loadAssignment: { namedEndpoints: {} } }],
    [
      "load_assignment.endpoints[0].proximity",
      { loadAssignment: { endpoints: [{ proximity: 1 }] } },
    ],
    [
      "load_assignment.endpoints[0].metadata",
      { loadAssignment: { endpoints: [{ metadata: {} }] } },
    ],
    [
      "load_assignment.endpoints[0].lb_endpoints[0].metadata.typed_filter_metadata",
      oneEndpoint({ endpoint: ONE, metadata: { typedFilterMetadata: {} } }),
    ],
  ];
  for (const [path, more] of cases) {
    it(`names ${path}`, () => {
      const { config, context } = compileWith(staticMessage([1000], more));
      assert.notEqual(config, null);
      assert.deepEqual(
        context.diagnostics.map((one) => [one.severity, one.path]),
        [["warning", path]],
      );
    });
  }

  it("needs the catalogues it is given, not others", () => {
    const context = new CompileContext();
    const healthChecks = { checkers: [], eventSinks: [] };
    const none = { clusters: [], loadBalancers: [], healthChecks, sourceAddresses: [] };
    assert.equal(compileCluster(staticMessage([1]), none, context), null);
    assert.equal(context.diagnostics.length, 2);
  });
});
