/**
 * Compiles how a cluster speaks to its hosts: `HttpProtocolOptions`, `TcpProtocolOptions`, and the
 * older fields of `Cluster` that say the same. Envoy: `ProtocolOptionsConfigImpl`
 * (source/extensions/upstreams/http/config.cc).
 */

import { reportPreserveCase } from "../codec/h1/preserve-case-fields.ts";
import type { Http1Settings } from "../codec/h1/settings.ts";
import { DEFAULT_HTTP1_SETTINGS } from "../codec/h1/settings.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import type { Cluster } from "../proto/generated/envoy/config/cluster/v3.ts";
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  Http1ProtocolOptions_HeaderKeyFormat,
} from "../proto/generated/envoy/config/core/v3.ts";
import type { HttpProtocolOptions } from "../proto/generated/envoy/extensions/upstreams/http/v3.ts";
import type { TcpProtocolOptions } from "../proto/generated/envoy/extensions/upstreams/tcp/v3.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TCP_OPTIONS = "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions";

/** `HttpProtocolOptions.common_http_protocol_options.idle_timeout` of upstream connections. */
const IDLE_TIMEOUT_MS = 3_600_000;
/** `TcpProtocolOptions.idle_timeout`. */
const TCP_IDLE_TIMEOUT_MS = 600_000;
/** HTTP/1 responses: Envoy's codec default when `max_response_headers_kb` is unset. */
const MAX_RESPONSE_HEADERS_KB = 80;
const MAX_HEADERS_COUNT = 100;

/** Durations in ms, 0 = off. */
export interface ProtocolOptions {
  readonly wantsHttp2: boolean;
  readonly http1: Http1Settings;
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  readonly tcpIdleTimeoutMs: number;
}

interface HttpParts {
  readonly http1: Http1ProtocolOptions;
  readonly common: CommonOptions;
  readonly wantsHttp2: boolean;
}

export function compileProtocolOptions(
  cluster: Cluster,
  tls: boolean,
  context: CompileContext,
): ProtocolOptions {
  const typed = cluster.typedExtensionProtocolOptions ?? {};
  reportUnknownOptions(Object.keys(typed), context);
  const options = typed[HTTP_OPTIONS]?.value as HttpProtocolOptions | undefined;
  const at = context.at("typed_extension_protocol_options", HTTP_OPTIONS);
  const parts = options === undefined ? legacyParts(cluster) : typedParts(options, tls, at);
  if (options !== undefined) reportHttpOptions(options, at);
  if (parts.wantsHttp2) {
    const asked = options === undefined ? context : at.at("explicit_http_config");
    asked
      .at("http2_protocol_options")
      .warn(
        "HTTP/2 to upstreams is not supported yet: requests to this cluster get 503",
        "use http_protocol_options where the upstream speaks HTTP/1.1 too",
      );
  }
  const { common } = parts;
  const tcp = typed[TCP_OPTIONS]?.value as TcpProtocolOptions | undefined;
  return {
    wantsHttp2: parts.wantsHttp2,
    http1: compileHttp1(parts.http1, common, at),
    idleTimeoutMs: durationMs(common.idleTimeout, IDLE_TIMEOUT_MS),
    maxConnectionDurationMs: durationMs(common.maxConnectionDuration, 0),
    maxStreamDurationMs: durationMs(common.maxStreamDuration, 0),
    maxRequestsPerConnection: maxRequests(cluster, common, context),
    tcpIdleTimeoutMs: durationMs(tcp?.idleTimeout, TCP_IDLE_TIMEOUT_MS),
  };
}

function reportUnknownOptions(names: readonly string[], context: CompileContext): void {
  for (const name of names) {
    if (name === HTTP_OPTIONS || name === TCP_OPTIONS) continue;
    context
      .at("typed_extension_protocol_options", name)
      .error(
        `Didn't find protocol options named "${name}"`,
        `the known ones are ${HTTP_OPTIONS} and ${TCP_OPTIONS}`,
      );
  }
}

function legacyParts(cluster: Cluster): HttpParts {
  return {
    http1: cluster.httpProtocolOptions ?? {},
    common: cluster.commonHttpProtocolOptions ?? {},
    wantsHttp2:
      cluster.http2ProtocolOptions !== undefined &&
      cluster.protocolSelection !== "USE_DOWNSTREAM_PROTOCOL",
  };
}

function typedParts(
  options: HttpProtocolOptions,
  tls: boolean,
  context: CompileContext,
): HttpParts {
  const common = options.commonHttpProtocolOptions ?? {};
  const { explicitHttpConfig: explicit, useDownstreamProtocolConfig: same, autoConfig } = options;
  if (explicit?.http3ProtocolOptions !== undefined) {
    context
      .at("explicit_http_config")
      .at("http3_protocol_options")
      .error("HTTP/3 is not supported", "use http_protocol_options");
  }
  if (autoConfig !== undefined && !tls) {
    context
      .at("auto_config")
      .error(
        "ALPN configured for a cluster whose transport socket cannot negotiate it",
        "use explicit_http_config",
      );
  }
  // Downstream connections speak HTTP/1 until HTTP/2 arrives, so "as downstream" means HTTP/1.
  const http1 =
    explicit?.httpProtocolOptions ?? same?.httpProtocolOptions ?? autoConfig?.httpProtocolOptions;
  return { http1: http1 ?? {}, common, wantsHttp2: explicit?.http2ProtocolOptions !== undefined };
}

function reportHttpOptions(options: HttpProtocolOptions, context: CompileContext): void {
  (options.httpFilters ?? []).forEach((filter, index) => {
    if (filter.typedConfig?.typeUrl.endsWith(".upstream_codec.v3.UpstreamCodec") === true) return;
    context
      .at("http_filters", index)
      .error(
        `Upstream HTTP filter "${filter.name ?? ""}" is not supported yet`,
        "configure the filter in the connection manager's http_filters",
      );
  });
  if (options.upstreamHttpProtocolOptions !== undefined) {
    context
      .at("upstream_http_protocol_options")
      .warn("TLS is not supported yet: there are no names to send or to check");
  }
  const notYet: readonly [string, unknown][] = [
    ["header_validation_config", options.headerValidationConfig],
    ["outlier_detection", options.outlierDetection],
    ["request_mirror_policies", options.requestMirrorPolicies],
    ["hash_policy", options.hashPolicy],
    ["retry_policy", options.retryPolicy],
  ];
  for (const [field, value] of notYet) {
    if (value !== undefined) context.at(field).warn(`${field} is not supported yet`);
  }
}

function maxRequests(cluster: Cluster, common: CommonOptions, context: CompileContext): number {
  const typed =
    cluster.typedExtensionProtocolOptions?.[HTTP_OPTIONS] === undefined
      ? undefined
      : common.maxRequestsPerConnection;
  if (typed !== undefined && cluster.maxRequestsPerConnection !== undefined) {
    context
      .at("max_requests_per_connection")
      .error(
        "Only one of max_requests_per_connection from Cluster or HttpProtocolOptions can be specified",
        "keep the one in HttpProtocolOptions",
      );
  }
  return common.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0;
}

function compileHttp1(
  http1: Http1ProtocolOptions,
  common: CommonOptions,
  context: CompileContext,
): Http1Settings {
  if (http1.allowCustomMethods === true || (http1.ignoreHttp11Upgrade ?? []).length > 0) {
    context.warn("allow_custom_methods and ignore_http_11_upgrade have no effect on upstreams");
  }
  return {
    ...DEFAULT_HTTP1_SETTINGS,
    maxHeadersBytes: (common.maxResponseHeadersKb ?? MAX_RESPONSE_HEADERS_KB) * 1024,
    maxHeadersCount: common.maxHeadersCount ?? MAX_HEADERS_COUNT,
    enableTrailers: http1.enableTrailers === true,
    allowChunkedLength: http1.allowChunkedLength === true,
    headersWithUnderscores: common.headersWithUnderscoresAction ?? "ALLOW",
    headerCase: headerCase(http1.headerKeyFormat, context),
    sendFullyQualifiedUrl: http1.sendFullyQualifiedUrl === true,
  };
}

function headerCase(
  format: Http1ProtocolOptions_HeaderKeyFormat | undefined,
  context: CompileContext,
): Http1Settings["headerCase"] {
  if (format?.properCaseWords !== undefined) return "proper";
  const formatter = format?.statefulFormatter;
  if (formatter === undefined) return "lower";
  if (formatter.typedConfig?.typeUrl.endsWith(".PreserveCaseFormatterConfig") === true) {
    const inside = context.at("header_key_format").at("stateful_formatter").at("typed_config");
    reportPreserveCase(formatter.typedConfig.value ?? {}, inside);
    return "preserve";
  }
  context
    .at("header_key_format")
    .at("stateful_formatter")
    .error(
      `Header formatter "${formatter.name ?? ""}" is not supported`,
      "use preserve_case or proper_case_words",
    );
  return "lower";
}
