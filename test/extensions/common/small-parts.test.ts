import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { readDataSource } from "../../../src/extensions/common/data-source.ts";
import { FilterFormatterContext } from "../../../src/extensions/common/filter-formatter-context.ts";
import { grpcStatusOf, INVALID_GRPC_STATUS } from "../../../src/extensions/common/grpc-status.ts";
import { compileRuntimePercent, draws } from "../../../src/extensions/common/runtime-percent.ts";
import type { HttpFilterCallbacks } from "../../../src/http/http-filter.ts";
import { StreamInfo } from "../../../src/network/stream-info.ts";
import type { HostEnvironment } from "../../../src/platform/host-environment.ts";
import type { DataSource } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import type { FormatterContext } from "../../../src/route/formatter.ts";
import { connectionFrom, request, response } from "../../http/manager-fixture.ts";

describe("a data source", () => {
  const host: HostEnvironment = {
    hostname: "h",
    address: "",
    variable: (name) => ({ SET: "v", EMPTY: "" })[name],
    readFile: (path) =>
      path === "/a"
        ? { kind: "read", bytes: Buffer.from("f") }
        : { kind: "failed", code: "ENOENT" },
    appendProblem: () => null,
    utcOffsetMinutes: () => 0,
  };
  const read = (source: DataSource): string => {
    const context = new CompileContext();
    const bytes = readDataSource(source, host, context);
    if (bytes !== null) return Buffer.from(bytes).toString();
    return context.diagnostics.map(({ path, message }) => `${path}: ${message}`).join();
  };

  it("is text, bytes, a file or a variable", () => {
    assert.equal(read({ inlineString: "ü" }), "ü");
    assert.equal(read({ inlineBytes: Uint8Array.from([65]) }), "A");
    assert.equal(read({ filename: "/a" }), "f");
    assert.equal(read({ environmentVariable: "SET" }), "v");
  });

  it("says what is missing, and where", () => {
    assert.equal(read({ filename: "/b" }), "filename: File /b cannot be read: ENOENT");
    assert.match(
      read({ environmentVariable: "EMPTY" }),
      /^environment_variable: .*EMPTY is not set/,
    );
    assert.match(read({}), /No data is given/);
  });
});

describe("the gRPC status", () => {
  const status = (responseCode: number, header: string | null, trailer: string | null) => {
    const streamInfo = new StreamInfo(connectionFrom("10.0.0.1"), 0, 0);
    streamInfo.responseCode = responseCode;
    const trailers = new HeaderMap();
    if (trailer !== null) trailers.add(headerName("grpc-status"), trailer);
    return grpcStatusOf({
      streamInfo,
      responseHeaders: response(responseCode, header === null ? {} : { "grpc-status": header }),
      responseTrailers: trailers,
    } as unknown as FormatterContext);
  };

  it("is the trailer's, else the header's, else made of the HTTP status", () => {
    assert.equal(status(200, "3", "5"), 5);
    assert.equal(status(200, "3", null), 3);
    assert.equal(status(404, null, null), 12);
    assert.equal(status(0, null, null), null);
  });

  it("that is no number is invalid", () => {
    assert.equal(status(200, "x", null), INVALID_GRPC_STATUS);
  });
});

describe("a runtime percentage", () => {
  const never = {
    runtime: { featureEnabled: () => assert.fail("asked") },
    random: { uint32: () => assert.fail("drawn") },
  } as never;

  it("of all or nothing draws no random number", () => {
    assert.equal(draws(compileRuntimePercent(undefined, true), never), true);
    assert.equal(draws(compileRuntimePercent(undefined, false), never), false);
  });

  it("between asks the runtime, with a fresh random number", () => {
    const fraction = compileRuntimePercent({ defaultValue: { numerator: 30 } }, false);
    const asked: unknown[] = [];
    const by = {
      runtime: { featureEnabled: (...args: unknown[]) => asked.push(args) > 0 },
      random: { uint32: () => 7 },
    } as never;
    assert.equal(draws(fraction, by), true);
    assert.deepEqual(asked, [["", 30, 100, 7]]);
  });
});

describe("a filter's view of its stream", () => {
  it("follows the stream", () => {
    const callbacks = {
      streamInfo: new StreamInfo(connectionFrom("10.0.0.1"), 0, 0),
      requestHeaders: request(),
      responseHeaders: null as unknown,
      dispatcher: { nowMs: 5 },
    };
    const context = new FilterFormatterContext(callbacks as unknown as HttpFilterCallbacks);
    assert.equal(context.streamInfo, callbacks.streamInfo);
    assert.equal(context.responseHeaders, null);
    callbacks.responseHeaders = response(200);
    callbacks.dispatcher = { nowMs: 6 };
    assert.equal(context.responseHeaders!.status, 200);
    assert.equal(context.requestHeaders, callbacks.requestHeaders);
    assert.equal(context.nowMs, 6);
  });
});
