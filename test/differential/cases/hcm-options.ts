// Connection manager options: server header, via, limits, underscores, timeouts, connection life.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  anyHost,
  bootstrap,
  hcm,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
} from "../bootstrap.ts";
import {
  adminPost,
  answers,
  client,
  closed,
  connectTo,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  finish,
  get,
  head,
  header,
  request,
  reset,
  response,
  responseToHead,
  saw,
  send,
} from "../case.ts";

const on = (name: string, fields: Message): Message => listener(name, [hcm(fields)]);

const theirs = answers(reply(200, "x", ["server: theirs", "via: 1.1 them", "date: yesterday"]));

const repeat = (count: number, line: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => line(i));

const headerCases: readonly DifferentialCase[] = [
  exchange("overwrites the server header", "server", get("/"), theirs),
  exchange("overwrites the server header of a local reply", "server-route", get("/none")),
  exchange("appends the server header if absent, present", "server-absent", get("/"), theirs),
  exchange("appends the server header if absent, absent", "server-absent", get("/")),
  exchange("passes the server header through", "server-pass", get("/"), theirs),
  exchange("passes an absent server header through", "server-pass", get("/")),
  exchange("passes the server header of a local reply through", "server-pass", get("/none")),
  exchange("appends via to request and response", "via", get("/", "via: 1.0 before"), theirs),
  exchange("adds via", "via", get("/")),
  exchange("adds a proxy-status header to a local reply", "proxy-status", get("/none")),
  exchange("forwards exactly 100 headers", "main", get("/", ...repeat(99, (i) => `h${i}: v`))),
  exchange("answers 431 to 101 headers", "main", get("/", ...repeat(100, (i) => `h${i}: v`)), {
    facts: { "log.0.details": '"http1.too_many_headers"' },
  }),
  exchange(
    "allows more headers when told so",
    "headers-many",
    get("/", ...repeat(150, (i) => `h${i}: v`)),
  ),
  exchange("answers 431 to headers over 60 KiB", "main", get("/", `big: ${"x".repeat(61 * 1024)}`)),
  exchange("forwards headers just below 60 KiB", "main", get("/", `big: ${"x".repeat(59 * 1024)}`)),
  exchange("answers 431 to a small limit", "headers-small", get("/", `big: ${"x".repeat(1100)}`)),
  exchange("answers 431 to a long path", "headers-small", get(`/${"x".repeat(1100)}`)),
  exchange("forwards underscores in names", "main", get("/", "a_b: c")),
  exchange("rejects underscores in names", "underscore-reject", get("/", "a_b: c"), {
    facts: { "log.0.details": '"http1.unexpected_underscore"' },
  }),
  exchange("drops names with underscores", "underscore-drop", get("/", "a_b: c", "d: e")),
  exchange(
    "keeps the case of response headers lower",
    "main",
    get("/"),
    answers(reply(200, "", ["X-UPPER: V"])),
  ),
  exchange(
    "writes proper case words",
    "proper-case",
    get("/", "x-lower-case: V"),
    answers(reply(200, "", ["x-lower: V"])),
  ),
  exchange(
    "preserves the case of headers",
    "preserve-case",
    get("/", "X-mIxEd: V", "host: x"),
    answers(reply(200, "", ["x-OWN-case: V"])),
  ),
  exchange(
    "drops hop-by-hop request headers",
    "main",
    get(
      "/",
      "connection: x-drop, keep-alive",
      "x-drop: 1",
      "keep-alive: 5",
      "proxy-connection: keep-alive",
      "te: gzip, trailers",
    ),
  ),
  exchange("keeps te: trailers", "main", get("/", "te: trailers", "connection: te")),
  exchange("removes te without trailers", "main", get("/", "te: gzip")),
  exchange(
    "removes upgrade when nobody allows it",
    "main",
    get(
      "/",
      "upgrade: h2c",
      "connection: upgrade, http2-settings",
      "http2-settings: AAMAAABkAAQAAP__",
    ),
  ),
  exchange(
    "drops hop-by-hop response headers",
    "main",
    get("/"),
    answers(
      reply(200, "x", [
        "connection: x-drop",
        "x-drop: 1",
        "keep-alive: 5",
        "proxy-connection: x",
        "upgrade: y",
        "te: z",
      ]),
    ),
  ),
  exchange(
    "a 200 with date keeps the date",
    "main",
    get("/"),
    answers(reply(200, "x", ["date: Sun, 06 Nov 1994 08:49:37 GMT"])),
  ),
  exchange("early header mutation", "early", get("/", "remove-me: 1")),
];

const expect = "expect: 100-continue";

const continueCases: readonly DifferentialCase[] = [
  {
    name: "answers Expect itself",
    on: "main",
    steps: [
      send(head("POST / HTTP/1.1", "host: a", expect, "content-length: 4")),
      response,
      send("body"),
      response,
    ],
    facts: { "client.0.response.0.start": "HTTP/1.1 100 Continue" },
  },
  {
    name: "answers Expect in any case",
    on: "main",
    steps: [
      send(head("POST / HTTP/1.1", "host: a", "expect: 100-Continue", "content-length: 4")),
      response,
      send("body"),
      response,
    ],
  },
  {
    name: "proxies 100-continue when told so",
    on: "continue",
    steps: [
      send(head("POST / HTTP/1.1", "host: a", expect, "content-length: 4")),
      response,
      send("body"),
      response,
    ],
    upstreams: {
      up1: {
        replies: [
          {
            send: [
              "HTTP/1.1 100 Continue\r\n\r\n",
              "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            ],
            when: "head",
            pieceMs: 60,
          },
        ],
      },
    },
  },
  exchange(
    "forwards an unknown expectation",
    "main",
    request("POST", "/", ["expect: something"], "body"),
  ),
  {
    name: "a 100 nobody asked for is not forwarded without proxy_100_continue",
    on: "main",
    steps: [send(get("/")), response],
    ...answers({
      send: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    }),
  },
  ...["102 Processing", "103 Early Hints", "104 Upload Resumption"].flatMap((status) => {
    const upstream = answers({
      send: `HTTP/1.1 ${status}\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n`,
    });
    return [
      {
        name: `swallows ${status}`,
        on: "main",
        steps: [send(get("/")), response],
        note: "interim answers are forwarded only with proxy_100_continue",
        ...upstream,
      },
      {
        name: `forwards ${status} with proxy_100_continue`,
        on: "continue",
        steps: [send(get("/")), response, response],
        ...upstream,
      },
    ];
  }),
];

const timeoutCases: readonly DifferentialCase[] = [
  {
    name: "closes an idle connection",
    on: "idle",
    steps: [send(get("/")), response, closed],
  },
  {
    name: "closes a connection that never sends",
    on: "idle",
    steps: [closed],
    logs: 0,
  },
  {
    name: "times out the request headers",
    on: "headers-timeout",
    steps: [send("GET / HTTP/1.1\r\nhost: a\r\n"), response],
    facts: { "log.0.details": '"request_header_timeout"' },
  },
  {
    name: "times out the request body",
    on: "request-timeout",
    steps: [send(head("POST / HTTP/1.1", "host: a", "content-length: 9")), response],
    facts: { "log.0.details": '"request_overall_timeout"' },
  },
  {
    name: "request_timeout does not count the answer",
    on: "request-timeout",
    steps: [send(get("/")), response],
    ...answers({ ...reply(200, "late"), delayMs: 300 }),
  },
  {
    name: "times out an idle stream before the answer",
    on: "stream-idle",
    steps: [send(get("/")), response],
    ...answers({ ...reply(200), delayMs: 900 }),
    facts: { "log.0.details": '"stream_idle_timeout"', "log.0.flags": '"SI"' },
  },
  {
    name: "times out an idle stream inside the request",
    on: "stream-idle",
    steps: [send(`${head("POST / HTTP/1.1", "host: a", "content-length: 9")}abc`), response],
  },
  {
    name: "cuts an idle stream inside the response",
    on: "stream-idle",
    steps: [send(get("/")), response, closed],
    ...answers({ send: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc" }),
  },
  {
    name: "a route's idle timeout replaces the stream's",
    on: "stream-idle",
    steps: [send(get("/patient")), response],
    ...answers({ ...reply(200), delayMs: 400 }),
  },
  {
    name: "limits the duration of a stream",
    on: "max-duration",
    steps: [send(get("/")), response],
    ...answers({ ...reply(200), delayMs: 900 }),
    facts: { "log.0.details": '"max_duration_timeout"' },
  },
  {
    name: "limits the duration of a connection",
    on: "connection-duration",
    steps: [send(get("/")), response, closed],
  },
  {
    name: "finishes the stream when the duration of its connection is over",
    on: "connection-duration",
    steps: [send(get("/")), response, closed],
    ...answers({ ...reply(200), delayMs: 300 }),
  },
];

const lifeCases: readonly DifferentialCase[] = [
  {
    name: "serves many requests on a connection",
    on: "main",
    steps: [1, 2, 3].flatMap((i) => [send(get(`/${i}`)), response]),
    logs: 3,
  },
  {
    name: "closes after max_requests_per_connection",
    on: "two-requests",
    steps: [send(get("/1")), response, send(get("/2")), response, closed],
    logs: 2,
    facts: { "client.0.end": "closed" },
  },
  exchange("closes when the client says close", "main", get("/", "connection: close"), {
    facts: {
      "client.0.end": "closed",
      "client.0.response.0.headers": header("connection", "close"),
    },
  }),
  exchange("closes when the client says Close", "main", get("/", "connection: Close")),
  exchange("closes for proxy-connection: close", "main", get("/", "proxy-connection: close")),
  exchange(
    "stays open when the upstream closes",
    "main",
    get("/"),
    answers(reply(200, "x", ["connection: close"])),
  ),
  {
    name: "announces close after healthcheck/fail",
    on: "main",
    steps: [
      adminPost("/healthcheck/fail"),
      send(get("/")),
      response,
      adminPost("/healthcheck/ok"),
      closed,
    ],
    facts: { "client.0.response.0.headers": header("connection", "close") },
  },
  {
    name: "answers pipelined requests in order",
    on: "main",
    steps: [send(get("/1") + get("/2") + get("/3")), response, response, response],
    logs: 3,
    upstreams: {
      up1: {
        replies: [{ ...reply(200, "one"), delayMs: 40 }, reply(200, "two"), reply(200, "three")],
      },
    },
  },
  {
    name: "logs a client that leaves before the answer",
    on: "main",
    steps: [send(get("/")), saw("up1", "\r\n\r\n"), reset],
    ...answers({ ...reply(200), delayMs: 600 }),
    facts: { "log.0.flags": '"DC"', "log.0.details": '"downstream_remote_disconnect"' },
  },
  {
    name: "a client that leaves with a second request waiting",
    on: "main",
    steps: [send(get("/1") + get("/2")), saw("up1", "\r\n\r\n"), finish, closed],
    ...answers({ ...reply(200), delayMs: 1_200 }),
  },
  {
    name: "a client that half-closes while the upstream thinks",
    on: "main",
    steps: [send(get("/")), saw("up1", "\r\n\r\n"), finish, response, closed],
    ...answers({ ...reply(200, "late"), delayMs: 120 }),
  },
  {
    name: "a client that closes inside its body",
    on: "main",
    steps: [
      send(`${head("POST / HTTP/1.1", "host: a", "content-length: 9")}abc`),
      saw("up1", "abc"),
      finish,
      closed,
    ],
  },
  {
    name: "a client that closes inside its head",
    on: "main",
    steps: [send("GET / HTTP/1.1\r\nhost"), finish, closed],
  },
  {
    name: "two connections do not disturb each other",
    on: "main",
    steps: [
      send(get("/1")),
      saw("up1", "/1"),
      connectTo(null),
      send(get("/2")),
      response,
      client(0),
      response,
    ],
    logs: 2,
    upstreams: { up1: { replies: [{ ...reply(200, "slow"), delayMs: 100 }, reply(200, "quick")] } },
  },
  {
    name: "HEAD gets no body",
    on: "main",
    steps: [send(request("HEAD", "/", [], null)), responseToHead, send(get("/")), response],
    logs: 2,
    upstreams: {
      up1: {
        replies: [{ send: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" }, reply(200, "next")],
      },
    },
  },
];

const serverRoute = {
  route_config: { name: "r", virtual_hosts: [anyHost([routeTo({ path: "/" })])] },
};

const caseFormat = (format: string): Message => ({
  http_protocol_options: {
    header_key_format:
      format === "proper"
        ? { proper_case_words: {} }
        : {
            stateful_formatter: {
              name: "envoy.http.stateful_header_formatters.preserve_case",
              typed_config: {
                "@type":
                  "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
              },
            },
          },
  },
});

const common = (fields: Message): Message => ({ common_http_protocol_options: fields });

export const hcmOptions: DifferentialGroup = {
  name: "hcm-options",
  bootstrap: bootstrap([
    on("main", {}),
    on("server", { server_name: "mine" }),
    on("server-route", { server_name: "mine", ...serverRoute }),
    on("server-absent", { server_name: "mine", server_header_transformation: "APPEND_IF_ABSENT" }),
    on("server-pass", { server_header_transformation: "PASS_THROUGH", ...serverRoute }),
    on("via", { via: "outer" }),
    on("proxy-status", { proxy_status_config: { literal_proxy_name: "me" }, ...serverRoute }),
    on("headers-many", common({ max_headers_count: 200 })),
    on("headers-small", { max_request_headers_kb: 1 }),
    on("underscore-reject", common({ headers_with_underscores_action: "REJECT_REQUEST" })),
    on("underscore-drop", common({ headers_with_underscores_action: "DROP_HEADER" })),
    on("proper-case", caseFormat("proper")),
    on("preserve-case", caseFormat("preserve")),
    on("early", {
      early_header_mutation_extensions: [
        {
          name: "early",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations: [
              { remove: "remove-me" },
              { append: { header: { key: "early", value: "%REQ(:METHOD)%" } } },
            ],
          },
        },
      ],
    }),
    on("continue", { proxy_100_continue: true }),
    on("idle", common({ idle_timeout: "0.15s" })),
    on("headers-timeout", { request_headers_timeout: "0.15s" }),
    on("request-timeout", { request_timeout: "0.15s" }),
    listener("stream-idle", [
      hcmWithHosts(
        [
          anyHost([
            routeTo({ path: "/patient" }, "up1", { idle_timeout: "5s" }),
            routeTo({ prefix: "/" }),
          ]),
        ],
        { stream_idle_timeout: "0.2s" },
      ),
    ]),
    on("max-duration", common({ max_stream_duration: "0.2s" })),
    on("connection-duration", common({ max_connection_duration: "0.15s" })),
    on("two-requests", common({ max_requests_per_connection: 2 })),
  ]),
  cases: [...headerCases, ...continueCases, ...timeoutCases, ...lifeCases],
};
