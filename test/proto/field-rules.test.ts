// The field rules of the protos: one good and one bad value for each kind, said in plain words.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FieldRulesLiteral } from "../../src/proto/descriptor.ts";
import { RULE_PATTERNS } from "../../src/proto/rule-patterns.ts";
import { messages } from "./decode-text.ts";

const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

function broken(typeName: string, plain: object): string[] {
  return messages
    .checkRules(typeName, plain)
    .map(({ path, message, remedy }) => `${path}: ${message} (${remedy})`);
}

interface Case {
  readonly what: string;
  readonly type: string;
  readonly good: object;
  readonly bad: object;
  readonly says: string;
}

const route = { match: { prefix: "/" }, route: { cluster: "c" } };
const endpoint = { socketAddress: { address: "a", portValue: 1 } };
const check = {
  timeout: { seconds: 1, nanos: 0 },
  interval: { seconds: 1, nanos: 0 },
  unhealthyThreshold: 1,
  healthyThreshold: 1,
};

const CASES: readonly Case[] = [
  {
    what: "string.min_len",
    type: "envoy.config.cluster.v3.Cluster",
    good: { name: "c" },
    bad: {},
    says: "name: Must not be empty (give it a value)",
  },
  {
    what: "uint32.lte",
    type: "envoy.config.core.v3.Address",
    good: endpoint,
    bad: { socketAddress: { address: "a", portValue: 70000 } },
    says: "socket_address.port_value: Must be at most 65535, is 70000 (use 65535 or less)",
  },
  {
    what: "a wrapper's range, only when it is set",
    type: "envoy.config.core.v3.Http2ProtocolOptions",
    good: {},
    bad: { initialStreamWindowSize: 1 },
    says: "initial_stream_window_size: Must be at least 65535, is 1 (use 65535 or more)",
  },
  {
    what: "uint32.gt on an absent field",
    type: "envoy.type.v3.TokenBucket",
    good: { maxTokens: 1, fillInterval: { seconds: 1, nanos: 0 } },
    bad: { fillInterval: { seconds: 1, nanos: 0 } },
    says: "max_tokens: Must be more than 0, is 0 (use more than 0)",
  },
  {
    what: "double.gte",
    type: "envoy.type.v3.Percent",
    good: { value: 100 },
    bad: { value: -1 },
    says: "value: Must be at least 0, is -1 (use 0 or more)",
  },
  {
    what: "double bounds of NaN",
    type: "envoy.type.v3.Percent",
    good: {},
    bad: { value: Number.NaN },
    says: "value: Must be at least 0, is NaN (use 0 or more)",
  },
  {
    what: "duration.gt",
    type: "envoy.config.cluster.v3.Cluster",
    good: { name: "c", connectTimeout: { seconds: 0, nanos: 1 } },
    bad: { name: "c", connectTimeout: { seconds: 0, nanos: 0 } },
    says: "connect_timeout: Must be more than 0s, is 0s (use more than 0s)",
  },
  {
    what: "duration.required",
    type: "envoy.config.core.v3.HealthCheck",
    good: { ...check, tcpHealthCheck: {} },
    bad: { ...check, interval: undefined, tcpHealthCheck: {} },
    says: "interval: Is required (add interval)",
  },
  {
    what: "message.required",
    type: "envoy.config.core.v3.HealthCheck",
    good: { ...check, tcpHealthCheck: {} },
    bad: { ...check, healthyThreshold: undefined, tcpHealthCheck: {} },
    says: "healthy_threshold: Is required (add healthy_threshold)",
  },
  {
    what: "a required oneof",
    type: "envoy.config.core.v3.HealthCheck",
    good: { ...check, tcpHealthCheck: {} },
    bad: check,
    says:
      ": Lacks its health_checker (set one of http_health_check, tcp_health_check, " +
      "grpc_health_check, custom_health_check)",
  },
  {
    what: "enum.defined_only",
    type: "envoy.config.cluster.v3.Cluster",
    good: { name: "c", dnsLookupFamily: "ALL" },
    bad: { name: "c", dnsLookupFamily: 99 },
    says: "dns_lookup_family: Unknown value 99 (one of AUTO, V4_ONLY, V6_ONLY, V4_PREFERRED, ALL)",
  },
  {
    what: "enum.not_in on an absent field",
    type: "envoy.config.overload.v3.ScaleTimersOverloadActionConfig.ScaleTimer",
    good: { timer: "TRANSPORT_SOCKET_CONNECT", minTimeout: { seconds: 1, nanos: 0 } },
    bad: { minTimeout: { seconds: 1, nanos: 0 } },
    says:
      "timer: UNSPECIFIED is not allowed here (one of HTTP_DOWNSTREAM_CONNECTION_IDLE, " +
      "HTTP_DOWNSTREAM_STREAM_IDLE, TRANSPORT_SOCKET_CONNECT, HTTP_DOWNSTREAM_CONNECTION_MAX, " +
      "HTTP_DOWNSTREAM_STREAM_FLUSH)",
  },
  {
    what: "string.in",
    type: "envoy.config.core.v3.SchemeHeaderTransformation",
    good: { schemeToOverwrite: "https" },
    bad: { schemeToOverwrite: "ftp" },
    says: 'scheme_to_overwrite: Unknown value "ftp" (one of http, https)',
  },
  {
    what: "string.pattern",
    type: "envoy.config.route.v3.RouteMatch",
    good: { pathSeparatedPrefix: "/a" },
    bad: { pathSeparatedPrefix: "/a/" },
    says:
      "path_separated_prefix: Must be a path without ?, # and a slash at its end " +
      "(remove the other characters)",
  },
  {
    what: "string.prefix and suffix",
    type: "envoy.config.route.v3.RateLimit.HitsAddend",
    good: { format: "%BYTES_SENT%" },
    bad: { format: "BYTES_SENT%" },
    says: "format: Must begin with % (write %BYTES_SENT%)",
  },
  {
    what: "string.max_bytes",
    type: "envoy.config.core.v3.HeaderValue",
    good: { key: "a" },
    bad: { key: "é".repeat(10000) },
    says: "key: Must have at most 16384 bytes, has 20000 (write a shorter value)",
  },
  {
    what: "well_known_regex HTTP_HEADER_NAME, not strict",
    type: "envoy.config.core.v3.HeaderValue",
    good: { key: "a b" },
    bad: { key: "a\nb" },
    says: "key: Must be text without NUL, CR and LF (remove the other characters)",
  },
  {
    what: "well_known_regex HTTP_HEADER_NAME, strict",
    type: "envoy.config.core.v3.UpstreamHttpProtocolOptions",
    good: { overrideAutoSniHeader: ":authority" },
    bad: { overrideAutoSniHeader: "a b" },
    says:
      "override_auto_sni_header: Must be an HTTP header name: letters, digits and any of " +
      "!#$%&'*+-.^_|~` (remove the other characters)",
  },
  {
    what: "well_known_regex HTTP_HEADER_VALUE, strict",
    type: "envoy.config.core.v3.HealthCheck.HttpHealthCheck",
    good: { path: "/a b\tc" },
    bad: { path: "/\u0001" },
    says: "path: Must be an HTTP header value: no control characters (remove the other characters)",
  },
  {
    what: "repeated.min_items",
    type: "envoy.config.route.v3.VirtualHost",
    good: { name: "v", domains: ["*"] },
    bad: { name: "v" },
    says: "domains: Needs at least 1 item (add one)",
  },
  {
    what: "repeated.items",
    type: "envoy.config.route.v3.VirtualHost",
    good: { name: "v", domains: ["*"], requestHeadersToRemove: ["a"] },
    bad: { name: "v", domains: ["*"], requestHeadersToRemove: ["a", ""] },
    says: "request_headers_to_remove[1]: Must not be empty (give it a value)",
  },
  {
    what: "repeated.unique",
    type: "envoy.config.route.v3.InternalRedirectPolicy",
    good: { responseHeadersToCopy: ["a", "b"] },
    bad: { responseHeadersToCopy: ["a", "b", "a"] },
    says: "response_headers_to_copy[2]: Repeats a (remove one)",
  },
  {
    what: "bool.const",
    type: "envoy.config.accesslog.v3.AccessLogFilter",
    good: { metadataFilter: {} },
    bad: { headerFilter: {} },
    says: "header_filter.header: Is required (add header)",
  },
  {
    what: "map.min_pairs and map values",
    type: "xds.type.matcher.v3.Matcher.MatcherTree.MatchMap",
    good: {
      map: {
        a: {
          action: { name: "x", typedConfig: { typeUrl: "a/google.protobuf.Empty", value: {} } },
        },
      },
    },
    bad: {},
    says: "map: Needs at least 1 entry (add one)",
  },
  {
    what: "a problem deep inside a map",
    type: "envoy.config.route.v3.Route",
    good: route,
    bad: {
      ...route,
      metadata: {
        typedFilterMetadata: {
          "a.b": { typeUrl: "a/envoy.type.v3.Percent", value: { value: 101 } },
        },
      },
    },
    says: "metadata.typed_filter_metadata[a.b].value: Must be at most 100, is 101 (use 100 or less)",
  },
  {
    what: "any.required",
    type: "envoy.config.core.v3.TypedExtensionConfig",
    good: { name: "x", typedConfig: { typeUrl: "a/google.protobuf.Empty", value: {} } },
    bad: { name: "x" },
    says: "typed_config: Is required (add typed_config)",
  },
  {
    what: "any.required of an extension that only this proxy has",
    type: "envoy.config.core.v3.TypedExtensionConfig",
    good: { name: "outrigger.load_balancing_policies.peak_ewma" },
    bad: { name: "outrigger" },
    says: "typed_config: Is required (add typed_config)",
  },
];

describe("field rules", () => {
  for (const { what, type, good, bad, says } of CASES) {
    it(`${what} accepts and refuses`, () => {
      assert.deepEqual(broken(type, good), []);
      assert.deepEqual(broken(type, bad), [says]);
    });
  }

  it("a rule of a oneof's member speaks only when that member is set", () => {
    assert.deepEqual(broken("envoy.config.route.v3.RouteMatch", { prefix: "/" }), []);
    assert.deepEqual(broken("envoy.config.route.v3.RouteMatch", { safeRegex: {} }), [
      "safe_regex.regex: Must not be empty (give it a value)",
    ]);
  });

  it("bool.const takes only that value", () => {
    const type = "envoy.config.rbac.v3.Principal";
    assert.deepEqual(broken(type, { any: true }), []);
    assert.deepEqual(broken(type, { any: false }), ["any: Must be true (write true)"]);
  });
});

describe("the discovery protocol", () => {
  it("of Envoy's v2 is refused", () => {
    const source = { apiType: "GRPC", grpcServices: [{ envoyGrpc: { clusterName: "x" } }] };
    const type = "envoy.config.core.v3.ApiConfigSource";
    assert.deepEqual(broken(type, { ...source, transportApiVersion: "V3" }), []);
    assert.deepEqual(broken(type, { ...source, transportApiVersion: "V2" }), [
      ": Envoy's v2 discovery protocol is not served (write transport_api_version: V3)",
    ]);
  });
});

describe("extensions chosen by name alone", () => {
  it("are refused with the typed_config to add", () => {
    const plain = {
      statPrefix: "x",
      routeConfig: {},
      httpFilters: [{ name: "envoy.router" }],
      accessLog: [{ name: "envoy.access_loggers.file" }],
    };
    const url = "type.googleapis.com/envoy.extensions";
    assert.deepEqual(broken(HCM, plain), [
      `http_filters[0]: Extension "envoy.router" has no typed_config ` +
        `(add typed_config with "@type": ${url}.filters.http.router.v3.Router)`,
      `access_log[0]: Extension "envoy.access_loggers.file" has no typed_config ` +
        `(add typed_config with "@type": ${url}.access_loggers.file.v3.FileAccessLog)`,
    ]);
  });

  it("are accepted when they are optional or discovered", () => {
    const plain = {
      statPrefix: "x",
      routeConfig: {},
      httpFilters: [
        { name: "a", isOptional: true },
        { name: "b", configDiscovery: { configSource: { ads: {} }, typeUrls: ["x"] } },
      ],
    };
    assert.deepEqual(broken(HCM, plain), []);
  });
});

describe("the rules of the descriptor", () => {
  const obeyed = new Set([
    "any.required",
    "bool.const",
    "bytes.max_len",
    "bytes.min_len",
    "duration.required",
    "enum.defined_only",
    "enum.not_in",
    "map.min_pairs",
    "message.required",
    "message.skip",
    "repeated.max_items",
    "repeated.min_items",
    "repeated.unique",
    "string.in",
    "string.max_bytes",
    "string.max_len",
    "string.min_len",
    "string.pattern",
    "string.prefix",
    "string.strict",
    "string.suffix",
    "string.well_known_regex",
  ]);
  const BOUND = /^(u?int(32|64)|double|float|duration)\.(gte?|lte?)$/;

  function* leaves(rules: FieldRulesLiteral): Iterable<[string, unknown]> {
    for (const [kind, literal] of Object.entries(rules)) {
      for (const [rule, value] of Object.entries(literal as object)) {
        const nested = rule === "items" || rule === "keys" || rule === "values";
        if (nested) yield* leaves(value as FieldRulesLiteral);
        else yield [`${kind}.${rule}`, value];
      }
    }
  }

  it("are all obeyed, and all their patterns are known", () => {
    for (const name of messages.registry.messageNames()) {
      for (const field of messages.registry.require(name).fields) {
        for (const [rule, value] of leaves(field.rules ?? {})) {
          assert.ok(obeyed.has(rule) || BOUND.test(rule), `${name}.${field.name} has rule ${rule}`);
          if (rule === "string.pattern") assert.ok(RULE_PATTERNS[value as string], String(value));
        }
      }
    }
  });

  it("a required wrapper may have a range too", () => {
    const type = "envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter";
    assert.deepEqual(broken(type, { identifier: 1, value: 1 }), []);
    assert.deepEqual(broken(type, { identifier: 65537, value: 1 }), [
      "identifier: Must be at most 65535, is 65537 (use 65535 or less)",
    ]);
    assert.deepEqual(broken(type, { value: 1 }), ["identifier: Is required (add identifier)"]);
  });
});
