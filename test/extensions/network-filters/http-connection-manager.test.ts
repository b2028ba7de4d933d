import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { compileConnectionManager } from "../../../src/extensions/network-filters/http-connection-manager/config.ts";
import { compileHttpFilters } from "../../../src/extensions/network-filters/http-connection-manager/http-filters.ts";
import type { ConnectionManagerConfig } from "../../../src/http/connection-manager-config.ts";
import { HttpFilterCatalogue } from "../../../src/http/http-filter-catalogue.ts";
import type { HttpFilterType } from "../../../src/http/http-filter-factory.ts";
import type { HttpConnectionManager } from "../../../src/proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";

const NODE = { serviceCluster: "shop", serviceNode: "n1", localAddress: "10.0.0.9" };
const PREFIX = "type.googleapis.com/";

const compile = (
  message: HttpConnectionManager,
): { readonly config: ConnectionManagerConfig; readonly problems: readonly string[] } => {
  const context = new CompileContext();
  const config = compileConnectionManager(message, NODE, context);
  const problems = context.diagnostics.map(({ severity, path }) => `${severity} ${path}`);
  return { config, problems };
};

function preserveCase(value: object): HttpConnectionManager {
  const typeUrl = `${PREFIX}envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig`;
  const statefulFormatter = { name: "preserve_case", typedConfig: { typeUrl, value } };
  return { httpProtocolOptions: { headerKeyFormat: { statefulFormatter } } };
}

describe("the connection manager's settings", () => {
  it("have Envoy's defaults", () => {
    const { config, problems } = compile({});
    assert.deepEqual(problems, []);
    assert.equal(config.codecType, "AUTO");
    assert.equal(config.serverName, "envoy");
    assert.equal(config.serverHeader, "OVERWRITE");
    assert.deepEqual(config.timeouts, {
      idleMs: 3_600_000,
      maxConnectionDurationMs: 0,
      maxStreamDurationMs: 0,
      streamIdleMs: 300_000,
      requestMs: 0,
      requestHeadersMs: 0,
      drainMs: 5000,
      delayedCloseMs: 1000,
    });
    assert.equal(config.http1.maxHeadersBytes, 60 * 1024);
    assert.equal(config.http1.maxHeadersCount, 100);
    assert.deepEqual(config.requestId, {
      generate: true,
      preserveExternal: false,
      alwaysSetInResponse: false,
      packTraceReason: true,
    });
    assert.deepEqual(config.forwarding.detections, [
      { kind: "xff", trustedHops: 0, skipAppend: true },
    ]);
    assert.deepEqual(config.forwarding.internalRanges, []);
    assert.equal(config.paths.stripPort, "none");
  });

  it("tell an absent time from zero", () => {
    const zero = { seconds: 0, nanos: 0 };
    const { config } = compile({
      streamIdleTimeout: zero,
      delayedCloseTimeout: zero,
      requestTimeout: { seconds: 1, nanos: 2_999_999 },
      commonHttpProtocolOptions: { idleTimeout: zero },
    });
    const { streamIdleMs, delayedCloseMs, requestMs, idleMs } = config.timeouts;
    assert.deepEqual([streamIdleMs, delayedCloseMs, requestMs, idleMs], [0, 0, 1002, 0]);
  });

  it("take what is set", () => {
    const { config } = compile({
      statPrefix: "in",
      serverName: "me",
      serverHeaderTransformation: "PASS_THROUGH",
      maxRequestHeadersKb: 8,
      httpProtocolOptions: { acceptHttp10: true, enableTrailers: true },
      commonHttpProtocolOptions: {
        maxHeadersCount: 20,
        maxRequestsPerConnection: 3,
        headersWithUnderscoresAction: "REJECT_REQUEST",
      },
      upgradeConfigs: [{ upgradeType: "WebSocket" }, { upgradeType: "CONNECT", enabled: false }],
      internalAddressConfig: { cidrRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] },
      stripAnyHostPort: true,
    });
    assert.deepEqual([config.statPrefix, config.serverName], ["in", "me"]);
    assert.equal(config.http1.maxHeadersBytes, 8192);
    assert.equal(config.http1.enableTrailers, true);
    assert.equal(config.http1.headersWithUnderscores, "REJECT_REQUEST");
    assert.equal(config.maxRequestsPerConnection, 3);
    assert.deepEqual(
      [...config.upgrades],
      [
        ["websocket", true],
        ["connect", false],
      ],
    );
    assert.equal(config.forwarding.internalRanges[0]!.contains("10.9.9.9"), true);
    assert.equal(config.paths.stripPort, "any");
  });

  const refused: readonly (readonly [message: HttpConnectionManager, problem: string])[] = [
    [{ codecType: "HTTP3" }, "error codec_type"],
    [{ codecType: "HTTP2" }, "warning codec_type"],
    [{ stripAnyHostPort: true, stripMatchingHostPort: true }, "error strip_matching_host_port"],
    [{ upgradeConfigs: [{ upgradeType: "a" }, { upgradeType: "A" }] }, "error upgrade_configs[1]"],
    [{ scopedRoutes: {} }, "error scoped_routes"],
    [{ tracing: {} }, "warning tracing"],
    [{ setCurrentClientCertDetails: {} }, "warning set_current_client_cert_details"],
    [{ addProxyProtocolConnectionState: false }, "warning add_proxy_protocol_connection_state"],
    [{ streamFlushTimeout: { seconds: 1, nanos: 0 } }, "warning stream_flush_timeout"],
    [
      { schemeHeaderTransformation: { matchUpstream: true } },
      "warning scheme_header_transformation.match_upstream",
    ],
    [
      preserveCase({ forwardReasonPhrase: true }),
      "error http_protocol_options.header_key_format.stateful_formatter.typed_config.forward_reason_phrase",
    ],
    [
      preserveCase({ formatterTypeOnEnvoyHeaders: "PROPER_CASE" }),
      "error http_protocol_options.header_key_format.stateful_formatter.typed_config.formatter_type_on_envoy_headers",
    ],
    [
      { internalAddressConfig: { cidrRanges: [{ addressPrefix: "x" }] } },
      "error internal_address_config.cidr_ranges[0].address_prefix",
    ],
    [
      { httpProtocolOptions: { allowCustomMethods: true } },
      "error http_protocol_options.allow_custom_methods",
    ],
    [
      { requestIdExtension: { typedConfig: { typeUrl: `${PREFIX}some.Other`, value: {} } } },
      "error request_id_extension.typed_config",
    ],
    [
      {
        useRemoteAddress: true,
        originalIpDetectionExtensions: [
          {
            name: "x",
            typedConfig: {
              typeUrl: `${PREFIX}envoy.extensions.http.original_ip_detection.xff.v3.XffConfig`,
              value: {},
            },
          },
        ],
      },
      "error original_ip_detection_extensions",
    ],
  ];
  for (const [message, problem] of refused) {
    it(`name what they do not obey: ${problem}`, () => {
      assert.deepEqual(compile(message).problems, [problem]);
    });
  }
});

describe("the list of HTTP filters", () => {
  const type = (message: string, terminal: boolean): HttpFilterType =>
    ({
      name: message,
      messages: [message],
      routeMessages: [],
      terminal,
      compile: () => ({}),
      createFactory: () => ({}),
    }) as unknown as HttpFilterType;
  const catalogue = new HttpFilterCatalogue([type("a.Filter", false), type("a.Router", true)]);
  const filter = (message: string, more: object = {}): object => ({
    name: message,
    typedConfig: { typeUrl: PREFIX + message, value: {} },
    ...more,
  });
  const problems = (...filters: readonly object[]): readonly string[] => {
    const context = new CompileContext();
    compileHttpFilters(filters, catalogue, context);
    return context.diagnostics.map(({ path, message }) => `${path}: ${message}`);
  };

  it("ends with its one terminal filter", () => {
    assert.deepEqual(problems(filter("a.Filter"), filter("a.Router")), []);
    assert.match(problems(filter("a.Filter")).join(), /\[0\]: The last filter .* not terminal/);
    assert.match(
      problems(filter("a.Router"), filter("a.Router")).join(),
      /^http_filters\[0\]: Terminal filter a\.Router must be the last/,
    );
    assert.match(problems(filter("a.Router", { disabled: true })).join(), /not terminal/);
    assert.match(problems().join(), /is empty/);
  });

  it("refuses unknown filters, except optional ones", () => {
    assert.match(
      problems(filter("a.Filtre"), filter("a.Router")).join(),
      /\[0\]\.typed_config: .*a\.Filtre/,
    );
    const optional = problems(filter("a.Other", { isOptional: true }), filter("a.Router"));
    assert.match(optional.join(), /left out, since it is optional/);
  });

  it("refuses a filter without a message, and discovery", () => {
    assert.match(problems({ name: "x" }, filter("a.Router")).join(), /has no typed_config/);
    const discovered = { name: "x", configDiscovery: {} };
    assert.match(
      problems(discovered, filter("a.Router")).join(),
      /config_discovery: Filter discovery/,
    );
  });
});
