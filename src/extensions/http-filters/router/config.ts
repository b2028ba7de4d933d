/** `envoy.extensions.filters.http.router.v3.Router`, compiled. */

import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { AccessLogger } from "../../../http/access-log.ts";
import type { AccessLog } from "../../../proto/generated/envoy/config/accesslog/v3.ts";
import type { Router as RouterMessage } from "../../../proto/generated/envoy/extensions/filters/http/router/v3.ts";

export interface RouterConfig {
  readonly suppressEnvoyHeaders: boolean;
  readonly respectExpectedTimeout: boolean;
  /** `dynamic_stats`: count response codes per cluster. */
  readonly dynamicStats: boolean;
  /** Values of these headers must be well-formed, else 400. */
  readonly strictHeaders: readonly HeaderName[];
  /** Compiled logs of upstream attempts. */
  readonly upstreamLogs: readonly object[];
  /** Log an attempt when it has its connection, too. */
  readonly logsUpstreamStarts: boolean;
}

/** Compiles and opens the logs of upstream attempts. */
export interface UpstreamLogServices {
  compileAccessLog(message: AccessLog, context: CompileContext): object | null;
  createAccessLogger(config: object): AccessLogger;
}

export function compileRouter(
  message: RouterMessage,
  logs: UpstreamLogServices,
  context: CompileContext,
): RouterConfig | null {
  const { flushUpstreamLogOnUpstreamStream = false, upstreamLogFlushInterval } =
    message.upstreamLogOptions ?? {};
  if (upstreamLogFlushInterval !== undefined) {
    context
      .at("upstream_log_options")
      .at("upstream_log_flush_interval")
      .warn("Upstream attempts are not logged while they last", "remove the field");
  }
  const upstreamLogs = (message.upstreamLog ?? []).flatMap((log, index) => {
    const compiled = logs.compileAccessLog(log, context.at("upstream_log", index));
    return compiled === null ? [] : [compiled];
  });
  if (message.upstreamHttpFilters !== undefined && message.upstreamHttpFilters.length > 0) {
    context
      .at("upstream_http_filters")
      .error("Upstream HTTP filters are not supported yet", "remove the field");
  }
  if (message.startChildSpan === true) {
    context.at("start_child_span").warn("Tracing is not supported yet: no child span is made");
  }
  if (message.suppressGrpcRequestFailureCodeStats === true) {
    context
      .at("suppress_grpc_request_failure_code_stats")
      .warn("Status codes of failed gRPC requests are always counted");
  }
  if (message.rejectConnectRequestEarlyData === true) {
    context
      .at("reject_connect_request_early_data")
      .error("Early data of CONNECT requests is not looked for yet", "remove the field");
  }
  return {
    suppressEnvoyHeaders: message.suppressEnvoyHeaders ?? false,
    respectExpectedTimeout: message.respectExpectedRqTimeout ?? false,
    dynamicStats: message.dynamicStats ?? true,
    upstreamLogs,
    logsUpstreamStarts: flushUpstreamLogOnUpstreamStream,
    strictHeaders: (message.strictCheckHeaders ?? []).map(headerName),
  };
}
