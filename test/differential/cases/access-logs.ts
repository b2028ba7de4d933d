// Access logs: the operator table of envoy-semantics 7.1 in text and JSON, formats, filters.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  hcmWithHosts,
  jsonLog,
  listener,
  type Message,
  ROUTER,
  routeTo,
  textLog,
} from "../bootstrap.ts";
import {
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  head,
  request,
  reset,
  response,
  saw,
  send,
} from "../case.ts";

/** Operators whose value is the same on every run. One field each, so a difference has a name. */
const STABLE: readonly (readonly [name: string, format: string])[] = [
  ["req", "%REQ(X-A)%"],
  ["req_alt", "%REQ(X-NONE?X-A)%"],
  ["req_both", "%REQ(X-A?X-B)%"],
  ["req_len", "%REQ(X-LONG):5%"],
  ["req_none", "%REQ(X-NONE)%"],
  ["req_new", "%REQUEST_HEADER(x-a)%"],
  ["req_multi", "%REQ(X-MULTI)%"],
  ["req_method", "%REQ(:METHOD)%"],
  ["req_scheme", "%REQ(:SCHEME)%"],
  ["req_authority", "%REQ(:AUTHORITY)%"],
  ["resp", "%RESP(X-R)%"],
  ["resp_new", "%RESPONSE_HEADER(x-r):2%"],
  ["resp_status", "%RESP(:STATUS)%"],
  ["resp_none", "%RESP(X-NONE)%"],
  ["trailer", "%TRAILER(X-T)%"],
  ["path", "%PATH(WQ)%"],
  ["path_nq", "%PATH(NQ)%"],
  ["path_orig", "%PATH(WQ:ORIG)%"],
  ["path_now", "%PATH(WQ:PATH)%"],
  ["path_orig_or", "%PATH(NQ:ORIG_OR_PATH)%"],
  ["query", "%QUERY_PARAM(q)%"],
  ["query_len", "%QUERY_PARAM(q):1%"],
  ["query_none", "%QUERY_PARAM(zz)%"],
  ["protocol", "%PROTOCOL%"],
  ["upstream_protocol", "%UPSTREAM_PROTOCOL%"],
  ["code", "%RESPONSE_CODE%"],
  ["details", "%RESPONSE_CODE_DETAILS%"],
  ["details_ws", "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%"],
  ["termination", "%CONNECTION_TERMINATION_DETAILS%"],
  ["flags", "%RESPONSE_FLAGS%"],
  ["flags_long", "%RESPONSE_FLAGS_LONG%"],
  ["received", "%BYTES_RECEIVED%"],
  ["sent", "%BYTES_SENT%"],
  ["request_headers_bytes", "%REQUEST_HEADERS_BYTES%"],
  ["response_headers_bytes", "%RESPONSE_HEADERS_BYTES%"],
  ["response_trailers_bytes", "%RESPONSE_TRAILERS_BYTES%"],
  ["down_wire_received", "%DOWNSTREAM_WIRE_BYTES_RECEIVED%"],
  ["down_wire_sent", "%DOWNSTREAM_WIRE_BYTES_SENT%"],
  ["down_header_received", "%DOWNSTREAM_HEADER_BYTES_RECEIVED%"],
  ["down_header_sent", "%DOWNSTREAM_HEADER_BYTES_SENT%"],
  ["up_wire_received", "%UPSTREAM_WIRE_BYTES_RECEIVED%"],
  ["up_wire_sent", "%UPSTREAM_WIRE_BYTES_SENT%"],
  ["up_header_received", "%UPSTREAM_HEADER_BYTES_RECEIVED%"],
  ["up_header_sent", "%UPSTREAM_HEADER_BYTES_SENT%"],
  ["retransmitted", "%BYTES_RETRANSMITTED%"],
  ["upstream_host", "%UPSTREAM_HOST%"],
  ["upstream_host_name", "%UPSTREAM_HOST_NAME%"],
  ["upstream_host_name_np", "%UPSTREAM_HOST_NAME_WITHOUT_PORT%"],
  ["upstream_cluster", "%UPSTREAM_CLUSTER%"],
  ["upstream_cluster_raw", "%UPSTREAM_CLUSTER_RAW%"],
  ["upstream_local", "%UPSTREAM_LOCAL_ADDRESS%"],
  ["upstream_local_np", "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"],
  ["upstream_local_port", "%UPSTREAM_LOCAL_PORT%"],
  ["upstream_remote", "%UPSTREAM_REMOTE_ADDRESS%"],
  ["upstream_remote_np", "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"],
  ["upstream_remote_port", "%UPSTREAM_REMOTE_PORT%"],
  ["upstream_failure", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"],
  ["downstream_failure", "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%"],
  ["attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"],
  ["remote", "%DOWNSTREAM_REMOTE_ADDRESS%"],
  ["remote_np", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"],
  ["remote_port", "%DOWNSTREAM_REMOTE_PORT%"],
  ["direct", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"],
  ["direct_np", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"],
  ["direct_port", "%DOWNSTREAM_DIRECT_REMOTE_PORT%"],
  ["local", "%DOWNSTREAM_LOCAL_ADDRESS%"],
  ["local_np", "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"],
  ["local_port", "%DOWNSTREAM_LOCAL_PORT%"],
  ["direct_local", "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%"],
  ["sni", "%REQUESTED_SERVER_NAME%"],
  ["tls", "%DOWNSTREAM_TLS_VERSION%"],
  ["tls_cipher", "%DOWNSTREAM_TLS_CIPHER%"],
  ["peer_subject", "%DOWNSTREAM_PEER_SUBJECT%"],
  ["metadata", "%DYNAMIC_METADATA(ns)%"],
  ["metadata_key", "%DYNAMIC_METADATA(ns:s)%"],
  ["metadata_number", "%DYNAMIC_METADATA(ns:n)%"],
  ["metadata_len", "%DYNAMIC_METADATA(ns:s):2%"],
  ["metadata_none", "%DYNAMIC_METADATA(ns:none)%"],
  ["cluster_metadata", "%CLUSTER_METADATA(cm:a)%"],
  ["upstream_metadata", "%UPSTREAM_METADATA(em:b)%"],
  ["route_metadata", "%METADATA(ROUTE:rm:c)%"],
  ["host_metadata", "%METADATA(VIRTUAL_HOST:vm:d)%"],
  ["dynamic_metadata", "%METADATA(DYNAMIC:ns:s)%"],
  ["listener_metadata", "%METADATA(LISTENER:lm:e)%"],
  ["state", "%FILTER_STATE(k:PLAIN)%"],
  ["state_none", "%FILTER_STATE(none:PLAIN)%"],
  ["route", "%ROUTE_NAME%"],
  ["virtual_cluster", "%VIRTUAL_CLUSTER_NAME%"],
  ["chain", "%FILTER_CHAIN_NAME%"],
  ["type", "%ACCESS_LOG_TYPE%"],
  ["environment", "%ENVIRONMENT(OUTRIGGER_NOT_SET):3%"],
  ["trace", "%TRACE_ID%"],
  ["custom_flags", "%CUSTOM_FLAGS%"],
  ["reply_body", "%LOCAL_REPLY_BODY%"],
  ["grpc", "%GRPC_STATUS%"],
  ["grpc_snake", "%GRPC_STATUS(SNAKE_STRING)%"],
  ["grpc_number", "%GRPC_STATUS(NUMBER)%"],
  ["grpc_status_number", "%GRPC_STATUS_NUMBER%"],
  ["percent", "100%%"],
  ["mixed", "%PROTOCOL% and %RESPONSE_CODE%"],
  ["plain", "just text"],
  ["start_custom", "%START_TIME(%Y)%"],
];

/** Operators that give a time or a duration; only the kind of value is compared. */
const DURATIONS: readonly (readonly [string, string])[] = [
  ["ms_duration", "%DURATION%"],
  ["ms_request", "%REQUEST_DURATION%"],
  ["ms_request_tx", "%REQUEST_TX_DURATION%"],
  ["ms_response", "%RESPONSE_DURATION%"],
  ["ms_response_tx", "%RESPONSE_TX_DURATION%"],
  ["ms_handshake", "%DOWNSTREAM_HANDSHAKE_DURATION%"],
  ["ms_pool", "%UPSTREAM_CONNECTION_POOL_READY_DURATION%"],
  ["ms_round_trip", "%ROUNDTRIP_DURATION%"],
  ["ms_common", "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)%"],
  ["ms_common_us", "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:us)%"],
  ["ms_common_cx", "%COMMON_DURATION(US_CX_BEG:US_CX_END:ns)%"],
];

const fields = Object.fromEntries([...STABLE, ...DURATIONS]);

/** Nested values, arrays, literal numbers and booleans. */
const NESTED: Message = {
  text: "plain",
  number: 7,
  yes: true,
  object: { code: "%RESPONSE_CODE%", deep: { path: "%REQ(:PATH)%", none: "%REQ(NONE)%" } },
  list: ["%PROTOCOL%", 3, "%REQ(NONE)%", "x%REQ(NONE)%y"],
  quoted: "%REQ(X-QUOTE)%",
};

const TEXT_ALL = `${STABLE.map(([name, format]) => `${name}=${format}`).join("|")}\n`;

const DEFAULT_STABLE =
  '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

const withOmit = (format: Message): Message => ({
  name: "envoy.access_loggers.file",
  typed_config: any("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
    path: "@file:access.txt@",
    log_format: { omit_empty_values: true, ...format },
  }),
});

const METADATA_FILTER: Message = {
  name: "envoy.filters.http.set_metadata",
  typed_config: any("envoy.extensions.filters.http.set_metadata.v3.Config", {
    metadata: [
      { metadata_namespace: "ns", value: { s: "string", n: 1.5, b: true, l: [1, "two"] } },
    ],
  }),
};
const STATE_FILTER: Message = {
  name: "envoy.filters.http.set_filter_state",
  typed_config: any("envoy.extensions.filters.http.set_filter_state.v3.Config", {
    on_request_headers: [
      {
        object_key: "k",
        factory_key: "envoy.string",
        format_string: { text_format_source: { inline_string: "v-%PROTOCOL%" } },
      },
    ],
  }),
};

const routes: readonly Message[] = [
  routeTo({ prefix: "/refused" }, "refused"),
  {
    match: { prefix: "/direct" },
    direct_response: { status: 200, body: { inline_string: "direct" } },
  },
  {
    ...routeTo({ prefix: "/re" }, "up1", { prefix_rewrite: "/written" }),
    name: "rewriting",
    metadata: { filter_metadata: { rm: { c: "route" } } },
  },
  {
    ...routeTo({ prefix: "/" }),
    name: "everything",
    metadata: { filter_metadata: { rm: { c: [1, 2] } } },
  },
];

const host = anyHost(routes, { metadata: { filter_metadata: { vm: { d: { x: "host" } } } } });

const ROUTER_QUIET: Message = {
  ...ROUTER,
  typed_config: any("envoy.extensions.filters.http.router.v3.Router", {
    suppress_envoy_headers: true,
  }),
};

const on = (name: string, log: readonly Message[], more: Message = {}): Message =>
  listener(
    name,
    [
      hcmWithHosts([host], {
        access_log: log,
        http_filters: [METADATA_FILTER, STATE_FILTER, ROUTER_QUIET],
        http_protocol_options: { enable_trailers: true },
        ...more,
      }),
    ],
    { metadata: { filter_metadata: { lm: { e: "listener" } } } },
  );

const full = (path = "/a/b?q=12&x"): string =>
  get(
    path,
    "x-a: A",
    "x-b: B",
    "x-long: 0123456789",
    "x-multi: 1",
    "x-multi: 2",
    'x-quote: say "hi"\\ \t',
    "user-agent: test",
  );

const rich = answers({
  send: "HTTP/1.1 200 OK\r\nx-r: RESPONSE\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: trailer\r\n\r\n",
});

const grpcAnswer = answers(reply(200, "", ["content-type: application/grpc", "grpc-status: 14"]));

const operatorCases: readonly DifferentialCase[] = ["json", "text"].flatMap(
  (on): DifferentialCase[] => [
    exchange(`${on}: all operators of an answered request`, on, full(), rich),
    exchange(`${on}: all operators of a rewritten request`, on, full("/re/x?q=1")),
    exchange(`${on}: all operators of a refused request`, on, full("/refused")),
    exchange(`${on}: all operators of a direct response`, on, full("/direct")),
    exchange(
      `${on}: all operators of a request with a body`,
      on,
      request("POST", "/", ["x-a: A"], "body"),
    ),
    exchange(
      `${on}: all operators of a gRPC answer`,
      on,
      request("POST", "/", ["content-type: application/grpc"], null),
      grpcAnswer,
    ),
    exchange(
      `${on}: all operators of a bad request`,
      on,
      "GET / HTTP/1.1\r\nbad header: x\r\n\r\n",
    ),
    {
      name: `${on}: all operators of an abandoned request`,
      on,
      steps: [send(full("/slow")), saw("up1", "\r\n\r\n"), reset],
      ...answers({ ...reply(200), delayMs: 500 }),
    },
  ],
);

const formatCases: readonly DifferentialCase[] = [
  exchange("nested JSON", "nested", full()),
  exchange("nested JSON without empty values", "nested-omit", full()),
  exchange("text without empty values", "text-omit", get("/")),
  exchange("the default text format", "default", full("/x"), {
    // Two durations and a generated id are part of the default format.
    facts: { "log(access.txt).0": /^\[<time>\] "GET \/x HTTP\/1\.1" 200 - 0 3 / },
  }),
  exchange("the deprecated text_format", "deprecated", full()),
];

// Filters.
const status = (op: string, value: number): Message => ({
  status_code_filter: {
    comparison: { op, value: { default_value: value, runtime_key: "access.status" } },
  },
});
const headerFilter = (name: string): Message => ({
  header_filter: { header: { name, present_match: true } },
});

const FILTERS: readonly (readonly [string, Message])[] = [
  ["status_ge", status("GE", 400)],
  ["status_eq", status("EQ", 200)],
  ["status_le", status("LE", 204)],
  ["status_ne", status("NE", 200)],
  [
    "duration",
    {
      duration_filter: {
        comparison: { op: "GE", value: { default_value: 100, runtime_key: "access.duration" } },
      },
    },
  ],
  ["not_health", { not_health_check_filter: {} }],
  ["header", headerFilter("x-log")],
  ["any_flag", { response_flag_filter: {} }],
  ["uf_flag", { response_flag_filter: { flags: ["UF", "NR"] } }],
  ["and", { and_filter: { filters: [headerFilter("x-log"), status("EQ", 200)] } }],
  ["or", { or_filter: { filters: [headerFilter("x-log"), status("EQ", 503)] } }],
  ["grpc", { grpc_status_filter: { statuses: ["UNAVAILABLE"] } }],
  ["grpc_not", { grpc_status_filter: { statuses: ["UNAVAILABLE"], exclude: true } }],
  [
    "runtime_all",
    { runtime_filter: { runtime_key: "access.all", percent_sampled: { numerator: 100 } } },
  ],
  [
    "runtime_none",
    { runtime_filter: { runtime_key: "access.none", percent_sampled: { numerator: 0 } } },
  ],
  ["type", { log_type_filter: { types: ["DownstreamEnd"] } }],
  ["type_not", { log_type_filter: { types: ["DownstreamEnd"], exclude: true } }],
  [
    "metadata",
    {
      metadata_filter: {
        matcher: {
          filter: "ns",
          path: [{ key: "s" }],
          value: { string_match: { exact: "string" } },
        },
      },
    },
  ],
  [
    "metadata_none",
    {
      metadata_filter: {
        matcher: {
          filter: "none",
          path: [{ key: "s" }],
          value: { string_match: { exact: "string" } },
        },
        match_if_key_not_found: false,
      },
    },
  ],
];

/** Half of the requests, chosen by the request id. */
const HALF: Message = {
  runtime_filter: { runtime_key: "access.half", percent_sampled: { numerator: 50 } },
};

const ALWAYS = textLog("line\n");
const filterLogs: readonly Message[] = [
  ...FILTERS.map(([name, filter]) => ({ ...textLog(`${name}\n`, "filtered.txt"), filter })),
  ALWAYS,
];

const filterCases: readonly DifferentialCase[] = [
  exchange("filters of a 200", "filters", get("/")),
  exchange("filters of a 503", "filters", get("/refused")),
  exchange("filters of a 404", "filters", get("/"), answers(reply(404))),
  exchange("filters of a header", "filters", get("/", "x-log: 1")),
  exchange(
    "filters of a slow answer",
    "filters",
    get("/"),
    answers({ ...reply(200), delayMs: 150 }),
  ),
  exchange(
    "filters of a gRPC answer",
    "filters",
    request("POST", "/", ["content-type: application/grpc"], null),
    grpcAnswer,
  ),
  ...[
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "00000001-58cc-4372-a567-0e02b2c3d479",
    "0000ffff-58cc-4372-a567-0e02b2c3d479",
  ].map((id) =>
    exchange(`filters by the request id ${id}`, "half", get("/", `x-request-id: ${id}`), {
      keepRequestIds: true,
    }),
  ),
  exchange("a log at the start of the stream", "start", get("/"), { logs: 2 }),
  {
    name: "a log for each of two pipelined requests",
    on: "filters",
    steps: [send(get("/1") + get("/2")), response, response],
    logs: 2,
  },
  exchange(
    "a request without a usable head is logged",
    "filters",
    head("GET / HTTP/1.1", "host: a", "host: b"),
  ),
];

const base = bootstrap([
  on("json", [jsonLog(fields)]),
  on("text", [textLog(TEXT_ALL)]),
  on("nested", [jsonLog(NESTED)]),
  on("nested-omit", [withOmit({ json_format: NESTED })]),
  on("text-omit", [
    withOmit({
      text_format_source: {
        inline_string: "a=%REQ(NONE)% b=%UPSTREAM_TRANSPORT_FAILURE_REASON% c=%REQ(:PATH)%\n",
      },
    }),
  ]),
  on("default", [textLog(null)]),
  on("deprecated", [
    {
      name: "envoy.access_loggers.file",
      typed_config: any("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
        path: "@file:access.txt@",
        log_format: { text_format: DEFAULT_STABLE },
      }),
    },
  ]),
  on("half", [{ ...textLog("half\n", "filtered.txt"), filter: HALF }, ALWAYS]),
  on("filters", filterLogs),
  on(
    "start",
    [jsonLog({ type: "%ACCESS_LOG_TYPE%", code: "%RESPONSE_CODE%", path: "%REQ(:PATH)%" })],
    {
      access_log_options: { flush_access_log_on_new_request: true },
    },
  ),
]);

const statics = base["static_resources"] as { listeners: Message[]; clusters: Message[] };
const up1 = statics.clusters[0] as Message;

export const accessLogs: DifferentialGroup = {
  name: "access-logs",
  bootstrap: {
    ...base,
    static_resources: {
      ...statics,
      clusters: [
        {
          ...up1,
          metadata: { filter_metadata: { cm: { a: { b: [1] } } } },
          load_assignment: {
            cluster_name: "up1",
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: {
                        socket_address: { address: "127.0.0.1", port_value: "@upstream:up1@" },
                      },
                      hostname: "named.example",
                    },
                    metadata: { filter_metadata: { em: { b: "endpoint" } } },
                  },
                ],
              },
            ],
          },
        },
        ...statics.clusters.slice(1),
      ],
    },
  },
  cases: [...operatorCases, ...formatCases, ...filterCases],
};
