import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import { compileRouter } from "../../../../src/extensions/http-filters/router/config.ts";
import type { Router } from "../../../../src/proto/generated/envoy/extensions/filters/http/router/v3.ts";

const CASES: readonly (readonly [report: string, message: Router])[] = [
  [
    "warning suppress_grpc_request_failure_code_stats",
    { suppressGrpcRequestFailureCodeStats: true },
  ],
  ["error reject_connect_request_early_data", { rejectConnectRequestEarlyData: true }],
  ["error upstream_http_filters", { upstreamHttpFilters: [{ name: "f" }] }],
  ["warning start_child_span", { startChildSpan: true }],
  [
    "warning upstream_log_options.upstream_log_flush_interval",
    { upstreamLogOptions: { upstreamLogFlushInterval: { seconds: 1, nanos: 0 } } },
  ],
];

describe("a field of the router that is not obeyed", () => {
  const logs = {
    compileAccessLog: () => null,
    createAccessLogger: () => assert.fail("nothing is opened"),
  };
  for (const [report, message] of CASES) {
    it(`is named: ${report}`, () => {
      const context = new CompileContext();
      compileRouter(message, logs, context);
      assert.deepEqual(
        context.diagnostics.map(({ severity, path }) => `${severity} ${path}`),
        [report],
      );
    });
  }
});
