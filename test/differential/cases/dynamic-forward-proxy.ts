// Dynamic forward proxy: names resolved while the request waits, rewrites, limits, failures.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  ROUTER,
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
  request,
  response,
  send,
} from "../case.ts";

const named = (upstream: string): CaseOptions => ({
  upstreams: {
    up1: { replies: [reply(200, "up1")] },
    up2: { replies: [reply(200, "up2")] },
  },
  facts: { "client.0.response.0.body": upstream },
});

const flags = (text: string): CaseOptions => ({ facts: { "log.0.flags": JSON.stringify(text) } });

const dst = (
  name: string,
  path: string,
  headers: readonly string[],
  options: CaseOptions = {},
): DifferentialCase => exchange(name, "main", get(`/${path}`, ...headers), options);

const cache = (name: string, fields: Message = {}): Message => ({
  dns_cache_config: { name, dns_lookup_family: "V4_ONLY", ...fields },
});

const DFP = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";

function dynamicForwardProxy(name: string, config: Message, fields: Message = {}): Message {
  return {
    name,
    connect_timeout: "1s",
    lb_policy: "CLUSTER_PROVIDED",
    cluster_type: {
      name: "envoy.clusters.dynamic_forward_proxy",
      typed_config: any(DFP, config),
    },
    ...fields,
  };
}

/** Asks a DNS server that is not there. */
const broken: Message = {
  typed_dns_resolver_config: {
    name: "envoy.network.dns_resolver.cares",
    typed_config: any("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", {
      resolvers: [socketAddress("@refused:refused@")],
      use_resolvers_as_fallback: false,
      dns_resolver_options: { no_default_search_domain: true },
    }),
  },
  dns_failure_refresh_rate: { base_interval: "60s", max_interval: "60s" },
};

const dfpFilter = (config: Message): Message => ({
  name: "envoy.filters.http.dynamic_forward_proxy",
  typed_config: any("envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig", config),
});

const perRoute = (config: Message): Message => ({
  typed_per_filter_config: {
    "envoy.filters.http.dynamic_forward_proxy": any(
      "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig",
      config,
    ),
  },
});

function dfpListener(
  name: string,
  config: Message,
  routes: readonly Message[],
  fields: Message = {},
): Message {
  return listener(name, [
    hcmWithHosts(
      [anyHost(routes)],
      { http_filters: [dfpFilter(config), ROUTER], ...fields },
      { validate_clusters: false },
    ),
  ]);
}

const PROXY = routeTo({ prefix: "/" }, "proxy");

const dfpRoutes: readonly Message[] = [
  routeTo({ path: "/static" }, "up1"),
  routeTo({ path: "/unknown" }, "nobody_knows"),
  { match: { path: "/direct" }, direct_response: { status: 204 } },
  routeTo(
    { path: "/literal" },
    "proxy",
    {},
    perRoute({ host_rewrite_literal: "localhost:@upstream:up2@" }),
  ),
  routeTo({ path: "/by_header" }, "proxy", {}, perRoute({ host_rewrite_header: "x-to" })),
  routeTo({ path: "/rewritten" }, "proxy", { host_rewrite_literal: "elsewhere.test" }),
  PROXY,
];

const local = (upstream: string, name = "localhost"): string =>
  `host: ${name}:@upstream:${upstream}@`;

const dfpCases: readonly DifferentialCase[] = [
  dst("a name that is resolved for the first request", "", [local("up1")], named("up1")),
  dst("the same name again", "", [local("up1")], named("up1")),
  dst("another port of the name is another host", "", [local("up2")], named("up2")),
  dst("upper case is another host", "", [local("up1", "LOCALHOST")]),
  dst("an IPv4 address", "", [local("up1", "127.0.0.1")], named("up1")),
  exchange("an IPv6 address that refuses", "any_family", get("/", "host: [::1]:1")),
  exchange(
    "an IPv4 address, IPv6 first",
    "any_family",
    get("/", local("up1", "127.0.0.1")),
    named("up1"),
  ),
  dst("port 80 by default", "", ["host: 127.0.0.2"]),
  dst("another kind of cluster", "static", [local("up2")], named("up1")),
  dst("an unknown cluster", "unknown", [local("up2")], flags("NC")),
  dst("a route that answers", "direct", [local("up2")]),
  dst(
    "host_rewrite_literal of the route's filter config",
    "literal",
    ["host: somewhere.test"],
    named("up2"),
  ),
  dst(
    "host_rewrite_header of the route's filter config",
    "by_header",
    ["host: somewhere.test", "x-to: localhost:@upstream:up2@"],
    named("up2"),
  ),
  dst("host_rewrite_header without the header", "by_header", [local("up1")], named("up1")),
  dst("only the first value of the header", "by_header", [
    "x-to: localhost:@upstream:up1@",
    "x-to: localhost:@upstream:up2@",
  ]),
  dst("the host of a route's rewrite is looked up by the cluster", "rewritten", [local("up1")]),
  exchange("another cache than the cluster's", "stranger", get("/", "host: 127.0.0.1:1")),
  exchange(
    "no filter: the cluster looks the name up",
    "unfiltered",
    get("/", local("up1")),
    named("up1"),
  ),
  {
    ...exchange("no filter, with a body", "unfiltered", ""),
    steps: [send(request("POST", "/", [local("up2", "127.0.0.1")], "x".repeat(3000))), response],
    ...named("up2"),
  },
  {
    ...dst("a request body waits for the name", "", []),
    steps: [send(request("POST", "/", [local("up1", "127.0.0.1")], "x".repeat(3000))), response],
  },
  {
    ...exchange("a name that cannot be resolved", "failing", get("/", "host: nowhere.test"), {}),
  },
  exchange("it again, from the cache", "failing", get("/", "host: nowhere.test"), {}),
  exchange("an address needs no server", "failing", get("/", local("up1", "127.0.0.1")), {}),
  exchange("more hosts than max_hosts: the first", "few", get("/", local("up1")), named("up1")),
  exchange("more hosts than max_hosts: the second", "few", get("/", local("up2"))),
  exchange(
    "more hosts than max_hosts: the first still",
    "few",
    get("/", local("up1")),
    named("up1"),
  ),
  exchange("no pending request is allowed", "overflow", get("/", local("up1"))),
  exchange("the resolved address is saved", "saving", get("/", local("up1")), named("up1")),
  exchange("a name resolved beforehand", "early", get("/", local("up1")), named("up1")),
  {
    name: "hosts of the cluster and of the cache",
    on: "main",
    steps: [
      adminLines(
        "/stats",
        /^(cluster\.(proxy|failing|few).*(membership_[thd]|max_host_w)|dns_cache\.)/,
      ),
    ],
    logs: 0,
  },
];

export const dynamicForwardProxies: DifferentialGroup = {
  name: "dynamic-forward-proxy",
  bootstrap: bootstrap(
    [
      dfpListener("main", cache("main"), dfpRoutes),
      dfpListener("failing", cache("failing", broken), [routeTo({ prefix: "/" }, "failing")]),
      dfpListener("any_family", { dns_cache_config: { name: "any" } }, [
        routeTo({ prefix: "/" }, "any_family"),
      ]),
      dfpListener("few", cache("few", { max_hosts: 1 }), [routeTo({ prefix: "/" }, "few")]),
      dfpListener(
        "overflow",
        cache("overflow", { dns_cache_circuit_breaker: { max_pending_requests: 0 } }),
        [routeTo({ prefix: "/" }, "overflow")],
      ),
      dfpListener("saving", { ...cache("main"), save_upstream_address: true }, [PROXY]),
      dfpListener("stranger", cache("stranger"), [PROXY]),
      listener("unfiltered", [hcmWithHosts([anyHost([routeTo({ prefix: "/" }, "unfiltered")])])]),
      dfpListener(
        "early",
        cache("early", {
          preresolve_hostnames: [{ address: "localhost", port_value: "@upstream:up1@" }],
        }),
        [routeTo({ prefix: "/" }, "early")],
      ),
    ],
    [
      cluster("up1", ["@upstream:up1@"]),
      dynamicForwardProxy("proxy", cache("main")),
      dynamicForwardProxy("unfiltered", cache("unfiltered")),
      dynamicForwardProxy("failing", cache("failing", broken)),
      dynamicForwardProxy("any_family", { dns_cache_config: { name: "any" } }),
      dynamicForwardProxy("few", cache("few", { max_hosts: 1 })),
      dynamicForwardProxy(
        "overflow",
        cache("overflow", { dns_cache_circuit_breaker: { max_pending_requests: 0 } }),
      ),
      dynamicForwardProxy(
        "early",
        cache("early", {
          preresolve_hostnames: [{ address: "localhost", port_value: "@upstream:up1@" }],
        }),
      ),
    ],
  ),
  cases: dfpCases,
};
