// HTTP filters: header_mutation, buffer, health_check, set_metadata, set_filter_state, and the
// rules of per-filter configuration.
import { any, bootstrap, jsonLog, LOG_FIELDS, type Message, routeTo } from "../bootstrap.ts";
import {
  adminPost,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  head,
  request,
  response,
  send,
} from "../case.ts";
import { filter, on, per } from "../filter-bootstrap.ts";

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
const perMutation = (value: string): Message =>
  per("header_mutation", "header_mutation.v3.HeaderMutationPerRoute", plainMutation(value));

const mutationCases: readonly DifferentialCase[] = [
  exchange(
    "mutates headers of request and response",
    "mutation",
    get("/", "m: 0", "drop-filter: 1"),
  ),
  exchange("mutates from least to most specific", "mutation", get("/route", "m: 0")),
  exchange(
    "mutates from most to least specific when told so",
    "mutation-reversed",
    get("/route", "m: 0"),
  ),
  exchange("mutates query parameters", "mutation-query", get("/x?q=0&a=b")),
  exchange("mutates the response of a local reply", "mutation", get("/direct")),
  ...[
    "APPEND_IF_EXISTS_OR_ADD",
    "ADD_IF_ABSENT",
    "OVERWRITE_IF_EXISTS_OR_ADD",
    "OVERWRITE_IF_EXISTS",
  ].map((action) =>
    exchange(`header_mutation ${action}`, `mutation-${action}`, get("/", "h: old")),
  ),
];

const actionListeners = [
  "APPEND_IF_EXISTS_OR_ADD",
  "ADD_IF_ABSENT",
  "OVERWRITE_IF_EXISTS_OR_ADD",
  "OVERWRITE_IF_EXISTS",
].map((action) =>
  on(`mutation-${action}`, [
    filter("header_mutation", "header_mutation.v3.HeaderMutation", {
      mutations: { request_mutations: [add("h", "new", action), add("n", "new", action)] },
    }),
  ]),
);

const direct = {
  match: { prefix: "/direct" },
  direct_response: { status: 200, body: { inline_string: "d" } },
};

const mutationRoutes = [
  { ...routeTo({ prefix: "/route" }), ...perMutation("route") },
  direct,
  routeTo({ prefix: "/" }),
];

// buffer
const bufferRoutes = [
  {
    ...routeTo({ prefix: "/off" }),
    ...per("buffer", "buffer.v3.BufferPerRoute", { disabled: true }),
  },
  {
    ...routeTo({ prefix: "/more" }),
    ...per("buffer", "buffer.v3.BufferPerRoute", { buffer: { max_request_bytes: 100 } }),
  },
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
  exchange(
    "rejects a known length over the limit",
    "buffer",
    request("POST", "/", [], "0123456789x"),
  ),
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
  steps: [
    adminPost("/healthcheck/fail"),
    send(get("/health")),
    response,
    adminPost("/healthcheck/ok"),
  ],
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
    steps: [
      adminPost("/healthcheck/fail"),
      send(get("/other")),
      response,
      adminPost("/healthcheck/ok"),
    ],
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
      {
        metadata_namespace: "ns",
        value: { a: "third", b: [1, "x", true, null] },
        allow_overwrite: true,
      },
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
    "envoy.filters.http.header_mutation": {
      ...flagged,
      ...(disabled ? { disabled } : {}),
      ...(config ? { config } : {}),
    },
  },
});
const precedence = [
  { ...routeTo({ prefix: "/disabled" }), ...disabledRoute(true, null) },
  {
    match: { prefix: "/weighted" },
    route: {
      weighted_clusters: { clusters: [{ name: "up1", weight: 1, ...perMutation("entry") }] },
    },
    ...perMutation("route"),
  },
  {
    ...routeTo({ prefix: "/wrapped" }),
    ...disabledRoute(
      false,
      any(
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
        plainMutation("wrapped"),
      ),
    ),
  },
  routeTo({ prefix: "/" }),
];

const mutationFilter = (more: Message = {}, fields: Message = {}): Message =>
  filter(
    "header_mutation",
    "header_mutation.v3.HeaderMutation",
    { ...plainMutation("filter"), ...fields },
    more,
  );

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
    on("mutation", [mutationFilter()], mutationRoutes, {
      host: perMutation("host"),
      config: perMutation("config"),
    }),
    on(
      "mutation-reversed",
      [mutationFilter({}, { most_specific_header_mutations_wins: true })],
      mutationRoutes,
      { host: perMutation("host"), config: perMutation("config") },
    ),
    on("mutation-query", [
      filter("header_mutation", "header_mutation.v3.HeaderMutation", mutation("added")),
    ]),
    ...actionListeners,
    on("buffer", [filter("buffer", "buffer.v3.Buffer", { max_request_bytes: 10 })], bufferRoutes),
    on("health", [health({ pass_through_mode: false })]),
    on("health-pass", [health({ pass_through_mode: true })]),
    on("health-cache", [health({ pass_through_mode: true, cache_time: "60s" })]),
    on("health-clusters", [
      health({
        pass_through_mode: false,
        cluster_min_healthy_percentages: { empty: { value: 50 } },
      }),
    ]),
    on("health-clusters-ok", [
      health({
        pass_through_mode: false,
        cluster_min_healthy_percentages: { up1: { value: 100 } },
      }),
    ]),
    on("state", stateFilters, stateRoutes, { manager: { access_log: [stateLog] } }),
    on("precedence", [mutationFilter()], precedence),
    on("disabled", [mutationFilter({ disabled: true })], precedence),
  ]),
  cases: [...mutationCases, ...bufferCases, ...healthCases, ...stateCases, ...precedenceCases],
};
