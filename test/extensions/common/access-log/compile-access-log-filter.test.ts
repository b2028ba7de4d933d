// Access-log filters, compiled from messages, on the two sample streams.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../../../src/config/runtime.ts";
import { compileAccessLogFilter } from "../../../../src/extensions/common/access-log/compile-access-log-filter.ts";
import type { AccessLogFilter } from "../../../../src/proto/generated/envoy/config/accesslog/v3.ts";
import { emptyContext, sampleContext } from "../../formatters/format-fixture.ts";

const random = { uint32: (): number => 99, uuid: (): string => "" };

function compile(message: AccessLogFilter, runtime: RuntimeSnapshot = DEFAULT_RUNTIME) {
  const context = new CompileContext("filter");
  const filter = compileAccessLogFilter(message, { runtime, random }, context);
  const problems = context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`);
  return { filter, problems };
}

const value = (defaultValue: number, runtimeKey = "k") => ({ value: { defaultValue, runtimeKey } });
const status = (op: "EQ" | "GE" | "LE" | "NE", code: number): AccessLogFilter => ({
  statusCodeFilter: { comparison: { ...(op === "EQ" ? {} : { op }), ...value(code) } },
});
const metadata = (key: string, exact: string) => ({
  filter: "ns",
  path: [{ key }],
  value: { stringMatch: { exact } },
});

/** The sample: 200, 50 ms, flags UF and URX, grpc-status 5, metadata ns.text = "value". */
const CASES: readonly (readonly [string, AccessLogFilter, boolean])[] = [
  ["status equal", status("EQ", 200), true],
  ["status not equal", status("NE", 200), false],
  ["status at least", status("GE", 201), false],
  ["status at most", status("LE", 200), true],
  ["duration at least", { durationFilter: { comparison: { op: "GE", ...value(50) } } }, true],
  ["duration above", { durationFilter: { comparison: { op: "GE", ...value(51) } } }, false],
  ["not a health check", { notHealthCheckFilter: {} }, true],
  [
    "header present",
    { headerFilter: { header: { name: "user-agent", presentMatch: true } } },
    true,
  ],
  ["header absent", { headerFilter: { header: { name: "none", presentMatch: true } } }, false],
  ["any flag", { responseFlagFilter: {} }, true],
  ["a flag that is set", { responseFlagFilter: { flags: ["UH", "UF"] } }, true],
  ["a flag that is not set", { responseFlagFilter: { flags: ["UH"] } }, false],
  ["gRPC status", { grpcStatusFilter: { statuses: ["NOT_FOUND"] } }, true],
  ["gRPC status excluded", { grpcStatusFilter: { statuses: ["NOT_FOUND"], exclude: true } }, false],
  ["metadata equal", { metadataFilter: { matcher: metadata("text", "value") } }, true],
  ["metadata different", { metadataFilter: { matcher: metadata("text", "other") } }, false],
  ["metadata missing", { metadataFilter: { matcher: metadata("none", "value") } }, true],
  [
    "metadata missing and wanted",
    { metadataFilter: { matcher: metadata("none", "value"), matchIfKeyNotFound: false } },
    false,
  ],
  ["log type", { logTypeFilter: { types: ["DownstreamEnd"] } }, true],
  ["log type excluded", { logTypeFilter: { types: ["DownstreamEnd"], exclude: true } }, false],
  ["and", { andFilter: { filters: [status("EQ", 200), status("EQ", 500)] } }, false],
  ["or", { orFilter: { filters: [status("EQ", 200), status("EQ", 500)] } }, true],
];

for (const [name, message, logs] of CASES) {
  test(`${name}: ${logs ? "logged" : "left out"}`, () => {
    const { filter, problems } = compile(message);
    assert.deepEqual(problems, []);
    assert.equal(filter?.matches(sampleContext()), logs);
  });
}

test("an unanswered stream has status 0 and gRPC status unknown", () => {
  assert.equal(compile(status("EQ", 0)).filter?.matches(emptyContext()), true);
  const unknown = compile({ grpcStatusFilter: { statuses: ["UNKNOWN"] } });
  assert.equal(unknown.filter?.matches(emptyContext()), true);
});

test("a stream in progress has the duration so far", () => {
  const filter = { durationFilter: { comparison: { op: "GE", ...value(60) } } } as const;
  assert.equal(compile(filter).filter?.matches(emptyContext()), true);
});

test("the runtime replaces what is compared with", () => {
  const runtime = { ...DEFAULT_RUNTIME, getInteger: (key: string) => (key === "k" ? 200 : 0) };
  assert.equal(compile(status("EQ", 500), runtime).filter?.matches(sampleContext()), true);
});

test("a share is drawn from the request id, or anew", () => {
  const share = (independent: boolean): AccessLogFilter => ({
    runtimeFilter: {
      runtimeKey: "share",
      percentSampled: { numerator: 50 },
      ...(independent ? { useIndependentRandomness: true } : {}),
    },
  });
  const context = sampleContext();
  context.streamInfo.requestId = "00000031-0000-4000-8000-000000000000";
  assert.equal(compile(share(false)).filter?.matches(context), true);
  context.streamInfo.requestId = "00000032-0000-4000-8000-000000000000";
  assert.equal(compile(share(false)).filter?.matches(context), false);
  context.streamInfo.requestId = "";
  assert.equal(compile(share(false)).filter?.matches(context), false);
  context.streamInfo.requestId = "00000031-0000-4000-8000-000000000000";
  assert.equal(compile(share(true)).filter?.matches(context), false);
});

const PROBLEMS: readonly (readonly [AccessLogFilter, string])[] = [
  [{}, "filter: The filter is empty"],
  [
    { traceableFilter: {} },
    "filter.traceable_filter: Tracing is not supported yet: no request is traceable",
  ],
  [
    { extensionFilter: { name: "cel" } },
    "filter.extension_filter: Access log filter cel is not supported",
  ],
  [
    { responseFlagFilter: { flags: ["UH", "XX"] } },
    "filter.response_flag_filter.flags[1]: There is no response flag XX",
  ],
  [
    { andFilter: { filters: [{ notHealthCheckFilter: {} }, {}] } },
    "filter.and_filter.filters[1]: The filter is empty",
  ],
];

for (const [message, problem] of PROBLEMS) {
  test(`refuses: ${problem}`, () => assert.deepEqual(compile(message).problems, [problem]));
}
