// Two streams to print, and the whole command table with a fixed world around it.
import assert from "node:assert/strict";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { SubstitutionFormatParser } from "../../../src/extensions/formatters/format-parser.ts";
import { ConnectionInfo, ResponseFlag, StreamInfo } from "../../../src/network/stream-info.ts";
import type { HostEnvironment } from "../../../src/platform/host-environment.ts";
import type { Formatter, FormatterContext } from "../../../src/route/formatter.ts";

export const TEST_HOST: HostEnvironment = {
  hostname: "host-1",
  address: "192.0.2.1",
  variable: (name) => (name === "SET" ? "environment value" : undefined),
  readFile: () => ({ kind: "failed", code: "ENOENT" }),
  appendProblem: () => null,
  utcOffsetMinutes: () => 90,
};

export function testFormats(): SubstitutionFormatParser {
  return new SubstitutionFormatParser({
    host: TEST_HOST,
    time: { wallMs: () => 1_545_097_900_000 },
    random: { uint32: () => 0, uuid: () => "00000000-0000-4000-8000-000000000000" },
  });
}

/** Formats once; any problem fails the test. */
export function formatText(
  text: string,
  context: FormatterContext,
  omitEmptyValues = false,
): string {
  const compile = new CompileContext();
  const format = testFormats().parseText(text, { omitEmptyValues }, compile);
  return print(format, compile, context);
}

export function formatJson(
  json: object,
  context: FormatterContext,
  omitEmptyValues = false,
): string {
  const compile = new CompileContext();
  const format = testFormats().parseJson(json, { omitEmptyValues }, compile);
  return print(format, compile, context);
}

/** `message → remedy` of everything a format string reports. */
export function formatProblems(text: string): string[] {
  const compile = new CompileContext();
  testFormats().parseText(text, { omitEmptyValues: false }, compile);
  return compile.diagnostics.map(({ message, remedy }) => `${message} → ${remedy}`);
}

function print(
  format: Formatter | null,
  compile: CompileContext,
  context: FormatterContext,
): string {
  assert.deepEqual(compile.diagnostics, []);
  assert.ok(format !== null);
  return format.format(context);
}

/** Nothing is known but the connection. */
export function emptyContext(): FormatterContext {
  return {
    streamInfo: new StreamInfo(testConnection(), 40, 0),
    requestHeaders: null,
    responseHeaders: null,
    responseTrailers: null,
    logType: "NotSet",
    nowMs: 100,
  };
}

/** A gRPC request that was answered, with `extra` request headers. */
export function sampleContext(extra: Readonly<Record<string, string>> = {}): FormatterContext {
  const requestHeaders = new RequestHeaderMap();
  requestHeaders.method = "GET";
  requestHeaders.path = "/shop?item=7&empty=";
  requestHeaders.authority = "example.com";
  requestHeaders.scheme = "http";
  addAll(requestHeaders, { "user-agent": "curl/8", "content-type": "application/grpc", ...extra });
  const responseHeaders = new ResponseHeaderMap();
  responseHeaders.status = 200;
  addAll(responseHeaders, { "x-envoy-upstream-service-time": "7" });
  const responseTrailers = new HeaderMap();
  addAll(responseTrailers, { "grpc-status": "5" });
  return {
    streamInfo: sampleInfo(),
    requestHeaders,
    responseHeaders,
    responseTrailers,
    logType: "DownstreamEnd",
    nowMs: 5000,
  };
}

function addAll(headers: HeaderMap, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) headers.add(headerName(name), value);
}

function testConnection(): ConnectionInfo {
  return new ConnectionInfo(3, { ip: "192.0.2.10", port: 5000 }, { ip: "2001:db8::1", port: 80 });
}

const SAMPLE_FACTS: Partial<StreamInfo> = {
  downstreamRxEndMs: 1005,
  upstreamPoolReadyMs: 1009.5,
  upstreamConnectStartMs: 1006,
  upstreamConnectEndMs: 1008.5,
  upstreamTxStartMs: 1010.25,
  upstreamTxEndMs: 1012,
  upstreamRxStartMs: 1030,
  upstreamRxBodyStartMs: 1031,
  upstreamRxEndMs: 1040,
  downstreamTxStartMs: 1035,
  downstreamTxEndMs: 1050,
  endMs: 1050.9,
  protocol: "HTTP/1.1",
  responseCode: 200,
  responseCodeDetails: "via upstream now",
  connectionTerminationDetails: "closed",
  upstreamTransportFailureReason: "refused",
  bytesReceived: 10,
  bytesSent: 20,
  downstreamHeaderBytesReceived: 100,
  downstreamHeaderBytesSent: 101,
  upstreamHeaderBytesReceived: 102,
  upstreamHeaderBytesSent: 103,
  downstreamWireBytesReceived: 110,
  downstreamWireBytesSent: 120,
  upstreamWireBytesReceived: 130,
  upstreamWireBytesSent: 140,
  remoteAddress: { ip: "203.0.113.9", port: 0 },
  virtualClusterName: "vc",
  attemptCount: 2,
  requestId: "id-1",
  localReplyBody: "no healthy upstream",
};

function sampleInfo(): StreamInfo {
  const connection = testConnection();
  connection.requestedServerName = "sni.example";
  connection.filterChainName = "chain";
  const info = new StreamInfo(connection, 1000, 1_545_097_834_999.25);
  Object.assign(info, SAMPLE_FACTS);
  info.setFlag(ResponseFlag.UpstreamRetryLimitExceeded);
  info.setFlag(ResponseFlag.UpstreamConnectionFailure);
  info.upstream = {
    hostAddress: "[2001:db8::7]:8080",
    hostname: "shop.example:8080",
    localAddress: { ip: "192.0.2.1", port: 40000 },
    connectionId: 77,
    protocol: "HTTP/1.1",
    metadata: { u: { k: "host" } },
  };
  info.cluster = { name: "shop", observabilityName: "shop_alt", metadata: { c: { k: 4 } } };
  info.route = {
    routeName: "route-a",
    virtualHostName: "shop",
    metadata: { r: { k: "route" } },
    virtualHostMetadata: { v: { k: "vhost" } },
  };
  info.setMetadata("ns", { text: "value", object: { list: [1, true, null] } });
  info.setFilterState("key", {
    serializeAsString: () => "state text",
    field: (name) => (name === "part" ? 9 : undefined),
  });
  return info;
}
