// Clusters of clusters.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
  socketAddress,
} from "../bootstrap.ts";
import {
  adminLines,
  type CaseOptions,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  response,
  send,
} from "../case.ts";

const PROVIDED = "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided";

/** A cluster of other clusters. */
function aggregate(name: string, clusters: readonly string[], fields: Message = {}): Message {
  return {
    name,
    connect_timeout: "1s",
    lb_policy: "CLUSTER_PROVIDED",
    cluster_type: {
      name: "envoy.clusters.aggregate",
      typed_config: any("envoy.extensions.clusters.aggregate.v3.ClusterConfig", { clusters }),
    },
    ...fields,
  };
}

interface Member {
  readonly port: string;
  readonly health?: string;
  readonly priority?: number;
}

function members(name: string, list: readonly Member[], fields: Message = {}): Message {
  const endpoints = list.map(({ port, health, priority = 0 }) => ({
    priority,
    lb_endpoints: [
      {
        endpoint: { address: socketAddress(port) },
        ...(health === undefined ? {} : { health_status: health }),
      },
    ],
  }));
  return { ...cluster(name, []), load_assignment: { cluster_name: name, endpoints }, ...fields };
}

const breakers = (thresholds: Message): Message => ({
  circuit_breakers: { thresholds: [thresholds] },
});

const aggregateClusters: readonly Message[] = [
  members("good1", [{ port: "@upstream:up1@" }], { alt_stat_name: "good_one" }),
  members("good2", [{ port: "@upstream:up2@" }]),
  members("bad", [{ port: "@upstream:up1@", health: "UNHEALTHY" }]),
  members("bad2", [{ port: "@upstream:up2@", health: "UNHEALTHY" }]),
  members("calm", [{ port: "@upstream:up1@", health: "UNHEALTHY" }], {
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
  }),
  members("degraded", [{ port: "@upstream:up1@", health: "DEGRADED" }]),
  members("two_levels", [
    { port: "@upstream:up1@", health: "UNHEALTHY" },
    { port: "@upstream:up2@", priority: 1 },
  ]),
  members("gap", [{ port: "@upstream:up2@", priority: 2 }]),
  cluster("none", []),
  members("refused", [{ port: "@refused:refused@" }]),
  members("no_requests", [{ port: "@upstream:up1@" }], breakers({ max_requests: 0 })),
  aggregate("a_first", ["good1", "good2"]),
  aggregate("a_failover", ["bad", "good2"]),
  aggregate("a_bad", ["bad"]),
  aggregate("a_all_bad", ["bad", "bad2"]),
  aggregate("a_calm", ["calm", "bad2"], {
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
  }),
  aggregate("a_degraded", ["degraded", "good2"]),
  aggregate("a_degraded_only", ["degraded", "bad2"]),
  aggregate("a_levels", ["two_levels", "good1"]),
  aggregate("a_gap", ["bad", "gap"]),
  aggregate("a_unknown", ["not_there", "good2"]),
  aggregate("a_only_unknown", ["not_there"]),
  aggregate("a_empty", ["none", "good2"]),
  aggregate("a_only_empty", ["none"]),
  aggregate("a_refused", ["refused", "good2"]),
  aggregate("a_retry", ["refused", "good2"]),
  aggregate("a_child_breaker", ["no_requests"]),
  aggregate("a_own_breaker", ["good1"], breakers({ max_requests: 0 })),
  aggregate("a_alt", ["good1"], { alt_stat_name: "other" }),
  aggregate("a_nested", ["a_unknown"]),
  aggregate("a_nested_failover", ["a_all_bad", "good2"]),
  {
    ...aggregate("a_typed", ["bad", "good2"]),
    lb_policy: "ROUND_ROBIN",
    load_balancing_policy: {
      policies: [{ typed_extension_config: { name: "provided", typed_config: any(PROVIDED) } }],
    },
  },
];

const retries: Message = {
  retry_policy: {
    retry_on: "connect-failure",
    num_retries: 3,
    retry_priority: {
      name: "envoy.retry_priorities.previous_priorities",
      typed_config: any(
        "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        { update_frequency: 1 },
      ),
    },
  },
};

const names = aggregateClusters.map(({ name }) => String(name)).filter((one) => /^a_/.test(one));

const aggregateRoutes = names.map((name) =>
  routeTo({ path: `/${name}` }, name, name === "a_retry" ? { ...retries, timeout: "0s" } : {}),
);

const one = (name: string, path: string, options: CaseOptions = {}): DifferentialCase =>
  exchange(name, "main", get(`/${path}`), options);

const named = (upstream: string, facts: CaseOptions["facts"] = {}): CaseOptions => ({
  upstreams: {
    up1: { replies: [reply(200, "up1")] },
    up2: { replies: [reply(200, "up2")] },
  },
  facts: { "client.0.response.0.body": upstream, ...facts },
});

const flags = (text: string): CaseOptions => ({ facts: { "log.0.flags": JSON.stringify(text) } });

const aggregateCases: readonly DifferentialCase[] = [
  one("the first cluster while it is healthy", "a_first", named("up1")),
  one("an unhealthy first cluster", "a_failover", named("up2")),
  one("its only cluster unhealthy: both panic", "a_bad", named("up1")),
  one("no panic in the child", "a_calm"),
  one("a degraded first cluster", "a_degraded", named("up2")),
  one("a degraded cluster before an unhealthy one", "a_degraded_only", named("up1")),
  one("the second priority of the first cluster", "a_levels", named("up2")),
  one("a priority without hosts is left out", "a_gap", named("up2")),
  one("an unknown cluster is skipped", "a_unknown", named("up2")),
  one("only unknown clusters", "a_only_unknown"),
  one("an empty cluster is skipped", "a_empty", named("up2")),
  one("only empty clusters", "a_only_empty"),
  one("a refused connection does not fail over by itself", "a_refused"),
  one("previous_priorities goes to the next cluster", "a_retry", named("up2")),
  one("the breaker of the chosen cluster counts", "a_child_breaker", flags("UO")),
  one("a breaker of the aggregate does not", "a_own_breaker", named("up1")),
  one("alt_stat_name", "a_alt", named("up1")),
  one("an aggregate of an aggregate", "a_nested"),
  one("an aggregate of an aggregate that fails over", "a_nested_failover"),
  one("cluster_provided as a typed policy", "a_typed", named("up2")),
  {
    name: "requests one after another share the pool of the child",
    on: "main",
    steps: [
      send(get("/a_first")),
      response,
      send(get("/a_alt")),
      response,
      send(get("/a_first")),
      response,
    ],
    logs: 3,
  },
  {
    name: "membership of the aggregates",
    on: "main",
    steps: [adminLines("/stats", /^cluster\.a_.*(membership_|max_host_weight|upstream_rq_2xx)/)],
    logs: 0,
  },
];

export const aggregates: DifferentialGroup = {
  name: "aggregate",
  bootstrap: bootstrap(
    [listener("main", [hcmWithHosts([anyHost(aggregateRoutes)])])],
    aggregateClusters,
  ),
  cases: aggregateCases,
};
