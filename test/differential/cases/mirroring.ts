// Copies of requests (envoy-semantics 3.10): who gets them, what they look like, and that nothing
// that happens to them reaches the client.
import { reply, type UpstreamScript } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
  STANDARD_CLUSTERS,
} from "../bootstrap.ts";
import {
  adminPost,
  type DifferentialCase,
  type DifferentialGroup,
  get,
  head,
  header,
  request,
  reset,
  response,
  saw,
  send,
  stat,
} from "../case.ts";

type CaseOptions = Partial<DifferentialCase>;

const mirror = (...policies: readonly Message[]): Message => ({
  request_mirror_policies: policies,
});
const to = (prefix: string, policy: Message, action: Message = {}, route: Message = {}): Message =>
  routeTo({ prefix }, "up1", { ...mirror(policy), ...action }, route);
const up2 = (fields: Message = {}): Message => ({ cluster: "up2", ...fields });

const routes: readonly Message[] = [
  to("/plain-host", up2({ disable_shadow_host_suffix_append: true })),
  to("/host-literal", up2({ host_rewrite_literal: "copy.example:81" })),
  to(
    "/mutations",
    up2({
      request_headers_mutations: [
        { append: { header: { key: "x-copy", value: "%REQ(x-user)%/%PROTOCOL%" } } },
        { remove: "x-secret" },
      ],
    }),
  ),
  routeTo({ prefix: "/two" }, "up1", mirror(up2(), { cluster: "up3" })),
  to("/by-header", { cluster_header: "x-mirror" }),
  to("/never", up2({ runtime_fraction: { default_value: { numerator: 0 } } })),
  to(
    "/runtime",
    up2({ runtime_fraction: { default_value: { numerator: 0 }, runtime_key: "mirror.share" } }),
  ),
  to("/refused", { cluster: "refused" }),
  to("/empty", { cluster: "empty" }),
  to("/busy", { cluster: "busy" }),
  to("/fast", up2(), { timeout: "2s" }),
  to("/rewritten", up2(), {
    prefix_rewrite: "/new",
    host_rewrite_literal: "inside.example",
  }),
  to("/auto", up2(), { auto_host_rewrite: true }),
  to(
    "/added",
    up2(),
    {},
    {
      request_headers_to_add: [{ header: { key: "x-added", value: "1" } }],
      request_headers_to_remove: ["x-gone"],
    },
  ),
  to("/retried", up2(), {}, {}),
  { match: { prefix: "/direct" }, direct_response: { status: 200 } },
  routeTo({ prefix: "/no-host" }, "empty", mirror(up2())),
  routeTo({ prefix: "/no-cluster" }, "up1", { ...mirror(up2()), cluster: "nowhere" }),
  to("/counted", up2(), {}, { stat_prefix: "mirrored" }),
  to("/", up2()),
];

const levels = listener("levels", [
  hcmWithHosts(
    [
      anyHost([to("/route", up2()), routeTo({ prefix: "/" })], {
        domains: ["host.example"],
        name: "host",
        ...mirror({ cluster: "up3" }),
      }),
      anyHost([routeTo({ prefix: "/" })]),
    ],
    {},
    mirror({ cluster: "trail2" }),
  ),
]);

const trailers = listener("trailers", [
  hcmWithHosts([anyHost([routeTo({ prefix: "/" }, "trail1", mirror({ cluster: "trail2" }))])], {
    http_protocol_options: { enable_trailers: true },
  }),
]);

const small = listener(
  "small",
  [hcmWithHosts([anyHost([routeTo({ prefix: "/" }, "up1", mirror(up2()))])])],
  { per_connection_buffer_limit_bytes: 1024 },
);

const withTrailers = (name: string, upstream: string): Message =>
  cluster(name, [`@upstream:${upstream}@`], {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        { explicit_http_config: { http_protocol_options: { enable_trailers: true } } },
      ),
    },
  });

const CLUSTERS = [
  ...STANDARD_CLUSTERS,
  withTrailers("trail1", "up1"),
  withTrailers("trail2", "up2"),
  cluster("busy", ["@upstream:up2@"], {
    circuit_breakers: { thresholds: [{ max_requests: 0, max_pending_requests: 0 }] },
  }),
];

const OK = { replies: [reply(200, "primary")] };
const COPY = { replies: [reply(200, "copy")] };
const BOTH = { upstreams: { up1: OK, up2: COPY, up3: COPY } };

/** One request whose copy arrives at `upstream`, with its answer. */
function mirrored(
  name: string,
  text: string,
  options: CaseOptions = {},
  on = "main",
  upstreams: readonly string[] = ["up2"],
): DifferentialCase {
  const [start = ""] = text.split(" HTTP/1.1");
  const path = start.split(" ")[1] ?? "/";
  const seen = upstreams.map((upstream) => saw(upstream, path.startsWith("/rew") ? "/new" : path));
  return { name, on, steps: [send(text), response, ...seen], ...BOTH, ...options };
}

/** One request without a copy. */
function alone(
  name: string,
  text: string,
  on = "main",
  options: CaseOptions = {},
): DifferentialCase {
  return { name, on, steps: [send(text), response], ...BOTH, ...options };
}

const seen = (pattern: RegExp): CaseOptions => ({ facts: { "upstream.up2.0.headers": pattern } });

const heads: readonly DifferentialCase[] = [
  mirrored("sends a copy", get("/copy"), {
    facts: {
      "client.0.response.0.body": "primary",
      "upstream.up2.0.headers": header("host", "a.example-shadow"),
    },
  }),
  mirrored("puts the suffix before a port", get("/port", "host: a.example:8080"), {
    ...seen(header("host", "a.example-shadow:8080")),
  }),
  mirrored("an IPv6 host", get("/v6", "host: [::1]")),
  mirrored("an IPv6 host with a port", get("/v6", "host: [::1]:8080")),
  mirrored("leaves the host alone when told so", get("/plain-host"), {
    ...seen(header("host", "a.example")),
  }),
  mirrored("gives the copy a host of its own", get("/host-literal"), {
    ...seen(header("host", "copy.example:81")),
  }),
  mirrored("changes headers of the copy", get("/mutations", "x-user: u", "x-secret: s")),
  mirrored("sends the copy as the route rewrote it", get("/rewritten")),
  mirrored("a host taken from the upstream", get("/auto")),
  mirrored("headers of the route", get("/added", "x-gone: 1")),
  mirrored("internal requests", get("/copy", "x-forwarded-for: 10.0.0.1, 10.0.0.2")),
  mirrored(
    "control headers",
    get("/copy", "x-envoy-upstream-rq-timeout-ms: 900", "x-envoy-upstream-alt-stat-name: alt"),
  ),
  mirrored("HEAD", request("HEAD", "/copy", [], null), {
    steps: [
      send(request("HEAD", "/copy", [], null)),
      { do: "response", toHead: true },
      saw("up2", "HEAD"),
    ],
  }),
  mirrored("gRPC", request("POST", "/copy", ["content-type: application/grpc"], "x")),
  mirrored("a route with a stat prefix", get("/counted")),
];

const bodies: readonly DifferentialCase[] = [
  mirrored("copies a body", request("POST", "/copy", [], "hello"), {
    steps: [send(request("POST", "/copy", [], "hello")), response, saw("up2", "hello")],
    facts: { "upstream.up2.0.body": "hello" },
  }),
  {
    name: "copies chunks",
    on: "main",
    ...BOTH,
    steps: [
      send(head("POST /copy HTTP/1.1", "host: a.example", "transfer-encoding: chunked")),
      send("5\r\nhello\r\n"),
      saw("up2", "hello"),
      send("5\r\nworld\r\n0\r\n\r\n"),
      response,
      saw("up2", "world"),
    ],
  },
  {
    name: "copies trailers",
    on: "trailers",
    ...BOTH,
    steps: [
      send(head("POST /copy HTTP/1.1", "host: a.example", "transfer-encoding: chunked")),
      send("5\r\nhello\r\n0\r\nx-end: 1\r\n\r\n"),
      response,
      saw("up2", "x-end: 1"),
    ],
  },
  mirrored("copies a large body", request("POST", "/copy", [], "0123456789abcdef".repeat(8192)), {
    steps: [
      send(request("POST", "/copy", [], `${"0123456789abcdef".repeat(8191)}the-very-last-16`)),
      response,
      saw("up2", "the-very-last-16"),
    ],
  }),
];

const choices: readonly DifferentialCase[] = [
  mirrored("sends two copies", get("/two"), {}, "main", ["up2", "up3"]),
  mirrored("a header names the cluster", get("/by-header", "x-mirror: up3"), {}, "main", ["up3"]),
  alone("a header that is missing", get("/by-header")),
  alone("a header that is empty", get("/by-header", "x-mirror: ")),
  alone("a header that names no cluster", get("/by-header", "x-mirror: nowhere")),
  alone("copies none of no requests", get("/never")),
  {
    name: "runtime says how many",
    on: "main",
    ...BOTH,
    logs: 2,
    steps: [
      send(get("/runtime/a")),
      response,
      adminPost("/runtime_modify?mirror.share=100"),
      send(get("/runtime/b")),
      response,
      saw("up2", "/runtime/b"),
      adminPost("/runtime_modify?mirror.share="),
    ],
  },
  mirrored("a route overrides its host", get("/route", "host: host.example"), {}, "levels"),
  mirrored("a virtual host overrides the table", get("/x", "host: host.example"), {}, "levels", [
    "up3",
  ]),
  mirrored("a route table copies", get("/x", "host: other"), {}, "levels"),
  alone("copies no direct response", get("/direct")),
  alone("copies nothing without a host", get("/no-host")),
];

const silent: UpstreamScript = { replies: [{ send: "" }] };
const against = (up: UpstreamScript): CaseOptions => ({ upstreams: { up1: OK, up2: up } });

const failures: readonly DifferentialCase[] = [
  alone("a copy that is refused", get("/refused"), "main"),
  alone("a copy without a host", get("/empty")),
  alone("a copy over a circuit breaker", get("/busy")),
  mirrored(
    "a copy that is answered with an error",
    get("/copy"),
    against({ replies: [reply(503)] }),
  ),
  mirrored(
    "a copy that is reset",
    get("/copy"),
    against({ replies: [{ send: "", after: "reset" }] }),
  ),
  mirrored(
    "a copy that is answered halfway",
    get("/copy"),
    against({
      replies: [{ send: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", after: "close" }],
    }),
  ),
  mirrored(
    "a copy with a broken answer",
    get("/copy"),
    against({ replies: [{ send: "nonsense\r\n\r\n", after: "close" }] }),
  ),
  {
    name: "a copy that is never answered times out",
    on: "main",
    ...against(silent),
    steps: [send(get("/fast")), response, stat("cluster.up2.upstream_rq_timeout", 1)],
  },
  {
    name: "a client that leaves in the middle of its request takes the copy along",
    on: "main",
    ...against(silent),
    steps: [
      send(head("POST /copy HTTP/1.1", "host: a.example", "content-length: 9")),
      send("abc"),
      saw("up2", "abc"),
      saw("up1", "abc"),
      reset,
    ],
  },
  {
    name: "a client that leaves after its request leaves the copy",
    on: "main",
    upstreams: { up1: silent, up2: { replies: [{ ...reply(200, "copy"), delayMs: 100 }] } },
    steps: [send(get("/copy")), saw("up1", "/copy"), saw("up2", "/copy"), reset],
  },
  {
    name: "an answer before the end of the request takes the copy along",
    on: "main",
    upstreams: {
      up1: { replies: [{ ...reply(413, "no"), when: "head" }] },
      up2: silent,
    },
    steps: [send(head("POST /copy HTTP/1.1", "host: a.example", "content-length: 9")), response],
  },
];

const others: readonly DifferentialCase[] = [
  mirrored(
    "a small buffer",
    request("POST", "/copy", [], "0123456789abcdef".repeat(40)),
    {
      on: "small",
    } as CaseOptions,
    "small",
  ),
];

export const mirroring: DifferentialGroup = {
  name: "mirroring",
  bootstrap: bootstrap(
    [
      listener("main", [hcmWithHosts([anyHost(routes)], {}, { validate_clusters: false })]),
      levels,
      trailers,
      small,
    ],
    CLUSTERS,
    { layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } },
  ),
  cases: [...heads, ...bodies, ...choices, ...failures, ...others],
};
