// Every command of the table, on one finished stream and on an empty one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_FORMAT } from "../../../src/extensions/common/access-log/line-logger.ts";
import { OPERATORS } from "../../../src/extensions/formatters/operators.ts";
import {
  emptyContext,
  formatJson,
  formatProblems,
  formatText,
  sampleContext,
} from "./format-fixture.ts";

/** Format, text on the sample stream, text on a stream of which nothing is known. */
const CASES: readonly (readonly [string, string, string])[] = [
  ["%START_TIME%", "2018-12-18T01:50:34.999Z", "1970-01-01T00:00:00.000Z"],
  ["%START_TIME(%Y/%m/%d %s.%3f)%", "2018/12/18 1545097834.999", "1970/01/01 0.000"],
  ["%START_TIME_LOCAL(%F %T %z)%", "2018-12-18 03:20:34 +0130", "1970-01-01 01:30:00 +0130"],
  ["%EMIT_TIME(%s)%", "1545097900", "1545097900"],
  ["%EMIT_TIME_LOCAL(%H:%M)%", "03:21", "03:21"],
  ["%REQ(:METHOD)%", "GET", "-"],
  ["%REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH?:PATH)%", "/shop?item=7&empty=", "-"],
  ["%REQ(host)%", "example.com", "-"],
  ["%REQ(user-agent?:PATH):4%", "curl", "-"],
  ["%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%", "7", "-"],
  ["%RESPONSE_HEADER(:status)%", "200", "-"],
  ["%TRAILER(grpc-status)%", "5", "-"],
  ["%RESPONSE_TRAILER(none?grpc-status)%", "5", "-"],
  ["%REQ_WITHOUT_QUERY(:PATH)%", "/shop", "-"],
  ["%PATH%", "/shop?item=7&empty=", "-"],
  ["%PATH(NQ)%", "/shop", "-"],
  ["%PATH(WQ:ORIG)%", "-", "-"],
  ["%QUERY_PARAM(item)%", "7", "-"],
  ["%QUERY_PARAM(empty)%", "", "-"],
  ["%REQUEST_HEADERS_BYTES%", "110", "0"],
  ["%RESPONSE_HEADERS_BYTES%", "40", "0"],
  ["%RESPONSE_TRAILERS_BYTES%", "12", "0"],
  ["%PROTOCOL%", "HTTP/1.1", "-"],
  ["%UPSTREAM_PROTOCOL%", "HTTP/1.1", "-"],
  ["%RESPONSE_CODE%", "200", "0"],
  ["%RESPONSE_CODE_DETAILS%", "via_upstream_now", "-"],
  ["%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%", "via upstream now", "-"],
  ["%CONNECTION_TERMINATION_DETAILS%", "closed", "-"],
  ["%RESPONSE_FLAGS%", "URX,UF", "-"],
  ["%RESPONSE_FLAGS_LONG%", "UpstreamRetryLimitExceeded,UpstreamConnectionFailure", "-"],
  ["%BYTES_RECEIVED%", "10", "0"],
  ["%BYTES_SENT%", "20", "0"],
  ["%BYTES_RETRANSMITTED%", "0", "0"],
  ["%PACKETS_RETRANSMITTED%", "0", "0"],
  ["%DOWNSTREAM_WIRE_BYTES_RECEIVED%", "110", "0"],
  ["%DOWNSTREAM_WIRE_BYTES_SENT%", "120", "0"],
  ["%DOWNSTREAM_HEADER_BYTES_RECEIVED%", "100", "0"],
  ["%DOWNSTREAM_HEADER_BYTES_SENT%", "101", "0"],
  ["%DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%", "100", "0"],
  ["%DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT%", "101", "0"],
  ["%UPSTREAM_WIRE_BYTES_RECEIVED%", "130", "0"],
  ["%UPSTREAM_WIRE_BYTES_SENT%", "140", "0"],
  ["%UPSTREAM_HEADER_BYTES_RECEIVED%", "102", "0"],
  ["%UPSTREAM_HEADER_BYTES_SENT%", "103", "0"],
  ["%UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%", "102", "0"],
  ["%UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT%", "103", "0"],
  ["%DURATION%", "50", "60"],
  ["%REQUEST_DURATION%", "5", "-"],
  ["%REQUEST_TX_DURATION%", "12", "-"],
  ["%RESPONSE_DURATION%", "30", "-"],
  ["%RESPONSE_TX_DURATION%", "20", "-"],
  ["%UPSTREAM_CONNECTION_POOL_READY_DURATION%", "9", "-"],
  ["%DOWNSTREAM_HANDSHAKE_DURATION%", "-", "-"],
  ["%ROUNDTRIP_DURATION%", "-", "-"],
  ["%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%", "10250", "-"],
  ["%COMMON_DURATION(US_CX_BEG:US_CX_END)%", "2", "-"],
  ["%COMMON_DURATION(US_RX_BEG:US_RX_BODY_BEG:ms)%", "1", "-"],
  ["%COMMON_DURATION(DS_TX_BEG:DS_TX_END:ns)%", "15000000", "-"],
  ["%DOWNSTREAM_REMOTE_ADDRESS%", "203.0.113.9:0", "192.0.2.10:5000"],
  ["%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "203.0.113.9", "192.0.2.10"],
  ["%DOWNSTREAM_REMOTE_PORT%", "0", "5000"],
  ["%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "192.0.2.10:5000", "192.0.2.10:5000"],
  ["%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "192.0.2.10", "192.0.2.10"],
  ["%DOWNSTREAM_DIRECT_REMOTE_PORT%", "5000", "5000"],
  ["%DOWNSTREAM_LOCAL_ADDRESS%", "[2001:db8::1]:80", "[2001:db8::1]:80"],
  ["%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "2001:db8::1", "2001:db8::1"],
  ["%DOWNSTREAM_LOCAL_PORT%", "80", "80"],
  ["%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%", "[2001:db8::1]:80", "[2001:db8::1]:80"],
  ["%DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT%", "2001:db8::1", "2001:db8::1"],
  ["%DOWNSTREAM_DIRECT_LOCAL_PORT%", "80", "80"],
  ["%DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID%", "-", "-"],
  ["%UPSTREAM_HOST%", "[2001:db8::7]:8080", "-"],
  ["%UPSTREAM_HOST_NAME%", "shop.example:8080", "-"],
  ["%UPSTREAM_HOST_NAME_WITHOUT_PORT%", "shop.example", "-"],
  ["%UPSTREAM_CLUSTER%", "shop_alt", "-"],
  ["%UPSTREAM_CLUSTER_RAW%", "shop", "-"],
  ["%UPSTREAM_LOCAL_ADDRESS%", "192.0.2.1:40000", "-"],
  ["%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "192.0.2.1", "-"],
  ["%UPSTREAM_LOCAL_PORT%", "40000", "-"],
  ["%UPSTREAM_REMOTE_ADDRESS%", "[2001:db8::7]:8080", "-"],
  ["%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8::7", "-"],
  ["%UPSTREAM_REMOTE_PORT%", "8080", "-"],
  ["%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2", "0"],
  ["%UPSTREAM_CONNECTION_ID%", "77", "0"],
  ["%UPSTREAM_TRANSPORT_FAILURE_REASON%", "refused", "-"],
  ["%DOWNSTREAM_TRANSPORT_FAILURE_REASON%", "-", "-"],
  ["%CONNECTION_ID%", "3", "3"],
  ["%REQUESTED_SERVER_NAME%", "sni.example", "-"],
  ["%REQUESTED_SERVER_NAME(HOST_FIRST)%", "example.com", "-"],
  ["%REQUESTED_SERVER_NAME(SNI_FIRST:HOST)%", "sni.example", "-"],
  ["%REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)%", "sni.example", "-"],
  ["%ROUTE_NAME%", "route-a", "-"],
  ["%VIRTUAL_CLUSTER_NAME%", "vc", "-"],
  ["%FILTER_CHAIN_NAME%", "chain", "-"],
  ["%STREAM_ID%", "id-1", "-"],
  ["%UNIQUE_ID%", "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000000"],
  ["%TRACE_ID%", "-", "-"],
  ["%CUSTOM_FLAGS%", "", ""],
  [
    '%COALESCE({"operators":["TRACE_ID",{"command":"REQ","param":"none"},"PROTOCOL"]}):4%',
    "HTTP",
    "-",
  ],
  ["%QUERY_PARAM(coded)%", "-", "-"],
  ["%LOCAL_REPLY_BODY%", "no healthy upstream", ""],
  ["%ACCESS_LOG_TYPE%", "DownstreamEnd", "NotSet"],
  ["%DYNAMIC_METADATA(ns:text)%", "value", "-"],
  ["%DYNAMIC_METADATA(ns:object:list)%", "[1,true,null]", "-"],
  ["%DYNAMIC_METADATA(ns:missing:x)%", "-", "-"],
  ["%DYNAMIC_METADATA(ns):9%", '{"object"', "-"],
  ["%CLUSTER_METADATA(c:k)%", "4", "-"],
  ["%UPSTREAM_METADATA(u:k)%", "host", "-"],
  ["%METADATA(ROUTE:r:k)%", "route", "-"],
  ["%METADATA(VIRTUAL_HOST:v:k)%", "vhost", "-"],
  ["%METADATA(DYNAMIC:ns:text):2%", "va", "-"],
  ["%FILTER_STATE(key:PLAIN)%", "state text", "-"],
  ["%FILTER_STATE(key:FIELD:part)%", "9", "-"],
  ["%FILTER_STATE(key)%", "state text", "-"],
  ["%UPSTREAM_FILTER_STATE(key:PLAIN)%", "-", "-"],
  ["%GRPC_STATUS%", "NotFound", "-"],
  ["%GRPC_STATUS(SNAKE_STRING)%", "NOT_FOUND", "-"],
  ["%GRPC_STATUS(NUMBER)%", "5", "-"],
  ["%GRPC_STATUS_NUMBER%", "5", "-"],
  ["%HOSTNAME%", "host-1", "host-1"],
  ["%ENVIRONMENT(SET)%", "environment value", "environment value"],
  ["%ENVIRONMENT(UNSET)%", "-", "-"],
  ["%DOWNSTREAM_PEER_URI_SAN%", "-", "-"],
  ["%DOWNSTREAM_PEER_CERT_V_START(%Y)%", "-", "-"],
  ["%DOWNSTREAM_TLS_VERSION%", "-", "-"],
  ["100%% [%PROTOCOL%]", "100% [HTTP/1.1]", "100% [-]"],
];

for (const [format, sample, empty] of CASES) {
  test(`${format} prints ${sample === "" ? "nothing" : sample}`, () => {
    assert.equal(formatText(format, sampleContext()), sample);
    assert.equal(formatText(format, emptyContext()), empty);
  });
}

test("every command of the table has a case, but for TLS and address twins", () => {
  const tried = new Set(
    CASES.flatMap(([format]) => [...format.matchAll(/%([A-Z0-9_]+)/g)].map(([, name]) => name)),
  );
  const left = Object.keys(OPERATORS).filter(
    (name) => !tried.has(name) && !/TLS|PEER|_SAN|LOCAL_SUBJECT|ENDPOINT_ID/.test(name),
  );
  assert.deepEqual(left, []);
});

test("a missing value is empty where empty values are left out", () => {
  assert.equal(formatText("<%REQ(none)%>", sampleContext(), true), "<>");
});

test("JSON keeps numbers, nests, sorts keys, and ends the line", () => {
  const line = formatJson(
    {
      z: "%RESPONSE_CODE%",
      a: { text: "code %RESPONSE_CODE%", none: "%REQ(none)%" },
      list: ["%PROTOCOL%", 1, true, null],
    },
    sampleContext(),
  );
  assert.equal(
    line,
    '{"a":{"none":null,"text":"code 200"},"list":["HTTP/1.1",1,true,null],"z":200}\n',
  );
});

test("JSON escapes what a header may hold", () => {
  const context = sampleContext({ "x-odd": '"\\\t\u00c3\u00a9' });
  assert.equal(formatJson({ odd: "%REQ(x-odd)%" }, context), '{"odd":"\\"\\\\\\t\u00c3\u00a9"}\n');
});

test("JSON escapes text that is no UTF-8 byte by byte", () => {
  const context = sampleContext({ "x-odd": '\u00ff"a' });
  assert.equal(formatJson({ odd: "%REQ(x-odd)%" }, context), '{"odd":"\\u00ff\\u0022a"}\n');
});

test("query parameters are decoded", () => {
  const context = sampleContext();
  context.requestHeaders!.path = "/?a=%20%4g%41";
  assert.equal(formatText("%QUERY_PARAM(a)%", context), " %4gA");
});

test("the default format prints what its commands print", () => {
  const byCommands = DEFAULT_FORMAT.replace(/\n$/, "%REQ(none):1%\n");
  const contexts = [
    sampleContext(),
    emptyContext(),
    sampleContext({ "x-envoy-original-path": "/old" }),
  ];
  for (const context of contexts) {
    assert.equal(
      formatText(DEFAULT_FORMAT, context),
      formatText(byCommands, context).replace(/-\n$/, "\n"),
    );
  }
});

const PROBLEMS: readonly (readonly [string, string])[] = [
  ["%FOO%", "Unknown command %FOO% → remove it, or write %% for a percent sign"],
  ["%PROTOCL%", "Unknown command %PROTOCL% → use %PROTOCOL%"],
  [
    "50% off",
    "Not a command: % off → write %COMMAND%, %COMMAND(parameters)% or %COMMAND(parameters):length%, and %% for a percent sign",
  ],
  ["%PROTOCOL(x)%", "%PROTOCOL% takes no parameters → write %PROTOCOL%"],
  ["%PROTOCOL:3%", "%PROTOCOL% takes no length → remove :3"],
  ["%CLUSTER_METADATA(a:b):3%", "%CLUSTER_METADATA% takes no length → remove :3"],
  ["%REQ%", "%REQ% needs parameters → write %REQ(…)%"],
  ["%REQ()%", "%REQ% needs parameters → write %REQ(…)%"],
  ["%REQ(a b)%", "a b is no header name → write letters, digits and -"],
  ["%REQ(a?b?c)%", "More than one alternative header in a?b?c → write at most one: X?Y"],
  ["%PATH(X)%", "PATH does not know (X) → use WQ or NQ, then ORIG, PATH or ORIG_OR_PATH"],
  [
    "%START_TIME(%Q)%",
    "START_TIME does not know %Q → use strftime specifiers, %s, %f or %1f to %9f",
  ],
  ["%START_TIME(%n)%", "START_TIME may not print line ends → remove %n"],
  ["%GRPC_STATUS(X)%", "GRPC_STATUS does not know (X) → use CAMEL_STRING, SNAKE_STRING or NUMBER"],
  [
    "%COMMON_DURATION(DS_RX_BEG)%",
    "COMMON_DURATION does not know (DS_RX_BEG) → write START:END or START:END:ms|us|ns",
  ],
  [
    "%COMMON_DURATION(DS_RX_BEG:DS_TX_ENE)%",
    "No filter here sets the time point DS_TX_ENE: the duration is never known → use DS_TX_END",
  ],
  [
    "%FILTER_STATE(a:X)%",
    "FILTER_STATE does not know (a:X) → write key:PLAIN, key:TYPED or key:FIELD:name",
  ],
  ["%METADATA(DYNAMC:a)%", "METADATA does not know (DYNAMC:a) → use DYNAMIC:namespace:key"],
  [
    "%CEL(request.path)%",
    "Unknown command %CEL% → CEL expressions are not supported: use a command that reads the value itself",
  ],
  [
    "%COALESCE({})%",
    'COALESCE needs a list of operators as JSON → write {"operators":["COMMAND",{"command":"COMMAND","param":"…","max_length":1}]}',
  ],
];

for (const [format, problem] of PROBLEMS) {
  test(`${format} is refused with a remedy`, () =>
    assert.deepEqual(formatProblems(format), [problem]));
}
