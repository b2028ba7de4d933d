// Retries: what calls for another attempt, what it looks like upstream, and what limits it.
import { reply, type UpstreamReply } from "../../kit/scripted-upstream.ts";
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
  socketAddress,
} from "../bootstrap.ts";
import {
  type CaseOptions,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  type Facts,
  get,
  request,
  reset,
  response,
  saw,
  send,
  stat,
} from "../case.ts";

/** Never over within a case. */
const LONG_WAIT: Message = { retry_back_off: { base_interval: "300s" } };

const previousPriorities: Message = {
  name: "envoy.retry_priorities.previous_priorities",
  typed_config: any(
    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
    {
      update_frequency: 1,
    },
  ),
};

const previousHosts: Message = {
  name: "envoy.retry_host_predicates.previous_hosts",
  typed_config: any("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
};

const resets = (format: string): Message => ({
  rate_limited_retry_back_off: {
    reset_headers: [{ name: "retry-after", format }],
    max_interval: "3s",
  },
});

/** Policies by path. The time-out is off, so that no header tells how much of it is left. */
const POLICIES: Readonly<Record<string, Message>> = {
  "5xx": { retry_on: "5xx" },
  gateway: { retry_on: "gateway-error" },
  "4xx": { retry_on: "retriable-4xx" },
  codes: { retry_on: "retriable-status-codes", retriable_status_codes: [418, 425] },
  headers: {
    retry_on: "retriable-headers",
    retriable_headers: [{ name: "x-again", string_match: { exact: "yes" } }],
  },
  ratelimited: { retry_on: "envoy-ratelimited" },
  reset: { retry_on: "reset" },
  "before-request": { retry_on: "reset-before-request" },
  connect: { retry_on: "connect-failure" },
  refused: { retry_on: "refused-stream" },
  http3: { retry_on: "http3-post-connect-failure" },
  cancelled: { retry_on: "cancelled" },
  deadline: { retry_on: "deadline-exceeded" },
  internal: { retry_on: "internal" },
  exhausted: { retry_on: "resource-exhausted" },
  unavailable: { retry_on: "unavailable" },
  unknown: { retry_on: "nonsense, 5xx ,more" },
  none: { num_retries: 3 },
  never: { retry_on: "5xx", num_retries: 0 },
  three: { retry_on: "5xx", num_retries: 3 },
  safe: { retry_on: "5xx", retriable_request_headers: [{ name: "x-safe" }] },
  seconds: { retry_on: "5xx", ...resets("SECONDS") },
  stamp: { retry_on: "5xx", ...resets("UNIX_TIMESTAMP") },
  "per-try": { retry_on: "5xx", per_try_timeout: "0.25s" },
  "per-try-reset": { retry_on: "reset", per_try_timeout: "0.25s" },
  "per-try-connect": { retry_on: "connect-failure", per_try_timeout: "0.25s" },
  "per-try-alone": { per_try_timeout: "0.25s" },
  "per-try-idle": { retry_on: "5xx", per_try_idle_timeout: "0.25s" },
  waits: { retry_on: "5xx", ...LONG_WAIT },
  same: {
    retry_on: "5xx",
    retry_host_predicate: [previousHosts],
    host_selection_retry_max_attempts: 4,
  },
};

const policyRoute = (path: string, policy: Message, name = "up1", action: Message = {}): Message =>
  routeTo({ prefix: path }, name, { timeout: "0s", retry_policy: policy, ...action });

const routes: readonly Message[] = [
  ...Object.entries(POLICIES).map(([name, policy]) => policyRoute(`/${name}/`, policy)),
  policyRoute("/dead", { retry_on: "connect-failure", num_retries: 2 }, "refused"),
  policyRoute("/no-connect-retry", { retry_on: "5xx" }, "refused"),
  policyRoute("/overflow", { retry_on: "5xx" }, "no-retries"),
  policyRoute("/budget", { retry_on: "5xx" }, "no-budget"),
  policyRoute("/small-budget", { retry_on: "5xx" }, "small-budget"),
  policyRoute("/full", { retry_on: "5xx" }, "no-pending"),
  policyRoute(
    "/priorities",
    { retry_on: "connect-failure", retry_priority: previousPriorities },
    "two",
  ),
  policyRoute("/duration", { retry_on: "5xx" }, "short-streams"),
  policyRoute("/left", { retry_on: "5xx", ...LONG_WAIT }, "left"),
  policyRoute("/grows", { retry_on: "5xx", ...LONG_WAIT }, "filled", {}),
  policyRoute("/timed", { retry_on: "5xx", ...LONG_WAIT }, "up1", { timeout: "0.3s" }),
  policyRoute("/expected", { retry_on: "5xx", per_try_timeout: "5s" }, "up1", { timeout: "15s" }),
  policyRoute("/beyond", { retry_on: "5xx", per_try_timeout: "20s" }, "up1", {
    timeout: "15s",
  }),
  policyRoute("/one-cluster", { retry_on: "5xx" }, "empty"),
  { ...policyRoute("/limited", { retry_on: "5xx" }), per_request_buffer_limit_bytes: 8 },
  { ...policyRoute("/unlimited", { retry_on: "5xx" }), per_request_buffer_limit_bytes: 100000 },
  { ...policyRoute("/no-body", { retry_on: "5xx" }), per_request_buffer_limit_bytes: 0 },
  policyRoute("/stat-prefix", { retry_on: "5xx" }),
  routeTo({ prefix: "/" }, "up1", { timeout: "0s" }),
];

const OK = reply(200, "second");
const SILENT: UpstreamReply = {};
const STATUS = "client.0.response.0.start";
const line = (status: number): RegExp => new RegExp(`^HTTP/1\\.1 ${status} `);

const plays = (
  replies: readonly UpstreamReply[],
  facts: Facts,
  more: CaseOptions = {},
): CaseOptions => ({
  upstreams: { up1: { replies } },
  facts,
  ...more,
});

const outcomeIs = (status: number, flags: string, attempts: number): Facts => ({
  [STATUS]: line(status),
  "log.0.flags": JSON.stringify(flags),
  "log.0.attempts": String(attempts),
});

/** The first answer, and whether another attempt follows it. */
function judged(
  policy: string,
  what: string,
  first: UpstreamReply,
  retried: boolean,
): DifferentialCase {
  const facts = retried ? outcomeIs(200, "-", 2) : { "log.0.attempts": "1" };
  const name = `${policy}: ${what} is ${retried ? "" : "not "}tried again`;
  return exchange(name, "main", get(`/${policy}/`), plays([first, OK], facts));
}

const grpc = (status: number): UpstreamReply =>
  reply(200, "", ["content-type: application/grpc", `grpc-status: ${status}`]);

const responses: readonly DifferentialCase[] = [
  judged("5xx", "500", reply(500), true),
  judged("5xx", "599", reply(599), true),
  judged("5xx", "404", reply(404), false),
  judged("5xx", "a rate-limited 503", reply(503, "", ["x-envoy-ratelimited: true"]), false),
  judged("5xx", "an overloaded 503", reply(503, "", ["x-envoy-overloaded: true"]), true),
  judged("gateway", "502", reply(502), true),
  judged("gateway", "504", reply(504), true),
  judged("gateway", "500", reply(500), false),
  judged("4xx", "409", reply(409), true),
  judged("4xx", "404", reply(404), false),
  judged("codes", "418", reply(418), true),
  judged("codes", "425", reply(425), true),
  judged("codes", "503", reply(503), false),
  judged("headers", "a header with the value", reply(200, "", ["x-again: yes"]), true),
  judged("headers", "a header with another value", reply(500, "", ["x-again: no"]), false),
  judged("ratelimited", "a rate-limited 429", reply(429, "", ["x-envoy-ratelimited: true"]), true),
  judged("ratelimited", "429", reply(429), false),
  judged("reset", "500", reply(500), false),
  judged("cancelled", "grpc-status 1", grpc(1), true),
  judged("deadline", "grpc-status 4", grpc(4), true),
  judged("exhausted", "grpc-status 8", grpc(8), true),
  judged("internal", "grpc-status 13", grpc(13), true),
  judged("unavailable", "grpc-status 14", grpc(14), true),
  judged("unavailable", "grpc-status 13", grpc(13), false),
  judged("unknown", "500 beside unknown words", reply(500), true),
  judged("none", "500 without retry_on", reply(500), false),
  exchange("3 retries: the fourth answer", "main", get("/three/"), {
    ...plays([reply(500), reply(501), reply(502), OK], outcomeIs(200, "-", 4)),
  }),
  exchange(
    "two 503s with one retry: the second goes to the client, with URX",
    "main",
    get("/5xx/"),
    plays([reply(503, "one"), reply(503, "two")], {
      ...outcomeIs(503, "URX", 2),
      "client.0.response.0.body": "two",
      "log.0.details": '"via_upstream"',
    }),
  ),
  exchange(
    "num_retries 0 is a limit that is exceeded",
    "main",
    get("/never/"),
    plays([reply(503)], outcomeIs(503, "URX", 1)),
  ),
  exchange(
    "an answer with a body to come is cut off",
    "main",
    get("/5xx/"),
    plays([{ send: "HTTP/1.1 500 X\r\ncontent-length: 9\r\n\r\nabc" }, OK], outcomeIs(200, "-", 2)),
  ),
  exchange(
    "a retry of a gRPC request whose status is in trailers is none",
    "main",
    request("POST", "/unavailable/", ["content-type: application/grpc"], null),
    plays(
      [
        {
          send:
            "HTTP/1.1 200 X\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n" +
            "1\r\na\r\n0\r\ngrpc-status: 14\r\n\r\n",
        },
      ],
      outcomeIs(200, "-", 1),
    ),
  ),
  exchange("only requests that may: x-safe is absent", "main", get("/safe/"), {
    ...plays([reply(500), OK], outcomeIs(500, "-", 1)),
  }),
  exchange("only requests that may: x-safe is there", "main", get("/safe/", "x-safe: 1"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
];

const closing: UpstreamReply = { send: "", after: "close" };

const failures: readonly DifferentialCase[] = [
  exchange("reset: a closed connection is tried again", "main", get("/reset/"), {
    ...plays([closing, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("5xx: a closed connection is tried again", "main", get("/5xx/"), {
    ...plays([closing, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("gateway-error: a closed connection is tried again", "main", get("/gateway/"), {
    ...plays([closing, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("connect-failure: a closed connection is not", "main", get("/connect/"), {
    ...plays([closing, OK], outcomeIs(503, "UC", 1)),
  }),
  exchange(
    "reset-before-request: a request that was sent is not",
    "main",
    get("/before-request/"),
    {
      ...plays([closing, OK], outcomeIs(503, "UC", 1)),
    },
  ),
  exchange("refused-stream: a closed connection is not", "main", get("/refused/"), {
    ...plays([closing, OK], outcomeIs(503, "UC", 1)),
  }),
  exchange("http3-post-connect-failure: means nothing to HTTP/1", "main", get("/http3/"), {
    ...plays([closing, OK], outcomeIs(503, "UC", 1)),
  }),
  exchange("all attempts are closed: UC and URX", "main", get("/reset/"), {
    ...plays([closing], {
      ...outcomeIs(503, "URX,UC", 2),
      "client.0.response.0.body": /retried and the latest reset reason/,
    }),
  }),
  exchange("garbage is a reset, too", "main", get("/reset/"), {
    ...plays([{ send: "garbage\r\n\r\n" }, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("connect-failure: nobody listens at any attempt", "main", get("/dead"), {
    facts: outcomeIs(503, "URX,UF", 3),
  }),
  exchange("5xx covers connect failures", "main", get("/no-connect-retry"), {
    facts: outcomeIs(503, "URX,UF", 2),
  }),
  exchange("no host is no failure that is tried again", "main", get("/one-cluster"), {
    facts: outcomeIs(503, "UH", 1),
  }),
  exchange("a full queue is not tried again", "main", get("/full"), {
    facts: outcomeIs(503, "UO", 1),
  }),
  exchange("an answer that has begun is not tried again", "main", get("/reset/"), {
    ...plays([{ send: "HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nabc", after: "close" }, OK], {
      "log.0.attempts": "1",
      [STATUS]: line(200),
    }),
  }),
  exchange("an early hint ends the retries", "main", get("/5xx/"), {
    ...plays([{ send: "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n" }, OK], {
      "log.0.attempts": "1",
    }),
  }),
  exchange("an early hint, then the end of the connection", "main", get("/reset/"), {
    ...plays([{ send: "HTTP/1.1 103 X\r\n\r\n", after: "close" }, OK], { "log.0.attempts": "1" }),
  }),
  exchange("another priority, after the first failed", "main", get("/priorities"), {
    facts: outcomeIs(200, "-", 2),
  }),
  exchange("the same host when there is no other", "main", get("/same/"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("a stream that lived too long", "main", get("/duration"), {
    ...plays([SILENT, OK], outcomeIs(200, "-", 2)),
  }),
];

const limits: readonly DifferentialCase[] = [
  exchange("max_retries 0: UO, and the answer as it is", "main", get("/overflow"), {
    ...plays([reply(500, "as it is"), OK], {
      ...outcomeIs(500, "UO", 1),
      "client.0.response.0.body": "as it is",
    }),
  }),
  exchange("max_retries 0: UO beside the flag of a reset", "main", get("/overflow"), {
    ...plays([closing, OK], outcomeIs(503, "UO,UC", 1)),
  }),
  exchange("a budget of nothing", "main", get("/budget"), {
    ...plays([reply(500), OK], outcomeIs(500, "UO", 1)),
  }),
  exchange("a budget whose minimum is enough", "main", get("/small-budget"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
  {
    name: "a client that leaves while the request waits",
    on: "main",
    steps: [send(get("/left")), stat("cluster.left.upstream_rq_retry", 1), reset],
    ...plays([reply(500), OK], { "log.0.flags": '"DC"', "log.0.attempts": "1" }),
  },
  exchange("the route's time-out while the request waits", "main", get("/timed"), {
    ...plays([reply(500), OK], outcomeIs(504, "UT", 1)),
  }),
];

const bodies: readonly DifferentialCase[] = [
  exchange("a body is sent again", "main", request("POST", "/5xx/", [], "some body"), {
    ...plays([reply(500), OK], { ...outcomeIs(200, "-", 2), "upstream.up1.1.body": "some body" }),
  }),
  exchange(
    "a chunked body is sent again",
    "main",
    `${request("POST", "/5xx/", ["transfer-encoding: chunked"], null)}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    plays([reply(500), OK], outcomeIs(200, "-", 2)),
  ),
  {
    name: "a body that is still coming goes on with the second attempt",
    on: "main",
    steps: [
      send(`${request("POST", "/5xx/", ["content-length: 10"], null)}first`),
      saw("up1", "x-envoy-attempt-count: 2"),
      send("-last"),
      response,
    ],
    ...plays(
      [{ send: "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n", when: "head" }, OK],
      outcomeIs(200, "-", 2),
    ),
  },
  exchange(
    "a body over the limit: no retry",
    "main",
    request("POST", "/limited", [], "0123456789"),
    {
      ...plays([reply(500), OK], outcomeIs(500, "-", 1)),
    },
  ),
  exchange("a body at the limit", "main", request("POST", "/limited", [], "01234567"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("a limit of 0 keeps no body", "main", request("POST", "/no-body", [], "a"), {
    ...plays([reply(500), OK], outcomeIs(500, "-", 1)),
  }),
  exchange("a limit of 0 does not matter without body", "main", get("/no-body"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
  exchange(
    "a limit above the connection's",
    "small",
    request("POST", "/unlimited", [], "x".repeat(3000)),
    plays([reply(500), OK], outcomeIs(200, "-", 2)),
  ),
  exchange(
    "the connection's limit counts where there is no other",
    "small",
    request("POST", "/5xx/", [], "x".repeat(3000)),
    plays([reply(500), OK], outcomeIs(500, "-", 1)),
  ),
  {
    name: "a body that grows too large while the request waits: 507",
    on: "small",
    steps: [
      send(`${request("POST", "/grows", ["content-length: 9000"], null)}abc`),
      stat("cluster.filled.upstream_rq_retry", 1),
      send("x".repeat(3997)),
      response,
    ],
    ...plays([{ send: "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n", when: "head" }, OK], {
      [STATUS]: line(507),
      "log.0.details": '"request_payload_exceeded_retry_buffer_limit"',
    }),
  },
];

const times: readonly DifferentialCase[] = [
  exchange("per-try time-out: the next attempt answers", "main", get("/per-try/"), {
    ...plays([SILENT, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("per-try time-out of all attempts", "main", get("/per-try/"), {
    ...plays([SILENT], {
      ...outcomeIs(504, "URX,UT", 2),
      "log.0.details": '"upstream_per_try_timeout"',
    }),
  }),
  exchange("per-try time-out counts as reset", "main", get("/per-try-reset/"), {
    ...plays([SILENT, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("per-try time-out is no connect failure", "main", get("/per-try-connect/"), {
    ...plays([SILENT, OK], outcomeIs(504, "UT", 1)),
  }),
  exchange("per-try time-out without retries", "main", get("/per-try-alone/"), {
    ...plays([SILENT, OK], outcomeIs(504, "UT", 1)),
  }),
  exchange("per-try idle time-out: the next attempt answers", "main", get("/per-try-idle/"), {
    ...plays([SILENT, OK], outcomeIs(200, "-", 2)),
  }),
  exchange("per-try idle time-out of all attempts", "main", get("/per-try-idle/"), {
    ...plays([SILENT], {
      [STATUS]: line(504),
      "log.0.details": '"upstream_per_try_idle_timeout"',
    }),
  }),
  exchange("per-try idle time-out inside the answer", "main", get("/per-try-idle/"), {
    ...plays([{ send: "HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nabc" }], { [STATUS]: line(200) }),
  }),
  exchange(
    "per-try time-out with an alternative answer",
    "internal",
    get("/per-try-alone/", "x-envoy-upstream-rq-timeout-alt-response: 1"),
    plays([SILENT], { [STATUS]: line(204) }),
  ),
  exchange("the expected time is that of one attempt", "main", get("/expected"), {
    ...plays([reply(500), OK], {
      "upstream.up1.0.headers": /^x-envoy-expected-rq-timeout-ms: 5000$/m,
      "upstream.up1.1.headers": /^x-envoy-expected-rq-timeout-ms: 5000$/m,
    }),
  }),
  exchange("a per-try time-out above the time-out is none", "main", get("/beyond"), {
    ...plays([OK], { "upstream.up1.0.headers": /^x-envoy-expected-rq-timeout-ms: 15000$/m }),
  }),
  exchange("the upstream asks for a second", "main", get("/seconds/"), {
    ...plays([reply(503, "", ["retry-after: 1"]), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("the upstream asks for too long", "main", get("/seconds/"), {
    ...plays([reply(503, "", ["retry-after: 10"]), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("the upstream asks for the past", "main", get("/stamp/"), {
    ...plays([reply(503, "", ["retry-after: 1000"]), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("the upstream asks for nonsense", "main", get("/seconds/"), {
    ...plays([reply(503, "", ["retry-after: soon"]), OK], outcomeIs(200, "-", 2)),
  }),
];

/** Control headers of a client that may send them. */
function asked(
  name: string,
  lines: readonly string[],
  first: UpstreamReply,
  attempts: number,
): DifferentialCase {
  return exchange(name, "internal", get("/", ...lines), {
    ...plays([first, OK], { "log.0.attempts": String(attempts) }),
  });
}

const headerForms: readonly DifferentialCase[] = [
  asked("x-envoy-retry-on", ["x-envoy-retry-on: 5xx"], reply(500), 2),
  asked("x-envoy-retry-on takes no gRPC words", ["x-envoy-retry-on: unavailable"], grpc(14), 1),
  asked("x-envoy-retry-grpc-on", ["x-envoy-retry-grpc-on: unavailable"], grpc(14), 2),
  asked("x-envoy-retry-grpc-on takes no others", ["x-envoy-retry-grpc-on: 5xx"], reply(500), 1),
  asked(
    "x-envoy-max-retries 0",
    ["x-envoy-retry-on: 5xx", "x-envoy-max-retries: 0"],
    reply(500),
    1,
  ),
  asked("x-envoy-max-retries alone", ["x-envoy-max-retries: 3"], reply(500), 1),
  asked(
    "x-envoy-max-retries with nonsense",
    ["x-envoy-retry-on: 5xx", "x-envoy-max-retries: many"],
    reply(500),
    2,
  ),
  asked(
    "x-envoy-retriable-status-codes",
    ["x-envoy-retry-on: retriable-status-codes", "x-envoy-retriable-status-codes: 404, 410"],
    reply(410),
    2,
  ),
  asked(
    "x-envoy-retriable-header-names",
    ["x-envoy-retry-on: retriable-headers", "x-envoy-retriable-header-names: X-One, x-two"],
    reply(200, "", ["x-two: 2"]),
    2,
  ),
  exchange("header and policy together", "internal", get("/gateway/", "x-envoy-retry-on: 5xx"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
  exchange(
    "x-envoy-max-retries before the policy",
    "internal",
    get("/three/", "x-envoy-max-retries: 1"),
    plays([reply(500)], outcomeIs(500, "URX", 2)),
  ),
  exchange("clients from outside may not ask", "main", get("/", "x-envoy-retry-on: 5xx"), {
    ...plays([reply(500), OK], outcomeIs(500, "-", 1)),
  }),
  exchange(
    "the header's per-try time-out",
    "internal",
    get("/5xx/", "x-envoy-upstream-rq-per-try-timeout-ms: 250"),
    plays([SILENT, OK], outcomeIs(200, "-", 2)),
  ),
];

const counted: readonly DifferentialCase[] = [
  exchange("a retry of a virtual cluster and a route", "counted", get("/stat/1"), {
    ...plays([reply(500), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("a limit of a virtual cluster and a route", "counted", get("/stat/1"), {
    ...plays([reply(500)], outcomeIs(500, "URX", 2)),
  }),
  exchange("an overflow of a virtual cluster and a route", "counted", get("/overflow/1"), {
    ...plays([reply(500)], outcomeIs(500, "UO", 1)),
  }),
  exchange("a policy of the virtual host", "counted", get("/host"), {
    ...plays([reply(502), OK], outcomeIs(200, "-", 2)),
  }),
  exchange("a policy of the route hides that of the virtual host", "counted", get("/own"), {
    ...plays([reply(502), OK], outcomeIs(502, "-", 1)),
  }),
  exchange("attempts that tell whether a time-out came before", "counted", get("/slow"), {
    ...plays([SILENT, reply(500), OK], outcomeIs(200, "-", 3)),
  }),
  exchange("answers of our own carry the attempt count", "main", get("/per-try/"), {
    ...plays([SILENT], { "client.0.response.0.headers": /^x-envoy-attempt-count: 2$/m }),
  }),
  exchange("one line per attempt in the upstream log", "upstream-log", get("/5xx/"), {
    ...plays([reply(500, "bad"), OK], {}),
    logs: 3,
  }),
  exchange("one line per failed attempt in the upstream log", "upstream-log", get("/reset/"), {
    ...plays([closing], {}),
    logs: 3,
  }),
  exchange("one line per slow attempt in the upstream log", "upstream-log", get("/per-try/"), {
    ...plays([SILENT], {}),
    logs: 3,
  }),
];

const TRUSTING: Message = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};

const HOST: Message = anyHost(routes, {
  include_request_attempt_count: true,
  include_attempt_count_in_response: true,
});

const on = (name: string, fields: Message = {}, more: Message = {}): Message =>
  listener(name, [hcmWithHosts([HOST], fields)], more);

const breaker = (name: string, threshold: Message): Message =>
  cluster(name, ["@upstream:up1@"], { circuit_breakers: { thresholds: [threshold] } });

const COUNTED: Message = anyHost(
  [
    routeTo(
      { prefix: "/stat/" },
      "up1",
      { timeout: "0s", retry_policy: { retry_on: "5xx" } },
      {
        stat_prefix: "stat",
      },
    ),
    routeTo(
      { prefix: "/overflow/" },
      "no-retries",
      { timeout: "0s", retry_policy: { retry_on: "5xx" } },
      { stat_prefix: "over" },
    ),
    routeTo({ prefix: "/own" }, "up1", { timeout: "0s", retry_policy: { retry_on: "reset" } }),
    routeTo({ prefix: "/slow" }, "up1", {
      timeout: "0s",
      retry_policy: { retry_on: "5xx", num_retries: 2, per_try_timeout: "0.3s" },
    }),
    routeTo({ prefix: "/" }, "up1", { timeout: "0s" }),
  ],
  {
    include_is_timeout_retry_header: true,
    retry_policy: { retry_on: "gateway-error" },
    virtual_clusters: [
      { name: "vc", headers: [{ name: ":path", string_match: { suffix: "/1" } }] },
    ],
  },
);

const two: Message = {
  name: "two",
  type: "STATIC",
  connect_timeout: "2s",
  load_assignment: {
    cluster_name: "two",
    endpoints: ["@refused:refused@", "@upstream:up1@"].map((port, priority) => ({
      priority,
      lb_endpoints: [{ endpoint: { address: socketAddress(port) } }],
    })),
  },
};

const logged: Message = {
  ...ROUTER,
  typed_config: any("envoy.extensions.filters.http.router.v3.Router", {
    upstream_log: [jsonLog({ ...LOG_FIELDS, from: "upstream" })],
  }),
};

export const retries: DifferentialGroup = {
  name: "retries",
  bootstrap: bootstrap(
    [
      on("main"),
      on("internal", TRUSTING),
      on("small", {}, { per_connection_buffer_limit_bytes: 2048 }),
      on("upstream-log", { http_filters: [logged] }),
      listener("counted", [hcmWithHosts([COUNTED])]),
    ],
    [
      ...STANDARD_CLUSTERS,
      cluster("left", ["@upstream:up1@"]),
      cluster("filled", ["@upstream:up1@"]),
      breaker("no-retries", { max_retries: 0 }),
      breaker("no-budget", {
        retry_budget: { budget_percent: { value: 0 }, min_retry_concurrency: 0 },
      }),
      breaker("small-budget", {
        retry_budget: { budget_percent: { value: 0 }, min_retry_concurrency: 1 },
      }),
      breaker("no-pending", { max_pending_requests: 0 }),
      two,
      cluster("short-streams", ["@upstream:up1@"], {
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            {
              explicit_http_config: { http_protocol_options: {} },
              common_http_protocol_options: { max_stream_duration: "0.3s" },
            },
          ),
        },
      }),
    ],
  ),
  cases: [...responses, ...failures, ...limits, ...bodies, ...times, ...headerForms, ...counted],
};
