// Names and tags of stats: the vectors of 10.18, all names of a listener, a connection manager and
// a cluster, custom tags, and the admin pages that scripts read.
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
  adminGet,
  adminLines,
  adminPost,
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  response,
  send,
} from "../case.ts";

/** Left out: what depends on timing, sizes of generated values, and Envoy's own machinery. */
const UNSTABLE =
  "(?!.*(bytes|_ms|_time|buffered|length|connections_accepted|_(bucket|sum|count)\\b))";

const page = (name: string, path: string, only: RegExp): DifferentialCase => ({
  name,
  on: "main",
  steps: [adminLines(path, only)],
  logs: 0,
});

const used = "/stats/prometheus?usedonly";

const prometheusCases: readonly DifferentialCase[] = [
  {
    name: "three requests to count",
    on: "main",
    steps: [1, 2, 3].flatMap((i) => [send(get(`/${i}`)), response]),
    logs: 3,
  },
  exchange("a refused request to count", "main", get("/refused")),
  exchange("a 404 of the upstream to count", "main", get("/"), answers(reply(404))),
  exchange("a request with a user agent to count", "agent", get("/", "user-agent: iOS/1")),
  exchange("a virtual cluster to count", "virtual", get("/v")),
  {
    ...page("10.18: samples of clusters", used, new RegExp(`^envoy_cluster_${UNSTABLE}`)),
    facts: {
      [`admin ${used} envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="up1"}`]:
        "4",
      [`admin ${used} envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="up1"}`]:
        "4",
    },
  },
  {
    ...page(
      "10.18: samples of connection managers",
      used,
      new RegExp(`^envoy_http_(?!.*prefix="admin")${UNSTABLE}`),
    ),
    facts: {
      [`admin ${used} envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="ingress"}`]:
        "3",
    },
  },
  page(
    "10.18: samples of listeners",
    used,
    new RegExp(`^envoy_listener_(?!admin)(?!manager)${UNSTABLE}`),
  ),
  page("10.18: samples of virtual hosts", used, new RegExp(`^envoy_vhost_${UNSTABLE}`)),
  {
    ...page(
      "10.18: a sample without labels keeps its braces",
      "/stats/prometheus",
      /^envoy_server_(live|state|concurrency)/,
    ),
    facts: { "admin /stats/prometheus envoy_server_live{}": "1" },
  },
  page(
    "samples of a cluster with an alternative name",
    used,
    new RegExp(`^envoy_cluster_${UNSTABLE}.*observed`),
  ),
];

const nameCases: readonly DifferentialCase[] = [
  page("all names of a cluster", "/stats", new RegExp(`^cluster\\.quiet\\.${UNSTABLE}`)),
  page("all names of a connection manager", "/stats", new RegExp(`^http\\.quiet\\.${UNSTABLE}`)),
  page("all names of a listener", "/stats", new RegExp(`^listener\\.quiet\\.${UNSTABLE}`)),
  page("names of a listener without stat_prefix", "/stats?filter=no_rewrite", /^listener\.127/),
  page("names of the listener manager", "/stats", /^listener_manager\.(?!worker)/),
  page("names of the cluster manager", "/stats", /^cluster_manager\.(?!worker|.*update)/),
  page(
    "names of the server",
    "/stats",
    /^server\.(live|state|concurrency|uptime|version|total_connections|parent_connections|hot_restart_epoch)$/,
  ),
  page("names of the runtime", "/stats", /^runtime\./),
];

const shows = (path: string, more: Partial<DifferentialCase> = {}): DifferentialCase => ({
  name: `GET ${path}`,
  on: "main",
  steps: [adminGet(path)],
  logs: 0,
  ...more,
});

const posts = (path: string): DifferentialCase => ({
  name: `POST ${path}`,
  on: "main",
  steps: [adminPost(path)],
  logs: 0,
});

const adminCases: readonly DifferentialCase[] = [
  shows("/ready"),
  shows("/listeners"),
  shows("/listeners?format=json"),
  shows("/runtime"),
  shows("/stats?filter=^http\\.quiet\\.downstream_rq_(1|2|3)xx$"),
  shows("/stats?filter=^http\\.quiet\\.downstream_rq_(1|2|3)xx$&format=json"),
  shows("/stats?filter=["),
  shows("/stats?format=unknown"),
  shows("/healthcheck/fail"),
  shows("/quitquitquit"),
  shows("/reset_counters"),
  shows("/logging"),
  shows("/no-such-page", { counters: false }),
  shows("/hot_restart_version?skip"),
  posts("/runtime_modify?a.b=1&c=hello"),
  posts("/runtime_modify"),
  shows("/runtime?after"),
  posts("/healthcheck/fail"),
  {
    name: "ready after healthcheck/fail",
    on: "main",
    steps: [
      adminPost("/healthcheck/fail"),
      adminGet("/ready"),
      adminPost("/healthcheck/ok"),
      adminGet("/ready"),
    ],
    logs: 0,
  },
  page("clusters page", "/clusters", /^$/),
  {
    name: "lines of the clusters page",
    on: "main",
    steps: [adminGet("/clusters?format=json")],
    logs: 0,
  },
  {
    name: "counters after a reset",
    on: "main",
    steps: [
      send(get("/")),
      response,
      adminPost("/reset_counters"),
      adminLines(
        "/stats?usedonly",
        /^(http\.ingress|cluster\.up1)\.(downstream|upstream)_rq_total/,
      ),
    ],
    counters: false,
  },
];

/** Runtime layers: later ones win; values of every kind. */
const RUNTIME: Message = {
  layers: [
    {
      name: "first",
      static_layer: {
        health_check: { min_interval: 5 },
        text: "hello",
        "dotted.key": 1,
        flag: true,
      },
    },
    { name: "second", static_layer: { "dotted.key": 2, number: 3.5 } },
    { name: "admin", admin_layer: {} },
  ],
};

const STATS: Message = {
  stats_tags: [
    { tag_name: "team", regex: "^http\\.((quiet|agent)\\.)" },
    { tag_name: "fixed", fixed_value: "always" },
  ],
};

export const statsTags: DifferentialGroup = {
  name: "stats-tags",
  bootstrap: bootstrap(
    [listener("main", [hcm()]), listener("quiet", [hcm({}, "quiet")])],
    undefined,
    { stats_config: STATS },
  ),
  cases: [
    exchange("a request to count", "main", get("/")),
    exchange("a request to count under a custom tag", "quiet", get("/")),
    page("custom tags", used, new RegExp(`^envoy_http_(?!.*prefix="admin")(?!admin)${UNSTABLE}`)),
    page("custom tags of clusters", used, new RegExp(`^envoy_cluster_upstream_rq${UNSTABLE}`)),
  ],
};

const base = bootstrap(
  [
    listener("main", [
      hcmWithHosts([
        anyHost([routeTo({ prefix: "/refused" }, "refused"), routeTo({ prefix: "/" })]),
      ]),
    ]),
    listener("quiet", [hcm({}, "quiet")]),
    listener("agent", [hcm({}, "agent")]),
    listener("virtual", [
      hcmWithHosts(
        [
          {
            ...anyHost([routeTo({ prefix: "/" }, "observed", {}, { stat_prefix: "by_route" })]),
            name: "vhost.with.dots",
            virtual_clusters: [
              { name: "vc", headers: [{ name: ":path", string_match: { prefix: "/v" } }] },
            ],
          },
        ],
        { stat_prefix: "virtual.dotted" },
      ),
    ]),
  ],
  undefined,
  { layered_runtime: RUNTIME },
);

const statics = base["static_resources"] as { listeners: Message[]; clusters: Message[] };
const up1 = statics.clusters[0] as Message;

const like = (name: string, more: Message): Message => ({
  ...up1,
  name,
  load_assignment: { ...(up1["load_assignment"] as Message), cluster_name: name },
  ...more,
});

export const stats: DifferentialGroup = {
  name: "stats",
  ordered: true,
  bootstrap: {
    ...base,
    static_resources: {
      listeners: statics.listeners,
      clusters: [
        ...statics.clusters,
        like("quiet", {}),
        like("observed", { alt_stat_name: "observed_alt" }),
      ],
    },
  },
  cases: [...prometheusCases, ...nameCases, ...adminCases],
};
