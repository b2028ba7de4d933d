/** `envoy.extensions.filters.http.router.v3.Router`, compiled. */

import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Router as RouterMessage } from "../../../proto/generated/envoy/extensions/filters/http/router/v3.ts";

export interface RouterConfig {
  readonly suppressEnvoyHeaders: boolean;
  readonly respectExpectedTimeout: boolean;
  /** `dynamic_stats`: count response codes per cluster. */
  readonly dynamicStats: boolean;
  /** Values of these headers must be well-formed, else 400. */
  readonly strictHeaders: readonly HeaderName[];
}

export function compileRouter(
  message: RouterMessage,
  context: CompileContext,
): RouterConfig | null {
  if (message.upstreamLog !== undefined && message.upstreamLog.length > 0) {
    context
      .at("upstream_log")
      .error("Upstream access logs are not supported yet", "remove the field");
  }
  if (message.upstreamHttpFilters !== undefined && message.upstreamHttpFilters.length > 0) {
    context
      .at("upstream_http_filters")
      .error("Upstream HTTP filters are not supported yet", "remove the field");
  }
  if (message.startChildSpan === true) {
    context.at("start_child_span").warn("Tracing is not supported yet: no child span is made");
  }
  return {
    suppressEnvoyHeaders: message.suppressEnvoyHeaders ?? false,
    respectExpectedTimeout: message.respectExpectedRqTimeout ?? false,
    dynamicStats: message.dynamicStats ?? true,
    strictHeaders: (message.strictCheckHeaders ?? []).map(headerName),
  };
}
