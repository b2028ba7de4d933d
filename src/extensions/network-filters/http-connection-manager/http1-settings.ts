/** Compiles `Http1ProtocolOptions` and header limits into codec settings. */

import { reportPreserveCase } from "../../../codec/h1/preserve-case-fields.ts";
import {
  DEFAULT_HTTP1_SETTINGS,
  type HeaderCase,
  type Http1Settings,
} from "../../../codec/h1/settings.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import { compileStringMatcher } from "../../../config/matcher/string-matcher.ts";
import type { Http1ProtocolOptions } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { HttpConnectionManager } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";

const PRESERVE_CASE =
  "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

export function compileHttp1Settings(
  message: HttpConnectionManager,
  context: CompileContext,
): Http1Settings {
  const options = message.httpProtocolOptions ?? {};
  const common = message.commonHttpProtocolOptions ?? {};
  const at = context.at("http_protocol_options");
  if (options.allowCustomMethods === true) {
    at.at("allow_custom_methods").error("Custom methods are not supported", "remove the field");
  }
  if (common.maxResponseHeadersKb !== undefined) {
    context
      .at("common_http_protocol_options")
      .at("max_response_headers_kb")
      .error("Only clusters have this limit", "set it on a cluster");
  }
  return {
    ...DEFAULT_HTTP1_SETTINGS,
    maxHeadersBytes: (message.maxRequestHeadersKb ?? 60) * 1024,
    maxHeadersCount: common.maxHeadersCount ?? 100,
    acceptHttp10: options.acceptHttp10 ?? false,
    defaultHostForHttp10: options.defaultHostForHttp10 ?? "",
    allowAbsoluteUrl: options.allowAbsoluteUrl ?? true,
    enableTrailers: options.enableTrailers ?? false,
    allowChunkedLength: options.allowChunkedLength ?? false,
    headersWithUnderscores: common.headersWithUnderscoresAction ?? "ALLOW",
    headerCase: compileHeaderCase(options, at),
    refuseHttpsUrl: message.useRemoteAddress === true && (message.xffNumTrustedHops ?? 0) === 0,
    ignoresUpgrade: compileIgnoredUpgrades(options, at),
  };
}

/** `ignore_http_11_upgrade`: these upgrades are served as plain requests. */
function compileIgnoredUpgrades(
  options: Http1ProtocolOptions,
  context: CompileContext,
): ((type: string) => boolean) | null {
  const matchers = (options.ignoreHttp11Upgrade ?? []).flatMap((message, index) => {
    const matcher = compileStringMatcher(message, context.at("ignore_http_11_upgrade", index));
    return matcher === null ? [] : [matcher];
  });
  if (matchers.length === 0) return null;
  return (type) => matchers.some((matcher) => matcher.matches(type));
}

function compileHeaderCase(options: Http1ProtocolOptions, context: CompileContext): HeaderCase {
  const format = options.headerKeyFormat;
  if (format === undefined) return "lower";
  if (format.properCaseWords !== undefined) return "proper";
  const name = messageNameOf(format.statefulFormatter?.typedConfig?.typeUrl ?? "");
  if (name === PRESERVE_CASE) {
    const inside = context.at("header_key_format").at("stateful_formatter").at("typed_config");
    reportPreserveCase(format.statefulFormatter?.typedConfig?.value ?? {}, inside);
    return "preserve";
  }
  context
    .at("header_key_format")
    .error(
      `Header formatter ${name} is not supported`,
      `use proper_case_words or ${PRESERVE_CASE}`,
    );
  return "lower";
}
