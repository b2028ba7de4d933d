// HTTP filters: header_mutation, cors, csrf, buffer, health_check, set_metadata, set_filter_state, and
// the rules of per-filter configuration.
import { reply } from "../../kit/scripted-upstream.ts";
import { any, anyHost, bootstrap, hcmWithHosts, jsonLog, listener, LOG_FIELDS, type Message, ROUTER, routeTo } from "../bootstrap.ts";
import {
  adminPost,
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  head,
  request,
  response,
  send,
} from "../case.ts";

const filter = (short: string, type: string, fields: Message = {}, more: Message = {}): Message => ({
  name: `envoy.filters.http.${short}`,
  typed_config: any(`envoy.extensions.filters.http.${type}`, fields),
  ...more,
});

const per = (short: string, type: string, fields: Message): Message => ({
  typed_per_filter_config: { [`envoy.filters.http.${short}`]: any(`envoy.extensions.filters.http.${type}`, fields) },
});

const on = (
  name: string,
  filters: readonly Message[],
  routes: readonly Message[] = [routeTo({ prefix: "/" })],
  host: Message = {},
  fields: Message = {},
  config: Message = {},
): Message =>
  listener(name, [hcmWithHosts([anyHost(routes, host)], { http_filters: [...filters, ROUTER], ...fields }, config)]);

const add = (key: string, value: string, append_action = "APPEND_IF_EXISTS_OR_ADD"): Message => ({
  append: { header: { key, value }, append_action },
});

// header_mutation
const mutation = (value: string): Message => ({
  mutations: {
    request_mutations: [add("m", value), { remove: `drop-${value}` }],
    response_mutations: [add("rm", `${value} %RESPONSE_CODE%`)],
    query_parameter_mutations: [{ append: { record: { key: "q", value } } }],
  },
});
const plainMutation = (value: string): Message => ({
  mutations: {
    request_mutations: [add("m", value), { remove: `drop-${value}` }],
    response_mutations: [add("rm", `${value} %RESPONSE_CODE%`)],
  },
});
const perMutation = (value: string): Message => per("header_mutation", "header_mutation.v3.HeaderMutationPerRoute", plainMutation(value));

const mutationCases: readonly DifferentialCase[] = [
  exchange("mutates headers of request and response", "mutation", get("/", "m: 0", "drop-filter: 1")),
  exchange("mutates from least to most specific", "mutation", get("/route", "m: 0")),
  exchange("mutates from most to least specific when told so", "mutation-reversed", get("/route", "m: 0")),
  exchange("mutates query parameters", "mutation-query", get("/x?q=0&a=b")),
  exchange("mutates the response of a local reply", "mutation", get("/direct")),
  ...["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"].map((action) =>
    exchange(`header_mutation ${action}`, `mutation-${action}`, get("/", "h: old")),
  ),
];

const actionListeners = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"].map(
  (action) =>
    on(`mutation-${action}`, [
      filter("header_mutation", "header_mutation.v3.HeaderMutation", {
        mutations: { request_mutations: [add("h", "new", action), add("n", "new", action)] },
      }),
    ]),
);

const direct = { match: { prefix: "/direct" }, direct_response: { status: 200, body: { inline_string: "d" } } };

const mutationRoutes = [
  { ...routeTo({ prefix: "/route" }), ...perMutation("route") },
  direct,
  routeTo({ prefix: "/" }),
];

// cors
const cors = (fields: Message): Message => per("cors", "cors.v3.CorsPolicy", fields);
const FULL_CORS: Message = {
  allow_origin_string_match: [{ exact: "http://good.example" }, { safe_regex: { regex: "https://.*\\.good\\.example" } }],
  allow_methods: "GET, POST",
  allow_headers: "x-a, x-b",
  expose_headers: "x-c",
  max_age: "600",
  allow_credentials: true,
};
const corsRoutes = [
  { ...routeTo({ prefix: "/star" }), ...cors({ allow_origin_string_match: [{ prefix: "h" }, { safe_regex: { regex: ".*" } }], allow_methods: "*", allow_headers: "*" }) },
  { ...routeTo({ prefix: "/strict" }), ...cors({ ...FULL_CORS, forward_not_matching_preflights: false }) },
  { ...routeTo({ prefix: "/private" }), ...cors({ ...FULL_CORS, allow_private_network_access: true }) },
  { ...routeTo({ prefix: "/off" }), ...cors({ ...FULL_CORS, filter_enabled: { default_value: { numerator: 0 } } }) },
  { ...routeTo({ prefix: "/shadow" }), ...cors({ ...FULL_CORS, filter_enabled: { default_value: { numerator: 0 } }, shadow_enabled: { default_value: { numerator: 100 } } }) },
  { ...routeTo({ prefix: "/own" }), ...cors({ allow_methods: "PUT" }) },
  routeTo({ prefix: "/" }),
];
const preflight = (path: string, origin: string, ...more: readonly string[]): string =>
  request("OPTIONS", path, [`origin: ${origin}`, "access-control-request-method: GET", ...more], null);

const corsCases: readonly DifferentialCase[] = [
  exchange("answers a preflight", "cors", preflight("/", "http://good.example")),
  exchange("answers a preflight by regex", "cors", preflight("/", "https://a.good.example", "access-control-request-headers: x-z")),
  exchange("forwards a preflight from elsewhere", "cors", preflight("/", "http://bad.example")),
  exchange("answers a preflight from elsewhere when told so", "cors", preflight("/strict", "http://bad.example")),
  exchange("echoes stars in a preflight", "cors", preflight("/star", "http://any", "access-control-request-headers: x-q, x-r")),
  exchange("answers private network access", "cors", preflight("/private", "http://good.example", "access-control-request-private-network: true")),
  exchange("does not answer OPTIONS without a request method", "cors", request("OPTIONS", "/", ["origin: http://good.example"], null)),
  exchange("adds CORS headers to an answer", "cors", get("/", "origin: http://good.example")),
  exchange("adds no CORS headers for another origin", "cors", get("/", "origin: http://bad.example")),
  exchange("adds no CORS headers without an origin", "cors", get("/")),
  exchange("replaces the upstream's CORS headers", "cors", get("/", "origin: http://good.example"), answers(reply(200, "", ["access-control-allow-origin: theirs", "access-control-expose-headers: theirs"]))),
  exchange("CORS switched off", "cors", get("/off", "origin: http://good.example")),
  exchange("CORS in shadow mode counts only", "cors", preflight("/shadow", "http://good.example")),
  exchange("takes missing CORS values from the virtual host", "cors", preflight("/own", "http://good.example")),
];

// csrf
const CSRF_ON = { filter_enabled: { default_value: { numerator: 100 } } };
const CSRF_SHADOW = { filter_enabled: { default_value: { numerator: 0 } }, shadow_enabled: { default_value: { numerator: 100 } } };
const post = (path: string, ...headers: readonly string[]): string => request("POST", path, headers, null);

const csrfCases: readonly DifferentialCase[] = [
  exchange("accepts the same origin", "csrf", post("/", "origin: http://a.example")),
  exchange("rejects another origin", "csrf", post("/", "origin: http://b.example"), {
    facts: { "log.0.details": '"csrf_origin_mismatch"' },
  }),
  exchange("accepts an additional origin", "csrf", post("/", "origin: http://extra.example")),
  exchange("rejects a missing origin", "csrf", post("/")),
  exchange("takes the referer without an origin", "csrf", post("/", "referer: http://a.example/page")),
  exchange("takes the referer for a null origin", "csrf", post("/", "origin: null", "referer: http://a.example/page")),
  exchange("rejects another port", "csrf", post("/", "origin: http://a.example:81")),
  exchange("does not look at GET", "csrf", get("/", "origin: http://b.example")),
  ...["PUT", "DELETE", "PATCH"].map((method) =>
    exchange(`looks at ${method}`, "csrf", request(method, "/", ["origin: http://b.example"], null)),
  ),
  exchange("does not look at OPTIONS", "csrf", request("OPTIONS", "/", ["origin: http://b.example"], null)),
  exchange("counts in shadow mode", "csrf", post("/shadow", "origin: http://b.example")),
];

// buffer
const bufferRoutes = [
  { ...routeTo({ prefix: "/off" }), ...per("buffer", "buffer.v3.BufferPerRoute", { disabled: true }) },
  { ...routeTo({ prefix: "/more" }), ...per("buffer", "buffer.v3.BufferPerRoute", { buffer: { max_request_bytes: 100 } }) },
  routeTo({ prefix: "/" }),
];
const chunked = (path: string, ...chunks: readonly string[]): string =>
  head(`POST ${path} HTTP/1.1`, "host: a.example", "transfer-encoding: chunked") +
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("") +
  "0\r\n\r\n";

const bufferCases: readonly DifferentialCase[] = [
  exchange("buffers a body and gives it a length", "buffer", chunked("/", "abc", "def")),
  exchange("rejects a body over the limit", "buffer", chunked("/", "0123456789", "x"), {
    facts: { "log.0.details": '"request_payload_too_large"' },
  }),
  exchange("rejects a known length over the limit", "buffer", request("POST", "/", [], "0123456789x")),
  exchange("passes exactly the limit", "buffer", request("POST", "/", [], "0123456789")),
  exchange("does not buffer when the route says so", "buffer", chunked("/off", "0123456789", "x")),
  exchange("takes the route's own limit", "buffer", chunked("/more", "0123456789", "x")),
  exchange("passes a request without body", "buffer", get("/")),
];

// health_check
const health = (fields: Message): Message =>
  filter("health_check", "health_check.v3.HealthCheck", {
    headers: [{ name: ":path", string_match: { exact: "/health" } }],
    ...fields,
  });
const failed = (listenerName: string, name: string): DifferentialCase => ({
  name,
  on: listenerName,
  steps: [adminPost("/healthcheck/fail"), send(get("/health")), response, adminPost("/healthcheck/ok")],
});
const healthCases: readonly DifferentialCase[] = [
  exchange("answers a health check itself", "health", get("/health")),
  exchange("forwards other paths", "health", get("/other")),
  exchange("passes a health check through", "health-pass", get("/health")),
  failed("health", "fails a health check after healthcheck/fail"),
  failed("health-pass", "fails a passed health check after healthcheck/fail"),
  {
    name: "adds the immediate failure header to normal answers",
    on: "health",
    steps: [adminPost("/healthcheck/fail"), send(get("/other")), response, adminPost("/healthcheck/ok")],
  },
  exchange("fails below the healthy percentage", "health-clusters", get("/health")),
  exchange("succeeds at the healthy percentage", "health-clusters-ok", get("/health")),
  {
    name: "caches a passed health check",
    on: "health-cache",
    steps: [send(get("/health")), response, send(get("/health")), response],
    logs: 2,
  },
];

// set_metadata, set_filter_state
const stateLog = jsonLog({
  ...LOG_FIELDS,
  metadata: "%DYNAMIC_METADATA(ns)%",
  metadata_key: "%DYNAMIC_METADATA(ns:a)%",
  metadata_deep: "%DYNAMIC_METADATA(ns:o:p)%",
  typed: "%DYNAMIC_METADATA(typed:k)%",
  state: "%FILTER_STATE(my.key:PLAIN)%",
  state_typed: "%FILTER_STATE(my.key)%",
  state_empty: "%FILTER_STATE(empty.key:PLAIN)%",
  hash: "%FILTER_STATE(envoy.network.application_protocols:PLAIN)%",
});
const stateValue = (key: string, format: string, more: Message = {}): Message => ({
  object_key: key,
  factory_key: "envoy.string",
  format_string: { text_format_source: { inline_string: format } },
  ...more,
});

const stateFilters = [
  filter("set_metadata", "set_metadata.v3.Config", {
    metadata: [
      { metadata_namespace: "ns", value: { a: "first", o: { p: 1 } } },
      { metadata_namespace: "ns", value: { a: "second" } },
      { metadata_namespace: "ns", value: { a: "third", b: [1, "x", true, null] }, allow_overwrite: true },
      { metadata_namespace: "typed", value: { k: 1.5 } },
    ],
  }),
  filter("set_filter_state", "set_filter_state.v3.Config", {
    on_request_headers: [
      stateValue("my.key", "%REQ(x-state)% on %REQ(:path)%"),
      stateValue("empty.key", "%REQ(absent)%", { skip_if_empty: true }),
    ],
  }),
];

const stateRoutes = [
  {
    ...routeTo({ prefix: "/" }),
    request_headers_to_add: [
      { header: { key: "from-state", value: "%FILTER_STATE(my.key:PLAIN)%" } },
      { header: { key: "from-metadata", value: "%DYNAMIC_METADATA(ns:a)%" } },
      { header: { key: "from-metadata-json", value: '%DYNAMIC_METADATA(["ns", "o"])%' } },
    ],
  },
];

const stateCases: readonly DifferentialCase[] = [
  exchange("sets metadata and filter state", "state", get("/p", "x-state: s")),
  exchange("leaves out what is empty", "state", get("/p")),
];

// per-filter configuration
const flagged = { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig" };
const disabledRoute = (disabled: boolean, config: Message | null): Message => ({
  typed_per_filter_config: {
    "envoy.filters.http.header_mutation": { ...flagged, ...(disabled ? { disabled } : {}), ...(config ? { config } : {}) },
  },
});
const precedence = [
  { ...routeTo({ prefix: "/disabled" }), ...disabledRoute(true, null) },
  {
    match: { prefix: "/weighted" },
    route: { weighted_clusters: { clusters: [{ name: "up1", weight: 1, ...perMutation("entry") }] } },
    ...perMutation("route"),
  },
  { ...routeTo({ prefix: "/wrapped" }), ...disabledRoute(false, any("envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute", plainMutation("wrapped"))) },
  routeTo({ prefix: "/" }),
];

const mutationFilter = (more: Message = {}, fields: Message = {}): Message =>
  filter("header_mutation", "header_mutation.v3.HeaderMutation", { ...plainMutation("filter"), ...fields }, more);

const precedenceCases: readonly DifferentialCase[] = [
  exchange("a route disables a filter", "precedence", get("/disabled")),
  exchange("a weighted entry is the most specific", "precedence", get("/weighted")),
  exchange("a FilterConfig wraps a configuration", "precedence", get("/wrapped")),
  exchange("a disabled filter does nothing", "disabled", get("/")),
  exchange("a route enables a disabled filter", "disabled", get("/wrapped")),
];

export const httpFilters: DifferentialGroup = {
  name: "http-filters",
  bootstrap: bootstrap([
    on("mutation", [mutationFilter()], mutationRoutes, perMutation("host"), {}, perMutation("config")),
    on("mutation-reversed", [mutationFilter({}, { most_specific_header_mutations_wins: true })], mutationRoutes, perMutation("host"), {}, perMutation("config")),
    on("mutation-query", [filter("header_mutation", "header_mutation.v3.HeaderMutation", mutation("added"))]),
    ...actionListeners,
    on("cors", [filter("cors", "cors.v3.Cors")], corsRoutes, cors(FULL_CORS)),
    on(
      "csrf",
      [filter("csrf", "csrf.v3.CsrfPolicy", { ...CSRF_ON, additional_origins: [{ exact: "extra.example" }] })],
      [{ ...routeTo({ prefix: "/shadow" }), ...per("csrf", "csrf.v3.CsrfPolicy", CSRF_SHADOW) }, routeTo({ prefix: "/" })],
    ),
    on("buffer", [filter("buffer", "buffer.v3.Buffer", { max_request_bytes: 10 })], bufferRoutes),
    on("health", [health({ pass_through_mode: false })]),
    on("health-pass", [health({ pass_through_mode: true })]),
    on("health-cache", [health({ pass_through_mode: true, cache_time: "60s" })]),
    on("health-clusters", [health({ pass_through_mode: false, cluster_min_healthy_percentages: { empty: { value: 50 } } })]),
    on("health-clusters-ok", [health({ pass_through_mode: false, cluster_min_healthy_percentages: { up1: { value: 100 } } })]),
    on("state", stateFilters, stateRoutes, {}, { access_log: [stateLog] }),
    on("precedence", [mutationFilter()], precedence),
    on("disabled", [mutationFilter({ disabled: true })], precedence),
  ]),
  cases: [
    ...mutationCases,
    ...corsCases,
    ...csrfCases,
    ...bufferCases,
    ...healthCases,
    ...stateCases,
    ...precedenceCases,
  ],
};
