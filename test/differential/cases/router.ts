// The router: the failure matrix of envoy-semantics 3.15, timeouts, x-envoy-* headers, local
// replies.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  jsonLog,
  LOG_FIELDS,
  listener,
  type Message,
  ROUTER,
  routeTo,
  STANDARD_CLUSTERS,
} from "../bootstrap.ts";
import {
  adminPost,
  answers,
  type CaseOptions,
  closed,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  header,
  request,
  response,
  responseToHead,
  send,
} from "../case.ts";

const raw = (text: string, after: "close" | "reset" | "keep" = "keep"): CaseOptions =>
  answers({ send: text, after });

const failure = (details: string | RegExp, flags: string, more: CaseOptions = {}): CaseOptions => ({
  ...more,
  facts: {
    "log.0.details": typeof details === "string" ? JSON.stringify(details) : details,
    "log.0.flags": JSON.stringify(flags),
  },
});

const BEFORE = "upstream_reset_before_response_started";

const failureCases: readonly DifferentialCase[] = [
  exchange("no route", "main", get("/none", "host: elsewhere"), failure("route_not_found", "NR")),
  exchange(
    "connection refused",
    "main",
    get("/refused"),
    failure(new RegExp(`${BEFORE}\\{remote_connection_failure`), "UF"),
  ),
  exchange("no host", "main", get("/empty"), failure("no_healthy_upstream", "UH")),
  exchange(
    "upstream closes without an answer",
    "main",
    get("/"),
    failure(`${BEFORE}{connection_termination}`, "UC", raw("", "close")),
  ),
  exchange(
    "upstream resets without an answer",
    "main",
    get("/"),
    failure(`${BEFORE}{connection_termination}`, "UC", raw("", "reset")),
  ),
  exchange(
    "upstream closes inside the head",
    "main",
    get("/"),
    failure(`${BEFORE}{protocol_error}`, "UPE", {
      ...raw("HTTP/1.1 200 OK\r\ncontent-le", "close"),
      note: "an upstream that ends inside a message is a protocol error, not a termination",
    }),
  ),
  exchange(
    "upstream sends garbage",
    "main",
    get("/"),
    failure(`${BEFORE}{protocol_error}`, "UPE", raw("garbage garbage\r\n\r\n")),
  ),
  exchange("upstream speaks before it is asked", "main", get("/"), {
    upstreams: { up1: { onConnect: { send: "hello\r\n" } } },
  }),
  {
    name: "upstream sends more than its answer",
    on: "main",
    steps: [send(get("/1")), response, send(get("/2")), response],
    logs: 2,
    upstreams: {
      up1: {
        replies: [
          { send: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n" },
          reply(200, "new"),
        ],
      },
    },
    facts: { "client.0.response.1.body": "new" },
  },
  {
    name: "upstream closes an idle connection",
    on: "main",
    steps: [send(get("/1")), response, send(get("/2")), response],
    logs: 2,
    upstreams: { up1: { replies: [reply(200, "one", ["connection: close"]), reply(200, "two")] } },
  },
  exchange("upstream answers with a bad status", "main", get("/"), raw("HTTP/1.1 abc OK\r\n\r\n")),
  exchange(
    "upstream answers with a bad version",
    "main",
    get("/"),
    raw("HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n"),
  ),
  exchange("upstream answers HTTP/0.9 like", "main", get("/"), raw("<html>", "close")),
  exchange(
    "upstream answers with both framings",
    "main",
    get("/"),
    raw("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
  ),
  exchange(
    "upstream answers with two lengths",
    "main",
    get("/"),
    raw("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc"),
  ),
  exchange(
    "upstream answers with a bad length",
    "main",
    get("/"),
    raw("HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\n"),
  ),
  exchange("upstream answers with a bad chunk", "main", get("/"), {
    ...raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
  }),
  exchange(
    "upstream answers with a bad header",
    "main",
    get("/"),
    raw("HTTP/1.1 200 OK\r\nbad header: x\r\ncontent-length: 0\r\n\r\n"),
  ),
  exchange(
    "upstream answers 101 nobody asked for",
    "main",
    get("/"),
    raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  ),
  exchange(
    "upstream answers with too many headers",
    "main",
    get("/"),
    answers(
      reply(
        200,
        "",
        Array.from({ length: 150 }, (_, i) => `h${i}: v`),
      ),
    ),
  ),
  exchange(
    "upstream answers with a huge head",
    "main",
    get("/"),
    answers(reply(200, "", [`h: ${"x".repeat(70_000)}`])),
  ),
  {
    name: "upstream dies inside the body",
    on: "main",
    steps: [send(get("/")), response, closed],
    ...raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", "reset"),
    facts: { "log.0.flags": '"UPE"' },
    note: "an upstream that ends inside a message is a protocol error, not a termination",
  },
  {
    name: "upstream sends a bad chunk inside the body",
    on: "main",
    steps: [send(get("/")), response, closed],
    ...answers({
      send: ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "zz\r\n"],
    }),
  },
  {
    name: "HEAD of a refused upstream",
    on: "main",
    steps: [send(request("HEAD", "/refused", [], null)), responseToHead],
  },
  exchange(
    "gRPC request to a refused upstream",
    "main",
    request("POST", "/refused", ["content-type: application/grpc"], null),
  ),
  exchange(
    "gRPC request without a route",
    "main",
    request("POST", "/x", ["host: elsewhere", "content-type: application/grpc"], null),
  ),
  exchange(
    "gRPC request to an empty cluster",
    "main",
    request("POST", "/empty", ["content-type: application/grpc"], null),
  ),
  {
    name: "maintenance mode",
    on: "main",
    steps: [
      adminPost("/runtime_modify?upstream.maintenance_mode.up1=100"),
      send(get("/")),
      response,
      adminPost("/runtime_modify?upstream.maintenance_mode.up1=0"),
      send(get("/")),
      response,
    ],
    logs: 2,
    facts: { "log.0.details": '"maintenance_mode"' },
  },
  exchange(
    "request breaker of zero",
    "main",
    get("/no-requests"),
    failure(`${BEFORE}{overflow}`, "UO"),
  ),
  exchange(
    "pending breaker of zero",
    "main",
    get("/no-pending"),
    failure(`${BEFORE}{overflow}`, "UO"),
  ),
];

const late = (ms: number): CaseOptions => answers({ ...reply(200, "late"), delayMs: ms });

const timeoutCases: readonly DifferentialCase[] = [
  exchange("route timeout", "main", get("/timeout"), failure("response_timeout", "UT", late(900))),
  exchange(
    "route timeout of a gRPC request",
    "main",
    request("POST", "/timeout", ["content-type: application/grpc"], null),
    late(900),
  ),
  {
    name: "route timeout after the head",
    on: "main",
    steps: [send(get("/timeout")), response, closed],
    ...raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
  },
  exchange("no route timeout", "main", get("/no-timeout"), late(30)),
  exchange("max_stream_duration of a route", "main", get("/duration"), late(900)),
  exchange(
    "grpc-timeout under grpc_timeout_header_max",
    "main",
    request(
      "POST",
      "/grpc-timeout",
      ["content-type: application/grpc", "grpc-timeout: 150m"],
      null,
    ),
    late(900),
  ),
  exchange(
    "internal request sets the timeout",
    "internal",
    get("/", "x-envoy-upstream-rq-timeout-ms: 120"),
    failure("response_timeout", "UT", late(900)),
  ),
  exchange(
    "internal request asks for 204 on timeout",
    "internal",
    get("/", "x-envoy-upstream-rq-timeout-ms: 120", "x-envoy-upstream-rq-timeout-alt-response: 1"),
    late(900),
  ),
  exchange(
    "internal request with an unusable timeout",
    "internal",
    get("/", "x-envoy-upstream-rq-timeout-ms: abc"),
  ),
  exchange(
    "internal request with timeout zero",
    "internal",
    get("/", "x-envoy-upstream-rq-timeout-ms: 0"),
  ),
  exchange(
    "internal request with a per-try timeout",
    "internal",
    get("/", "x-envoy-upstream-rq-per-try-timeout-ms: 5000"),
    {
      facts: { "upstream.up1.0.headers": header("x-envoy-expected-rq-timeout-ms", "5000") },
    },
  ),
  exchange(
    "internal request with a per-try timeout above the timeout",
    "internal",
    get("/", "x-envoy-upstream-rq-per-try-timeout-ms: 50000"),
    {
      facts: { "upstream.up1.0.headers": header("x-envoy-expected-rq-timeout-ms", "15000") },
    },
  ),
  exchange(
    "internal request with a stream duration",
    "internal",
    get("/", "x-envoy-upstream-stream-duration-ms: 120"),
    late(900),
  ),
  exchange(
    "internal request with an alternative stat name",
    "internal",
    get("/", "x-envoy-upstream-alt-stat-name: other"),
  ),
  exchange("cluster limit of stream duration", "main", get("/cluster-duration"), late(900)),
];

const routerCases: readonly DifferentialCase[] = [
  exchange("suppresses x-envoy headers", "quiet", get("/")),
  exchange("suppresses x-envoy headers of local replies", "quiet", get("/empty")),
  exchange("strict header check", "strict", get("/", "x-envoy-upstream-rq-timeout-ms: abc"), {
    facts: { "log.0.flags": '"IH"' },
  }),
  exchange("strict header check passes", "strict", get("/", "x-envoy-upstream-rq-timeout-ms: 100")),
  exchange(
    "respects the expected timeout of the hop before",
    "respect",
    get("/", "x-envoy-expected-rq-timeout-ms: 120"),
    late(600),
  ),
  exchange("writes the upstream log", "upstream-log", get("/"), { logs: 2 }),
  exchange("limits requests of a connection to the upstream", "main", get("/one-request")),
  exchange(
    "marks canary responses",
    "main",
    get("/"),
    answers(reply(200, "", ["x-envoy-upstream-canary: true"])),
  ),
  exchange(
    "counts an immediate health check failure header",
    "main",
    get("/"),
    answers(reply(200, "", ["x-envoy-immediate-health-check-fail: true"])),
  ),
  exchange(
    "forwards x-envoy-ratelimited",
    "main",
    get("/"),
    answers(reply(429, "", ["x-envoy-ratelimited: true"])),
  ),
  exchange(
    "a gRPC response in HTTP/1 with status in headers",
    "main",
    request("POST", "/", ["content-type: application/grpc"], null),
    answers(reply(200, "", ["content-type: application/grpc", "grpc-status: 5"])),
  ),
  exchange("counts a virtual cluster", "virtual-clusters", get("/v/1")),
  exchange("counts other requests beside virtual clusters", "virtual-clusters", get("/w")),
  exchange("counts a route's stat prefix", "virtual-clusters", get("/counted")),
];

const routes: readonly Message[] = [
  routeTo({ prefix: "/refused" }, "refused"),
  routeTo({ prefix: "/empty" }, "empty"),
  routeTo({ prefix: "/timeout" }, "up1", { timeout: "0.15s" }),
  routeTo({ prefix: "/no-timeout" }, "up1", { timeout: "0s" }),
  routeTo({ prefix: "/duration" }, "up1", {
    max_stream_duration: { max_stream_duration: "0.15s" },
  }),
  routeTo({ prefix: "/grpc-timeout" }, "up1", {
    max_stream_duration: { max_stream_duration: "9s", grpc_timeout_header_max: "5s" },
  }),
  routeTo({ prefix: "/no-requests" }, "no-requests"),
  routeTo({ prefix: "/no-pending" }, "no-pending"),
  routeTo({ prefix: "/cluster-duration" }, "short-streams"),
  routeTo({ prefix: "/one-request" }, "one-request"),
  routeTo({ prefix: "/" }),
];

/** One host that is not "elsewhere.test", so that a missing route can be had by the host. */
const host: Message = { ...anyHost(routes), domains: ["a.example", "a"] };

const router = (fields: Message): Message => ({
  ...ROUTER,
  typed_config: any("envoy.extensions.filters.http.router.v3.Router", fields),
});

const INTERNAL: Message = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};

const on = (name: string, fields: Message): Message =>
  listener(name, [hcmWithHosts([host], fields)]);

const breaker = (name: string, threshold: Message): Message =>
  cluster(name, ["@upstream:up1@"], { circuit_breakers: { thresholds: [threshold] } });

const protocolOptions = (fields: Message): Message => ({
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicit_http_config: { http_protocol_options: {} }, common_http_protocol_options: fields },
    ),
  },
});

const virtualCluster = (pattern: string): Message => ({
  name: "vc",
  headers: [{ name: ":path", string_match: { safe_regex: { regex: pattern } } }],
});

export const routerFailures: DifferentialGroup = {
  name: "router",
  bootstrap: bootstrap(
    [
      on("main", {}),
      on("internal", INTERNAL),
      on("quiet", { http_filters: [router({ suppress_envoy_headers: true })] }),
      on("strict", {
        ...INTERNAL,
        http_filters: [router({ strict_check_headers: ["x-envoy-upstream-rq-timeout-ms"] })],
      }),
      on("respect", { ...INTERNAL, http_filters: [router({ respect_expected_rq_timeout: true })] }),
      on("upstream-log", {
        http_filters: [router({ upstream_log: [jsonLog({ ...LOG_FIELDS, from: "upstream" })] })],
      }),
      listener("virtual-clusters", [
        hcmWithHosts([
          anyHost(
            [
              routeTo({ prefix: "/counted" }, "up1", {}, { stat_prefix: "counted" }),
              routeTo({ prefix: "/" }),
            ],
            {
              virtual_clusters: [virtualCluster("/v/.*")],
            },
          ),
        ]),
      ]),
    ],
    [
      ...STANDARD_CLUSTERS,
      breaker("no-requests", { max_requests: 0 }),
      breaker("no-pending", { max_pending_requests: 0 }),
      cluster(
        "short-streams",
        ["@upstream:up1@"],
        protocolOptions({ max_stream_duration: "0.15s" }),
      ),
      cluster(
        "one-request",
        ["@upstream:up1@"],
        protocolOptions({ max_requests_per_connection: 1 }),
      ),
    ],
    { layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } },
  ),
  cases: [...failureCases, ...timeoutCases, ...routerCases],
};
