// The fault filter (envoy-semantics 6.1): delays, aborts, paced responses, who meets them.
import { reply } from "../../kit/scripted-upstream.ts";
import { bootstrap, jsonLog, LOG_FIELDS, type Message, routeTo } from "../bootstrap.ts";
import {
  adminPost,
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  request,
  reset,
  response,
  send,
  stat,
} from "../case.ts";
import { filter, on, per } from "../filter-bootstrap.ts";

const ALL = { numerator: 100 };
const fault = (fields: Message): Message => filter("fault", "fault.v3.HTTPFault", fields);
const perFault = (fields: Message): Message => per("fault", "fault.v3.HTTPFault", fields);
const abort = (status: number, percentage: Message = ALL): Message => ({
  abort: { http_status: status, percentage },
});
const delay = (text: string): Message => ({ delay: { fixed_delay: text, percentage: ALL } });
const limit = (kbps: number): Message => ({
  response_rate_limit: { fixed_limit: { limit_kbps: kbps }, percentage: ALL },
});

/** Headers of the mesh stay on internal requests only. */
const INTERNAL = {
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.1", prefix_len: 32 }] },
};

const routes = [
  { ...routeTo({ prefix: "/own" }), ...perFault(abort(418)) },
  { ...routeTo({ prefix: "/none" }), ...perFault({}) },
  { ...routeTo({ prefix: "/other" }, "up2") },
  routeTo({ prefix: "/" }),
];

const METADATA_LOG = jsonLog({
  ...LOG_FIELDS,
  metadata: "%DYNAMIC_METADATA(envoy.filters.http.fault)%",
});

const fromFront = "x-envoy-downstream-service-cluster: front";

const listeners = [
  on("abort", [fault({ ...abort(503), filter_metadata: { kind: "x", n: 1 } })], routes, {
    manager: { access_log: [METADATA_LOG] },
  }),
  on("plain", [fault(abort(503))], routes, { manager: { access_log: [METADATA_LOG] } }),
  on("delay", [fault(delay("0.1s"))]),
  on("both", [fault({ ...delay("0.1s"), ...abort(500) })]),
  on("never", [fault({ ...abort(503, {}), delay: { fixed_delay: "1s", percentage: {} } })]),
  on("grpc", [fault({ abort: { grpc_status: 14, percentage: ALL } })]),
  on("header-abort", [fault({ abort: { header_abort: {}, percentage: ALL } })]),
  on("header-abort-none", [fault({ abort: { header_abort: {}, percentage: {} } })]),
  on("header-delay", [fault({ delay: { header_delay: {}, percentage: ALL } })]),
  on("cluster", [fault({ ...abort(503), upstream_cluster: "up2" })], routes),
  on(
    "nodes",
    [fault({ ...abort(503), downstream_nodes: ["n1", "n2"] })],
    [routeTo({ prefix: "/" })],
    { manager: INTERNAL },
  ),
  on("headers", [
    fault({
      ...abort(503),
      headers: [{ name: "x-a", string_match: { exact: "1" } }, { name: "x-b" }],
    }),
  ]),
  on("front", [fault({ ...abort(503), ...delay("0.02s") })], [routeTo({ prefix: "/" })], {
    manager: INTERNAL,
  }),
  on(
    "front-silent",
    [fault({ ...abort(503), disable_downstream_cluster_stats: true })],
    [routeTo({ prefix: "/" })],
    { manager: INTERNAL },
  ),
  on(
    "front-runtime",
    [fault({ abort: { http_status: 503 }, delay: { fixed_delay: "9s" } })],
    [routeTo({ prefix: "/" })],
    {
      manager: INTERNAL,
    },
  ),
  on("runtime", [
    fault({
      ...abort(503),
      ...delay("9s"),
      abort_percent_runtime: "own.abort_percent",
      delay_percent_runtime: "own.delay_percent",
      delay_duration_runtime: "own.delay_ms",
      abort_http_status_runtime: "own.status",
      abort_grpc_status_runtime: "own.grpc",
      max_active_faults_runtime: "own.max",
      response_rate_limit_percent_runtime: "own.limit_percent",
    }),
  ]),
  on("full", [fault({ ...delay("9s"), max_active_faults: 0 })]),
  on("one", [fault({ ...delay("60s"), max_active_faults: 1 })]),
  on("limit", [fault(limit(8))]),
  on("limit-header", [fault({ response_rate_limit: { header_limit: {}, percentage: ALL } })]),
  on("limit-abort", [fault({ ...limit(1), ...abort(503) })]),
];

const runtime = {
  layered_runtime: {
    layers: [
      {
        name: "static",
        static_layer: {
          "fault.http.front.abort.http_status": 418,
          "fault.http.slow.delay.fixed_duration_ms": 30,
          "fault.http.slow.delay.fixed_delay_percent": 100,
          "fault.http.teapot.abort.abort_percent": 100,
          "fault.http.teapot.abort.http_status": 418,
          "own.abort_percent": { numerator: 1_000_000, denominator: "MILLION" },
          "own.delay_ms": 20,
          "own.status": 429,
        },
      },
      { name: "admin", admin_layer: {} },
    ],
  },
};

const body = (size: number): string => "0123456789abcdef".repeat(size / 16);

const chunk = `200\r\n${body(512)}\r\n`;
const chunks = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunk}${chunk}0\r\nt: 1\r\n\r\n`;

const fixed: readonly DifferentialCase[] = [
  exchange("aborts with a status", "abort", get("/"), {
    facts: {
      "log.0.details": '"fault_filter_abort"',
      "log.0.flags": '"FI"',
      "client.0.response.0.body": "fault filter abort",
    },
  }),
  exchange("an abort without metadata logs an empty object", "plain", get("/")),
  exchange("aborts with the status of the route", "abort", get("/own")),
  exchange("a route without faults has none", "abort", get("/none")),
  exchange("aborts a request with a body", "abort", request("POST", "/", [], "hello")),
  exchange("aborts HEAD without a body", "abort", request("HEAD", "/", [], null), {}),
  exchange("aborts gRPC as gRPC", "abort", get("/", "content-type: application/grpc")),
  exchange("delays a request", "delay", get("/"), { facts: { "log.0.flags": '"DI"' } }),
  exchange("delays a request with a body", "delay", request("POST", "/", [], body(4096))),
  exchange("aborts after a delay", "both", get("/"), { facts: { "log.0.flags": '"DI,FI"' } }),
  exchange("no percentage means never", "never", get("/")),
  exchange("aborts gRPC with a gRPC status", "grpc", get("/", "content-type: application/grpc")),
  exchange("aborts others with 200 for a gRPC status", "grpc", get("/"), {
    facts: { "client.0.response.0.start": "HTTP/1.1 200 OK" },
  }),
  exchange("faults of one cluster only", "cluster", get("/")),
  exchange("meets a fault of its cluster", "cluster", get("/other")),
  exchange("meets a fault of its node", "nodes", get("/", "x-envoy-downstream-service-node: n2")),
  exchange(
    "meets no fault of other nodes",
    "nodes",
    get("/", "x-envoy-downstream-service-node: n"),
  ),
  exchange("meets no fault of nodes without one", "nodes", get("/")),
  exchange("meets a fault when headers match", "headers", get("/", "x-a: 1", "x-b: ")),
  exchange("meets no fault when one header does not", "headers", get("/", "x-a: 1")),
];

const abortHeaders: readonly (readonly [string, ...string[]])[] = [
  ["x-envoy-fault-abort-request: 429"],
  ["x-envoy-fault-abort-request: +404"],
  ["x-envoy-fault-abort-request: 199"],
  ["x-envoy-fault-abort-request: 600"],
  ["x-envoy-fault-abort-request: 4x4"],
  ["x-envoy-fault-abort-request: 99999999999999999999"],
  ["x-envoy-fault-abort-request: 429", "x-envoy-fault-abort-request: 430"],
  ["x-envoy-fault-abort-grpc-request: 5"],
  ["x-envoy-fault-abort-grpc-request: 5", "content-type: application/grpc"],
  ["x-envoy-fault-abort-grpc-request: 5", "x-envoy-fault-abort-request: 429"],
  ["x-envoy-fault-abort-request: 429", "x-envoy-fault-abort-request-percentage: 0"],
  ["x-envoy-fault-abort-request: 429", "x-envoy-fault-abort-request-percentage: 900"],
  ["x-envoy-fault-abort-request: 429", "x-envoy-fault-abort-request-percentage: x"],
];

const byHeader: readonly DifferentialCase[] = [
  ...abortHeaders.map((lines) =>
    exchange(`aborts by header: ${lines.join(", ")}`, "header-abort", get("/", ...lines)),
  ),
  exchange("no header, no abort", "header-abort", get("/")),
  exchange(
    "a header cannot raise the percentage",
    "header-abort-none",
    get("/", "x-envoy-fault-abort-request: 429", "x-envoy-fault-abort-request-percentage: 100"),
  ),
  ...["x-envoy-fault-delay-request: 40", "x-envoy-fault-delay-request: 0"].map((line) =>
    exchange(`delays by header: ${line}`, "header-delay", get("/", line)),
  ),
  exchange("delays by no nonsense", "header-delay", get("/", "x-envoy-fault-delay-request: 1s")),
  exchange(
    "a header lowers the share of delays",
    "header-delay",
    get("/", "x-envoy-fault-delay-request: 9000", "x-envoy-fault-delay-request-percentage: 0"),
  ),
];

const byRuntime: readonly DifferentialCase[] = [
  exchange("a downstream cluster has stats and a status", "front", get("/", fromFront), {
    facts: { "client.0.response.0.start": "HTTP/1.1 418 Unknown" },
  }),
  exchange("a downstream cluster without stats", "front-silent", get("/", fromFront)),
  exchange(
    "a downstream cluster has delays",
    "front-runtime",
    get("/", "x-envoy-downstream-service-cluster: slow"),
    { facts: { "log.0.flags": '"DI"' } },
  ),
  exchange(
    "a downstream cluster has aborts",
    "front-runtime",
    get("/", "x-envoy-downstream-service-cluster: teapot"),
    { facts: { "log.0.flags": '"FI"' } },
  ),
  exchange("keys of its own", "runtime", get("/"), {
    facts: { "client.0.response.0.start": "HTTP/1.1 429 Too Many Requests" },
  }),
  {
    name: "runtime switches off",
    on: "runtime",
    steps: [
      adminPost("/runtime_modify?own.abort_percent=0&own.delay_percent=0"),
      send(get("/")),
      response,
      adminPost("/runtime_modify?own.abort_percent=&own.delay_percent="),
    ],
  },
  {
    name: "runtime limits active faults",
    on: "runtime",
    steps: [
      adminPost("/runtime_modify?own.max=0"),
      send(get("/")),
      response,
      adminPost("/runtime_modify?own.max="),
    ],
  },
];

const active: readonly DifferentialCase[] = [
  exchange("no fault when none may be active", "full", get("/")),
  {
    name: "a request over max_active_faults meets no fault",
    on: "one",
    logs: 2,
    steps: [
      send(get("/a")),
      stat("http.ingress.fault.active_faults", 1),
      { do: "connect", on: null, from: null },
      send(get("/b")),
      response,
      { do: "client", index: 0 },
      reset,
    ],
  },
  {
    name: "a client that leaves ends its delay",
    on: "one",
    steps: [send(get("/")), stat("http.ingress.fault.active_faults", 1), reset],
  },
];

const paced: readonly DifferentialCase[] = [
  exchange("paces a response", "limit", get("/"), answers(reply(200, body(2048)))),
  exchange("paces a response without a body", "limit", get("/"), answers(reply(200))),
  exchange("paces chunks and trailers", "limit", get("/"), answers({ send: chunks })),
  exchange(
    "paces by header",
    "limit-header",
    get("/", "x-envoy-fault-throughput-response: 16"),
    answers(reply(200, body(2048))),
  ),
  exchange(
    "a rate of 0 paces nothing",
    "limit-header",
    get("/", "x-envoy-fault-throughput-response: 0"),
    answers(reply(200, body(2048))),
  ),
  exchange(
    "a header lowers the share of paced responses",
    "limit-header",
    get(
      "/",
      "x-envoy-fault-throughput-response: 1",
      "x-envoy-fault-throughput-response-percentage: 0",
    ),
    answers(reply(200, body(2048))),
  ),
  exchange("paces an abort", "limit-abort", get("/")),
];

export const faults: DifferentialGroup = {
  name: "faults",
  bootstrap: bootstrap(listeners, undefined, runtime),
  cases: [...fixed, ...byHeader, ...byRuntime, ...active, ...paced],
};
