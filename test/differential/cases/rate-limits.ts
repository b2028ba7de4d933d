// The HTTP local_ratelimit filter (envoy-semantics 6.7, vector 10.17): buckets, descriptors, what
// clients are told. Buckets are so slow that no case depends on time.
import { bootstrap, cluster, type Message, routeTo, STANDARD_CLUSTERS } from "../bootstrap.ts";
import {
  adminPost,
  type DifferentialCase,
  type DifferentialGroup,
  get,
  response,
  type Step,
  send,
} from "../case.ts";
import { filter, on, per } from "../filter-bootstrap.ts";

const ALL = { default_value: { numerator: 100 } };
const NONE = { default_value: { numerator: 0 } };
const TYPE = "local_ratelimit.v3.LocalRateLimit";
const BOTH = { filter_enabled: ALL, filter_enforced: ALL };

const bucket = (max_tokens: number, more: Message = {}): Message => ({
  token_bucket: { max_tokens, fill_interval: "3600s", ...more },
});
const limit = (fields: Message): Message =>
  filter("local_ratelimit", TYPE, { stat_prefix: "lrl", ...BOTH, ...fields });
const perLimit = (fields: Message): Message =>
  per("local_ratelimit", TYPE, { stat_prefix: "route", ...BOTH, ...fields });

const descriptor = (
  entries: Readonly<Record<string, string>>,
  max: number,
  more: Message = {},
): Message => ({
  entries: Object.entries(entries).map(([key, value]) => ({ key, value })),
  ...bucket(max, more),
});
/** A route for one case: its action, its descriptors' actions. */
const counted = (prefix: string, actions: readonly Message[], more: Message = {}): Message =>
  routeTo({ prefix }, "up1", { rate_limits: [{ actions, ...more }] });

/** So many requests of one path on one connection. */
function times(
  name: string,
  on: string,
  requests: readonly string[],
  more: Partial<DifferentialCase> = {},
): DifferentialCase {
  const steps: Step[] = requests.flatMap((text) => [send(text), response]);
  return { name, on, steps, logs: requests.length, ...more };
}
const twice = (path: string, ...lines: readonly string[]): string[] => [
  get(path, ...lines),
  get(path, ...lines),
];
const status = (index: number, code: string): Record<string, RegExp> => ({
  [`client.0.response.${index}.start`]: new RegExp(`^HTTP/1.1 ${code} `),
});

const header = (header_name: string, descriptor_key: string, more: Message = {}): Message => ({
  request_headers: { header_name, descriptor_key, ...more },
});
const metadataKey = { key: "ns", path: [{ key: "a" }, { key: "b" }] };

/** Paths of the actions' cases, each with a descriptor that allows one request. */
const ACTIONS: Readonly<
  Record<string, readonly [readonly Message[], Readonly<Record<string, string>>, Message?]>
> = {
  "/source": [[{ source_cluster: {} }], { source_cluster: "differential" }],
  "/destination": [[{ destination_cluster: {} }], { destination_cluster: "up1" }],
  "/header": [[header("x-user", "user")], { user: "u1" }],
  "/skip": [
    [
      header("x-user", "user", { skip_if_absent: true }),
      { generic_key: { descriptor_value: "g" } },
    ],
    { generic_key: "g" },
  ],
  "/remote": [[{ remote_address: {} }], { remote_address: "127.0.0.1" }],
  "/generic": [[{ generic_key: { descriptor_value: "only" } }], { generic_key: "only" }],
  "/keyed": [[{ generic_key: { descriptor_key: "k", descriptor_value: "v" } }], { k: "v" }],
  "/format": [
    [{ generic_key: { descriptor_value: "%REQ(x-user)%" } }],
    { generic_key: "%REQ(x-user)%" },
  ],
  "/match": [
    [{ header_value_match: { descriptor_value: "hm", headers: [{ name: "x-user" }] } }],
    { header_match: "hm" },
  ],
  "/nomatch": [
    [
      {
        header_value_match: {
          descriptor_key: "nm",
          descriptor_value: "hm",
          expect_match: false,
          headers: [{ name: "x-user" }],
        },
      },
    ],
    { nm: "hm" },
  ],
  "/query": [
    [
      {
        query_parameter_value_match: {
          descriptor_value: "qm",
          query_parameters: [{ name: "q", string_match: { exact: "a b" } }, { name: "p" }],
        },
      },
    ],
    { query_match: "qm" },
  ],
  "/parameter": [
    [{ query_parameters: { query_parameter_name: "q", descriptor_key: "param" } }],
    { param: "a b" },
  ],
  "/masked": [
    [{ masked_remote_address: { v4_prefix_mask_len: 8 } }],
    { masked_remote_address: "127.0.0.0/8" },
  ],
  "/masked-all": [[{ masked_remote_address: {} }], { masked_remote_address: "127.0.0.1/32" }],
  "/dynamic": [
    [{ metadata: { descriptor_key: "dyn", metadata_key: metadataKey } }],
    { dyn: "deep" },
  ],
  "/default-metadata": [
    [
      {
        metadata: {
          descriptor_key: "def",
          metadata_key: { key: "none", path: [{ key: "a" }] },
          default_value: "fallback",
        },
      },
    ],
    { def: "fallback" },
  ],
  "/of-route": [
    [
      {
        metadata: {
          descriptor_key: "route",
          metadata_key: { key: "r", path: [{ key: "name" }] },
          source: "ROUTE_ENTRY",
        },
      },
    ],
    { route: "mine" },
  ],
  "/two": [
    [{ generic_key: { descriptor_value: "first" } }, header("x-user", "user")],
    { generic_key: "first", user: "u1" },
  ],
  "/hits": [
    [{ generic_key: { descriptor_value: "hits" } }],
    { generic_key: "hits" },
    { hits_addend: { number: 3 } },
  ],
  "/disabled": [
    [{ generic_key: { descriptor_value: "dis" } }],
    { generic_key: "dis" },
    { disable_key: "x" },
  ],
  "/done": [
    [{ generic_key: { descriptor_value: "done" } }],
    { generic_key: "done" },
    { apply_on_stream_done: true },
  ],
  "/stage": [
    [{ generic_key: { descriptor_value: "stage" } }],
    { generic_key: "stage" },
    { stage: 1 },
  ],
};

const setMetadata = filter("set_metadata", "set_metadata.v3.Config", {
  metadata: [{ metadata_namespace: "ns", value: { a: { b: "deep" } } }],
});

const actionRoutes = Object.entries(ACTIONS).map(([prefix, [actions, , more]]) => ({
  ...counted(prefix, actions, more),
  metadata: { filter_metadata: { r: { name: "mine" } } },
}));
const actionDescriptors = [...Object.values(ACTIONS).map(([, entries]) => descriptor(entries, 1))];

const lines: Readonly<Record<string, readonly [path: string, ...headers: string[]]>> = {
  "/header": ["/header", "x-user: u1"],
  "/two": ["/two", "x-user: u1"],
  "/match": ["/match", "x-user: any"],
  "/format": ["/format", "x-user: u9"],
  "/query": ["/query?q=a%20b&p"],
  "/parameter": ["/parameter?q=a%20b"],
};

const actionCases: readonly DifferentialCase[] = [
  ...Object.keys(ACTIONS).map((path) =>
    times(`counts by the action of ${path}`, "actions", twice(...(lines[path] ?? [path]))),
  ),
  times("a value without a bucket is not limited", "actions", twice("/header", "x-user: other")),
  times("a missing header makes no descriptor", "actions", twice("/header")),
  times("a parameter with a plus", "actions", twice("/parameter?q=a+b")),
  times("a query that does not match", "actions", twice("/query?q=a%20c&p")),
];

const inline = (rate_limits: readonly Message[]): Message => ({ rate_limits });
const key = (descriptor_value: string): Message => ({ generic_key: { descriptor_value } });

const hostLimits = { rate_limits: [{ actions: [key("host")] }] };
const hostRoutes = [
  { ...counted("/own", [key("own")]) },
  routeTo({ prefix: "/include" }, "up1", {
    rate_limits: [{ actions: [key("own")] }],
    include_vh_rate_limits: true,
  }),
  routeTo({ prefix: "/" }),
];
const hostDescriptors = [
  descriptor({ generic_key: "host" }, 1),
  descriptor({ generic_key: "own" }, 9),
];

const listeners = [
  on("plain", [limit(bucket(2))]),
  on("status", [limit({ ...bucket(1), status: { code: "ServiceUnavailable" } })]),
  on("status-ok", [limit({ ...bucket(1), status: { code: "OK" } })]),
  on("headers", [
    limit({
      ...bucket(1),
      response_headers_to_add: [
        { header: { key: "x-limited", value: "%REQ(x-user)%/%RESPONSE_CODE%/%PROTOCOL%" } },
      ],
    }),
  ]),
  on("not-enforced", [
    limit({
      ...bucket(1),
      filter_enforced: NONE,
      request_headers_to_add_when_not_enforced: [
        { header: { key: "x-over", value: "%REQ(x-user)%/%PROTOCOL%" } },
      ],
    }),
  ]),
  on("off", [limit({ ...bucket(1), filter_enabled: NONE })]),
  on("unsaid", [filter("local_ratelimit", TYPE, { stat_prefix: "lrl", ...bucket(1) })]),
  on("no-bucket", [limit({})]),
  on("runtime", [
    limit({
      ...bucket(1),
      filter_enabled: { default_value: { numerator: 0 }, runtime_key: "lrl.enabled" },
      filter_enforced: { default_value: { numerator: 0 }, runtime_key: "lrl.enforced" },
    }),
  ]),
  on("shown", [limit({ ...bucket(2), enable_x_ratelimit_headers: "DRAFT_VERSION_03" })]),
  on("grpc", [limit(bucket(1))]),
  on("exhausted", [limit({ ...bucket(1), rate_limited_as_resource_exhausted: true })]),
  on(
    "route",
    [limit(bucket(100))],
    [
      { ...routeTo({ prefix: "/own" }), ...perLimit(bucket(1)) },
      { ...routeTo({ prefix: "/same" }), ...perLimit(bucket(1)) },
      routeTo({ prefix: "/" }),
    ],
  ),
  on(
    "actions",
    [setMetadata, limit({ ...bucket(1000), descriptors: actionDescriptors })],
    actionRoutes,
  ),
  on(
    "order",
    [
      limit({
        ...bucket(1000),
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        descriptors: [
          descriptor({ generic_key: "fast" }, 4, { tokens_per_fill: 4 }),
          descriptor({ generic_key: "slow" }, 2),
        ],
      }),
    ],
    [
      routeTo({ prefix: "/fast" }, "up1", { rate_limits: [{ actions: [key("fast")] }] }),
      routeTo({ prefix: "/" }, "up1", {
        rate_limits: [{ actions: [key("fast")] }, { actions: [key("slow")] }],
      }),
    ],
  ),
  on(
    "default-too",
    [
      limit({
        ...bucket(1),
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        descriptors: [descriptor({ generic_key: "d" }, 5)],
      }),
    ],
    [counted("/", [key("d")])],
  ),
  on(
    "default-not",
    [
      limit({
        ...bucket(1),
        always_consume_default_token_bucket: false,
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        descriptors: [descriptor({ generic_key: "d" }, 2)],
      }),
    ],
    [counted("/d", [key("d")]), routeTo({ prefix: "/" })],
  ),
  on(
    "no-default",
    [
      limit({
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        descriptors: [descriptor({ generic_key: "d" }, 1)],
      }),
    ],
    [counted("/d", [key("d")]), routeTo({ prefix: "/" })],
  ),
  on(
    "wild",
    [
      limit({
        ...bucket(1000),
        max_dynamic_descriptors: 2,
        descriptors: [{ entries: [{ key: "user" }], ...bucket(1) }, descriptor({ user: "vip" }, 3)],
      }),
    ],
    [counted("/", [header("x-user", "user")])],
  ),
  on(
    "stage",
    [
      limit({
        ...bucket(1000),
        stage: 1,
        descriptors: [descriptor({ generic_key: "s1" }, 1), descriptor({ generic_key: "s0" }, 1)],
      }),
    ],
    [
      routeTo({ prefix: "/" }, "up1", {
        rate_limits: [{ actions: [key("s0")] }, { actions: [key("s1")], stage: 1 }],
      }),
    ],
  ),
  on("vh-override", [limit({ ...bucket(1000), descriptors: hostDescriptors })], hostRoutes, {
    host: hostLimits,
  }),
  on(
    "vh-include",
    [limit({ ...bucket(1000), vh_rate_limits: "INCLUDE", descriptors: hostDescriptors })],
    hostRoutes,
    { host: hostLimits },
  ),
  on(
    "vh-ignore",
    [limit({ ...bucket(1000), vh_rate_limits: "IGNORE", descriptors: hostDescriptors })],
    hostRoutes,
    { host: hostLimits },
  ),
  on(
    "inline",
    [
      limit({
        ...bucket(1000),
        descriptors: [
          descriptor({ generic_key: "in" }, 1),
          descriptor({ generic_key: "heavy" }, 4),
          descriptor({ f: "f", generic_key: "%REQ(x-user)%" }, 1),
          descriptor({ f: "g", generic_key: "u5" }, 1),
          descriptor({ done: "1" }, 1),
        ],
        ...inline([
          {
            actions: [
              {
                header_value_match: {
                  descriptor_key: "generic_key",
                  descriptor_value: "in",
                  headers: [{ name: ":path", string_match: { prefix: "/in" } }],
                },
              },
            ],
          },
          {
            actions: [
              {
                header_value_match: {
                  descriptor_key: "generic_key",
                  descriptor_value: "heavy",
                  headers: [{ name: ":path", string_match: { prefix: "/heavy" } }],
                },
              },
            ],
            hits_addend: { number: 3 },
          },
          {
            actions: [
              {
                header_value_match: {
                  descriptor_key: "generic_key",
                  descriptor_value: "heavy",
                  headers: [{ name: ":path", string_match: { prefix: "/told" } }],
                },
              },
            ],
            hits_addend: { format: "%REQ(x-hits)%" },
          },
          { actions: [header("x-format", "f"), key("%REQ(x-user)%")] },
          { actions: [header("x-done", "done")], apply_on_stream_done: true },
        ]),
      }),
    ],
    [counted("/", [key("in")])],
  ),
  on(
    "connection",
    [limit({ ...bucket(1), local_rate_limit_per_downstream_connection: true })],
    [
      {
        ...routeTo({ prefix: "/own" }),
        ...perLimit({ ...bucket(5), local_rate_limit_per_downstream_connection: true }),
      },
      routeTo({ prefix: "/" }),
    ],
  ),
];

const four = (path: string, ...headers: readonly string[]): string[] => [
  ...twice(path, ...headers),
  ...twice(path, ...headers),
];

const bucketCases: readonly DifferentialCase[] = [
  times("refuses what is over the bucket", "plain", [...twice("/"), get("/")], {
    facts: {
      ...status(0, "200"),
      ...status(1, "200"),
      ...status(2, "429"),
      "log.2.flags": '"RL"',
      "log.2.details": '"local_rate_limited"',
    },
  }),
  times("refuses with another status", "status", twice("/")),
  times("refuses with 429 instead of a good status", "status-ok", twice("/")),
  times("adds headers to the refusal", "headers", twice("/", "x-user: u")),
  times("adds headers to what it would have refused", "not-enforced", twice("/", "x-user: u")),
  times("does nothing when it is not enabled", "off", twice("/")),
  times("is not enabled unless told so", "unsaid", twice("/")),
  times("limits nothing without a bucket", "no-bucket", twice("/")),
  {
    name: "runtime enables and enforces",
    on: "runtime",
    logs: 5,
    steps: [
      ...twice("/").flatMap((text) => [send(text), response]),
      adminPost("/runtime_modify?lrl.enabled=100"),
      ...twice("/").flatMap((text) => [send(text), response]),
      adminPost("/runtime_modify?lrl.enforced=100"),
      send(get("/")),
      response,
    ],
  },
  times("tells clients what is left", "shown", [...twice("/"), get("/")]),
  times("refuses gRPC as unavailable", "grpc", twice("/", "content-type: application/grpc")),
  times("refuses gRPC as exhausted", "exhausted", twice("/", "content-type: application/grpc")),
  times("a route has a bucket of its own", "route", [...twice("/own"), get("/")]),
  times("another route has another one", "route", twice("/same")),
  times("counts connections apart", "connection", twice("/")),
  {
    name: "another connection has another bucket",
    on: "connection",
    logs: 2,
    steps: [
      send(get("/")),
      response,
      { do: "connect", on: null, from: null },
      send(get("/")),
      response,
    ],
  },
  times("a connection has one limiter for all its routes", "connection", [
    get("/"),
    ...twice("/own"),
  ]),
];

const descriptorCases: readonly DifferentialCase[] = [
  times("takes from the slowest bucket first", "order", four("/")),
  times("tells of the bucket that decided", "order", [get("/fast"), get("/fast")]),
  times("takes from the default bucket, too", "default-too", twice("/")),
  times("spares the default bucket when told so", "default-not", [
    ...twice("/d"),
    get("/d"),
    get("/"),
  ]),
  times("has no default bucket", "no-default", [...twice("/d"), ...twice("/")]),
  times("has a bucket per value", "wild", [...twice("/", "x-user: a"), ...twice("/", "x-user: b")]),
  times("prefers the exact value", "wild", four("/", "x-user: vip")),
  times("forgets the value used longest ago", "wild", [
    get("/", "x-user: c"),
    get("/", "x-user: d"),
    get("/", "x-user: e"),
    get("/", "x-user: c"),
    get("/", "x-user: e"),
  ]),
  times("takes entries of its stage", "stage", twice("/")),
  times("a route overrides its host's limits", "vh-override", [...twice("/own"), ...twice("/")]),
  times("a route may include its host's limits", "vh-override", twice("/include")),
  times("a filter may include the host's limits", "vh-include", twice("/own")),
  times("a filter may ignore the host's limits", "vh-ignore", twice("/")),
  times("takes its own rate_limits instead of the route's", "inline", [...twice("/in"), get("/")]),
  times("a request may count more than once", "inline", twice("/heavy")),
  times("a format says how much a request counts", "inline", [
    get("/told", "x-hits: 9"),
    get("/told", "x-hits: x"),
    get("/told"),
  ]),
  times("values of generic keys are no formats", "inline", [
    ...twice("/", "x-format: f", "x-user: u5"),
    ...twice("/", "x-format: g", "x-user: u5"),
  ]),
  times("counts nothing at the end of a stream", "inline", twice("/", "x-done: 1")),
];

export const rateLimits: DifferentialGroup = {
  name: "rate-limits",
  bootstrap: bootstrap(listeners, undefined, {
    layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] },
  }),
  cases: [...bucketCases, ...actionCases, ...descriptorCases],
};

/** The limit of these listeners is for the three members of the local cluster together. */
export const rateLimitsShared: DifferentialGroup = {
  name: "rate-limits-shared",
  bootstrap: bootstrap(
    [
      on("shared", [
        limit({
          ...bucket(6),
          local_cluster_rate_limit: {},
          enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        }),
      ]),
      on(
        "shared-descriptor",
        [
          limit({
            ...bucket(1000),
            local_cluster_rate_limit: {},
            descriptors: [descriptor({ generic_key: "d" }, 7)],
          }),
        ],
        [counted("/", [key("d")])],
      ),
    ],
    [...STANDARD_CLUSTERS, cluster("we", ["@upstream:up1@", "@upstream:up2@", "@upstream:up3@"])],
    { cluster_manager: { local_cluster_name: "we" } },
  ),
  cases: [
    times("a member may use its part of the limit", "shared", [...twice("/"), get("/")]),
    times("and its part of a descriptor's", "shared-descriptor", [...twice("/"), get("/")]),
  ],
};
