// Clusters, hosts and pools: kinds of discovery, endpoint health and priorities, circuit breakers,
// life of a pooled connection.
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
  header,
  pause,
  response,
  send,
  stat,
} from "../case.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

interface Member {
  readonly port: string;
  readonly health?: string;
  readonly priority?: number;
  readonly weight?: number;
}

/** Endpoints in localities of their own priority. */
function members(name: string, list: readonly Member[], fields: Message = {}): Message {
  const endpoints = list.map(({ port, health, priority = 0, weight = 1 }) => ({
    priority,
    lb_endpoints: [
      {
        endpoint: { address: socketAddress(port) },
        load_balancing_weight: weight,
        ...(health === undefined ? {} : { health_status: health }),
      },
    ],
  }));
  return { ...cluster(name, []), load_assignment: { cluster_name: name, endpoints }, ...fields };
}

function up1(name: string, fields: Message = {}): Message {
  return cluster(name, ["@upstream:up1@"], fields);
}

function httpOptions(common: Message, http1: Message = {}): Message {
  return {
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: any(HTTP_OPTIONS, {
        common_http_protocol_options: common,
        explicit_http_config: { http_protocol_options: http1 },
      }),
    },
  };
}

const breakers = (thresholds: Message): Message => ({
  circuit_breakers: { thresholds: [thresholds] },
});

function named(name: string, type: string, fields: Message = {}): Message {
  return {
    ...up1(name),
    type,
    dns_lookup_family: "V4_ONLY",
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: socketAddress("@upstream:up1@", "localhost") } }],
        },
      ],
    },
    ...fields,
  };
}

const { type: _type, dns_lookup_family: _family, ...untyped } = named("dns_typed", "");

const clusters: readonly Message[] = [
  named("dns_strict", "STRICT_DNS"),
  named("dns_logical", "LOGICAL_DNS"),
  {
    ...untyped,
    cluster_type: {
      name: "envoy.clusters.dns",
      typed_config: any("envoy.extensions.clusters.dns.v3.DnsCluster", {
        dns_lookup_family: "V4_ONLY",
      }),
    },
  },
  {
    ...cluster("pipe", []),
    load_assignment: {
      cluster_name: "pipe",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: "@file:none@" } } } }] }],
    },
  },
  up1("bound", {
    upstream_bind_config: { source_address: { address: "127.0.0.1", port_value: 0 } },
  }),
  up1("unbindable", {
    upstream_bind_config: { source_address: { address: "203.0.113.9", port_value: 0 } },
  }),
  up1("alt", { alt_stat_name: "other:name" }),
  up1("least", { lb_policy: "LEAST_REQUEST" }),
  up1("random", { lb_policy: "RANDOM" }),
  up1("typed_policy", {
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: "lr",
            typed_config: any(
              "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
              { choice_count: 3 },
            ),
          },
        },
      ],
    },
  }),
  members("failover", [
    { port: "@upstream:up1@", health: "UNHEALTHY" },
    { port: "@upstream:up2@", priority: 1 },
  ]),
  members("draining", [
    { port: "@upstream:up1@", health: "DRAINING" },
    { port: "@upstream:up2@", priority: 1 },
  ]),
  members("degraded", [
    { port: "@upstream:up1@", health: "DEGRADED" },
    { port: "@upstream:up2@", health: "TIMEOUT" },
  ]),
  members("panic", [{ port: "@upstream:up1@", health: "UNHEALTHY" }]),
  members("calm", [{ port: "@upstream:up1@", health: "UNHEALTHY" }], {
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
  }),
  members("gap", [{ port: "@upstream:up2@", priority: 2 }]),
  up1("no_requests", breakers({ max_requests: 0 })),
  up1("no_pending", breakers({ max_pending_requests: 0 })),
  up1("no_connections", breakers({ max_connections: 0 })),
  up1("no_connections_per_host", {
    circuit_breakers: { per_host_thresholds: [{ max_connections: 0 }] },
  }),
  up1("high", breakers({ priority: "HIGH", max_requests: 0 })),
  up1("remaining", breakers({ track_remaining: true, max_requests: 5 })),
  up1("two_requests", httpOptions({ max_requests_per_connection: 2 })),
  up1("two_requests_legacy", { max_requests_per_connection: 2 }),
  up1("short_idle", httpOptions({ idle_timeout: "0.2s" })),
  up1("short_life", httpOptions({ max_connection_duration: "0.2s" })),
  up1("preconnect", { preconnect_policy: { per_upstream_preconnect_ratio: 2.0 } }),
  up1("proper", httpOptions({}, { header_key_format: { proper_case_words: {} } })),
  up1("few_headers", httpOptions({ max_headers_count: 3 })),
  up1("small_headers", httpOptions({ max_response_headers_kb: 1 })),
];

const routes = [
  routeTo({ path: "/high" }, "high", { priority: "HIGH" }),
  routeTo({ path: "/high_default" }, "high"),
  ...clusters
    .map(({ name }) => String(name))
    .filter((name) => name !== "high")
    .map((name) => routeTo({ path: `/${name}` }, name)),
];

const log = (flags: string, details?: RegExp): CaseOptions => ({
  facts: {
    "log.0.flags": JSON.stringify(flags),
    ...(details === undefined ? {} : { "log.0.details": details }),
  },
});

const from = (upstream: string): CaseOptions => ({
  upstreams: {
    up1: { replies: [reply(200, "up1")] },
    up2: { replies: [reply(200, "up2")] },
  },
  facts: { "client.0.response.0.body": upstream },
});

const one = (name: string, path: string, options: CaseOptions = {}): DifferentialCase =>
  exchange(name, "main", get(`/${path}`), options);

/** Several requests one after another, with a pause before each but the first. */
function several(name: string, path: string, count: number, pauseMs = 0): DifferentialCase {
  return {
    name,
    on: "main",
    steps: Array.from({ length: count }, (_, index) => [
      ...(pauseMs > 0 && index > 0 ? [pause(pauseMs)] : []),
      send(get(`/${path}`)),
      response,
    ]).flat(),
    logs: count,
  };
}

const OVERFLOW = /upstream_reset_before_response_started\{overflow\}/;

const cases: readonly DifferentialCase[] = [
  one("STRICT_DNS of localhost", "dns_strict"),
  one("LOGICAL_DNS of localhost", "dns_logical"),
  one("envoy.clusters.dns of localhost", "dns_typed"),
  one("a pipe that is not there", "pipe", log("UF", /No_such_file_or_directory/)),
  one("a source address", "bound"),
  one("a source address that is not ours", "unbindable", log("UF", /failed_to_bind_to_203/)),
  one("alt_stat_name with a colon", "alt"),
  one("LEAST_REQUEST", "least"),
  one("RANDOM", "random"),
  one("a typed load balancing policy", "typed_policy"),
  one("an unhealthy first priority", "failover", from("up2")),
  one("a draining first priority", "draining", from("up2")),
  one("a degraded host before one that timed out", "degraded", from("up1")),
  one("panic uses the unhealthy host", "panic", from("up1")),
  one("no panic with threshold 0", "calm", log("UH")),
  one("a priority without its predecessors", "gap", from("up2")),
  one("max_requests 0", "no_requests", log("UO", OVERFLOW)),
  one("max_pending_requests 0", "no_pending", log("UO", OVERFLOW)),
  one("max_connections 0 still opens one", "no_connections", log("-")),
  one("max_connections 0 per host still opens one", "no_connections_per_host", log("-")),
  one("max_requests 0 of the HIGH priority", "high", log("UO", OVERFLOW)),
  one("the DEFAULT priority beside it", "high_default", log("-")),
  one("track_remaining", "remaining"),
  several("three requests share a connection", "least", 3),
  several("a connection carries max_requests_per_connection", "two_requests", 5),
  several("the older max_requests_per_connection", "two_requests_legacy", 5),
  {
    ...several("a connection idle for idle_timeout is closed", "short_idle", 2),
    steps: [
      send(get("/short_idle")),
      response,
      stat("cluster.short_idle.upstream_cx_idle_timeout", 1),
      send(get("/short_idle")),
      response,
    ],
    upstreams: {
      up1: { replies: [reply(200, "first"), { ...reply(200, "second"), after: "close" }] },
    },
  },
  {
    ...several("an idle connection after max_connection_duration is closed", "short_life", 2),
    steps: [
      send(get("/short_life")),
      response,
      stat("cluster.short_life.upstream_cx_max_duration_reached", 1),
      send(get("/short_life")),
      response,
    ],
    // The second connection must not grow old too.
    upstreams: {
      up1: { replies: [reply(200, "first"), { ...reply(200, "second"), after: "close" }] },
    },
  },
  several("a preconnected connection takes the second request", "preconnect", 2, 50),
  one("proper-case header names", "proper", {
    facts: { "upstream.up1.0.headers": header("Host", "a.example") },
  }),
  one("more headers than max_headers_count", "few_headers", {
    upstreams: { up1: { replies: [reply(200, "", ["a: 1", "b: 2", "c: 3", "d: 4"])] } },
  }),
  one("a head over max_response_headers_kb", "small_headers", {
    upstreams: { up1: { replies: [reply(200, "", [`a: ${"x".repeat(2000)}`])] } },
  }),
  {
    name: "membership and limits of every cluster",
    on: "main",
    steps: [
      adminLines(
        "/stats",
        // remaining_cx_pools is 2⁶⁴−1 there, which no double holds.
        /^cluster\.(?!.*cx_pools).*(membership_|breakers|max_host_weight)/,
      ),
    ],
    logs: 0,
  },
  {
    name: "what the cluster manager counts",
    on: "main",
    steps: [adminLines("/stats", /^cluster_manager\./)],
    logs: 0,
  },
];

export const upstreams: DifferentialGroup = {
  name: "upstreams",
  bootstrap: bootstrap([listener("main", [hcmWithHosts([anyHost(routes)])])], clusters),
  cases,
};
