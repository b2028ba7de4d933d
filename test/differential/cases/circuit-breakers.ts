// Circuit breakers while they are at work: requests are held by an upstream that does not answer,
// others come meanwhile; then the held ones are given up.
import { reply, type UpstreamReply } from "../../kit/scripted-upstream.ts";
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
  adminPost,
  client,
  closed,
  connectTo,
  type DifferentialCase,
  type DifferentialGroup,
  finish,
  get,
  head,
  header,
  noHeader,
  pause,
  reset,
  response,
  responseToHead,
  type Step,
  saw,
  send,
  stat,
} from "../case.ts";

/** Never answered within a case. */
const HELD: UpstreamReply = {};
const OK: UpstreamReply = reply(200, "ok");

const breakers = (thresholds: Message, perHost?: number): Message => ({
  circuit_breakers: {
    thresholds: [{ track_remaining: true, ...thresholds }],
    ...(perHost === undefined ? {} : { per_host_thresholds: [{ max_connections: perHost }] }),
  },
});

interface Plan {
  readonly cluster: Message;
  readonly hosts?: readonly string[];
  readonly steps: (path: string, name: string) => readonly Step[];
  readonly replies: readonly UpstreamReply[];
  readonly logs: number;
  readonly route?: Message;
  readonly facts?: DifferentialCase["facts"];
  readonly alike?: readonly string[];
}

interface Planned {
  readonly name: string;
  readonly cluster: Message;
  readonly route: Message;
  readonly testCase: DifferentialCase;
}

let made = 0;

function breaker(sentence: string, plan: Plan): Planned {
  const name = `b${100 + made++}`;
  return {
    name,
    cluster: cluster(name, plan.hosts ?? ["@upstream:up1@"], plan.cluster),
    route: routeTo({ prefix: `/${name}` }, name, plan.route),
    testCase: {
      name: sentence,
      on: "main",
      steps: plan.steps(`/${name}`, name),
      logs: plan.logs,
      upstreams: { up1: { replies: plan.replies }, up2: { replies: plan.replies } },
      ...(plan.alike === undefined ? {} : { alike: plan.alike }),
      ...(plan.facts === undefined ? {} : { facts: plan.facts }),
    },
  };
}

/** A new client whose request reaches the upstream and stays there. */
const hold = (path: string, index: number): Step[] => [
  ...(index === 0 ? [] : [connectTo("main")]),
  send(get(`${path}/held-${index}`)),
  saw("up1", `${path}/held-${index}`),
];
/** A new client whose request is answered. */
const ask = (path: string): Step[] => [connectTo("main"), send(get(path)), response];
const gauges = (name: string): Step =>
  adminLines("/stats", new RegExp(`^cluster\\.${name}\\.circuit_breakers\\.(?!.*cx_pools)`));
/** The held requests end, one after the other. */
const release = (name: string, count: number): Step[] => [
  ...Array.from({ length: count }, (_, index): Step[] => [
    client(index),
    reset,
    stat(`cluster.${name}.upstream_rq_active`, count - 1 - index),
  ]).flat(),
];

const UO = '"UO"';

const plans: readonly Planned[] = [
  breaker("max_requests 1: the second request", {
    cluster: breakers({ max_requests: 1 }),
    replies: [HELD],
    steps: (path, name) => [...hold(path, 0), ...ask(path), gauges(name), ...release(name, 1)],
    logs: 2,
    facts: {
      "client.1.response.0.start": /503/,
      "client.1.response.0.headers": header("x-envoy-overloaded", "true"),
      "log.0.flags": UO,
      "log.0.details": /overflow/,
    },
  }),
  breaker("max_requests 2: the third request", {
    cluster: breakers({ max_requests: 2 }),
    replies: [HELD],
    steps: (path, name) => [
      ...hold(path, 0),
      ...hold(path, 1),
      gauges(name),
      ...ask(path),
      gauges(name),
      ...release(name, 2),
      gauges(name),
    ],
    logs: 3,
    facts: { "log.0.flags": UO },
  }),
  breaker("max_requests 1: one after the other", {
    cluster: breakers({ max_requests: 1 }),
    replies: [OK],
    steps: (path, name) => [
      send(get(path)),
      response,
      send(get(path)),
      response,
      ...ask(path),
      gauges(name),
    ],
    logs: 3,
    facts: { "client.1.response.0.start": /200/ },
  }),
  breaker("max_requests 1: there is room again after a reset", {
    cluster: breakers({ max_requests: 1 }),
    replies: [HELD, OK],
    steps: (path, name) => [...hold(path, 0), ...release(name, 1), ...ask(path), gauges(name)],
    logs: 2,
    facts: { "client.1.response.0.start": /200/ },
  }),
  breaker("max_connections 1: the second request waits for the first", {
    cluster: breakers({ max_connections: 1 }),
    replies: [HELD, OK],
    steps: (path, name) => [
      ...hold(path, 0),
      connectTo("main"),
      send(get(path)),
      stat(`cluster.${name}.upstream_rq_pending_active`, 1),
      gauges(name),
      client(0),
      reset,
      client(1),
      response,
      gauges(name),
    ],
    logs: 2,
    facts: { "client.1.response.0.start": /200/ },
  }),
  breaker("max_connections 1 per host: the second request waits for the first", {
    cluster: breakers({}, 1),
    replies: [HELD, OK],
    steps: (path, name) => [
      ...hold(path, 0),
      connectTo("main"),
      send(get(path)),
      stat(`cluster.${name}.upstream_rq_pending_active`, 1),
      client(0),
      reset,
      client(1),
      response,
    ],
    logs: 2,
  }),
  breaker("max_pending_requests 1: the second that waits", {
    cluster: breakers({ max_connections: 1, max_pending_requests: 1 }),
    replies: [HELD, OK],
    steps: (path, name) => [
      ...hold(path, 0),
      connectTo("main"),
      send(get(path)),
      stat(`cluster.${name}.upstream_rq_pending_active`, 1),
      gauges(name),
      ...ask(path),
      client(0),
      reset,
      client(1),
      response,
      gauges(name),
    ],
    logs: 3,
    facts: { "client.2.response.0.start": /503/, "log.0.flags": UO },
  }),
  breaker("max_pending_requests 0: a ready connection needs no waiting", {
    cluster: {
      ...breakers({ max_pending_requests: 0 }),
      preconnect_policy: { per_upstream_preconnect_ratio: 2.0 },
    },
    replies: [OK],
    steps: (path) => [send(get(path)), response],
    logs: 1,
    facts: { "client.0.response.0.start": /503/ },
  }),
  breaker("each priority has its own limits", {
    cluster: {
      circuit_breakers: {
        thresholds: [
          { priority: "HIGH", max_requests: 1, track_remaining: true },
          { max_requests: 5, track_remaining: true },
        ],
      },
    },
    route: { priority: "HIGH" },
    replies: [HELD],
    steps: (path, name) => [...hold(path, 0), ...ask(path), gauges(name), ...release(name, 1)],
    logs: 2,
    facts: { "log.0.flags": UO },
  }),
  breaker("of two thresholds for one priority the first counts", {
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 1 }, { max_requests: 9 }] } },
    replies: [HELD],
    steps: (path, name) => [...hold(path, 0), ...ask(path), ...release(name, 1)],
    logs: 2,
    facts: { "log.0.flags": UO },
  }),
  breaker("an upgrade counts as a request", {
    cluster: breakers({ max_requests: 1 }),
    route: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    replies: [
      {
        send: "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        when: "head",
        after: "echo",
      },
    ],
    steps: (path, name) => [
      send(
        head(
          `GET ${path} HTTP/1.1`,
          "host: a.example",
          "connection: upgrade",
          "upgrade: websocket",
        ),
      ),
      responseToHead,
      ...ask(path),
      gauges(name),
      client(0),
      finish,
      closed,
      stat(`cluster.${name}.upstream_rq_active`, 0),
    ],
    logs: 2,
    facts: { "client.1.response.0.start": /503/ },
  }),
  breaker("a waiting request that goes away makes room", {
    cluster: breakers({ max_connections: 1, max_pending_requests: 1 }),
    replies: [HELD, OK],
    steps: (path, name) => [
      ...hold(path, 0),
      connectTo("main"),
      send(get(path)),
      stat(`cluster.${name}.upstream_rq_pending_active`, 1),
      reset,
      stat(`cluster.${name}.upstream_rq_pending_active`, 0),
      gauges(name),
      connectTo("main"),
      send(get(path)),
      stat(`cluster.${name}.upstream_rq_pending_active`, 1),
      client(0),
      reset,
      client(2),
      response,
    ],
    logs: 3,
    facts: { "client.2.response.0.start": /200/ },
  }),
];

/** Two hosts, one pool: the path chooses the host. */
function pooled(
  sentence: string,
  pools: number,
  replies: readonly UpstreamReply[],
  steps: Plan["steps"],
  logs: number,
): Planned & { readonly routes: readonly Message[] } {
  const planned = breaker(sentence, {
    cluster: {
      ...breakers({ max_connection_pools: pools }),
      lb_subset_config: { subset_selectors: [{ keys: ["host"] }] },
    },
    replies,
    steps,
    logs,
  });
  const { name } = planned;
  const hosts = ["up1", "up2"];
  return {
    ...planned,
    cluster: {
      ...planned.cluster,
      load_assignment: {
        cluster_name: name,
        endpoints: [
          {
            lb_endpoints: hosts.map((host) => ({
              endpoint: { address: socketAddress(`@upstream:${host}@`) },
              metadata: { filter_metadata: { "envoy.lb": { host } } },
            })),
          },
        ],
      },
    },
    routes: hosts.map((host) =>
      routeTo({ path: `/${name}/${host}` }, name, {
        metadata_match: { filter_metadata: { "envoy.lb": { host } } },
      }),
    ),
  };
}

const CLOSING: UpstreamReply = { ...reply(200, "ok", ["connection: close"]), after: "close" };

const pools = [
  pooled(
    "max_connection_pools 1 of two hosts",
    1,
    [OK],
    (path, name) => [
      send(get(`${path}/up1`)),
      response,
      send(get(`${path}/up2`)),
      response,
      send(get(`${path}/up1`)),
      response,
      adminLines(
        "/stats",
        new RegExp(`^cluster\\.${name}\\.(circuit_breakers\\.(?!.*cx_pools)|upstream_cx_pool)`),
      ),
    ],
    3,
  ),
  pooled("max_connection_pools 0", 0, [OK], (path) => [send(get(`${path}/up1`)), response], 1),
  pooled(
    "a pool without connections makes room for another",
    1,
    [CLOSING],
    (path, name) =>
      ["up1", "up2", "up1"].flatMap((host): Step[] => [
        send(get(`${path}/${host}`)),
        response,
        stat(`cluster.${name}.upstream_cx_active`, 0),
      ]),
    3,
  ),
];

const http = [...plans, ...pools];

export const circuitBreakers: DifferentialGroup = {
  name: "circuit-breakers",
  bootstrap: bootstrap(
    [
      listener("main", [
        hcmWithHosts([
          anyHost([...pools.flatMap(({ routes }) => routes), ...http.map(({ route }) => route)]),
        ]),
      ]),
    ],
    http.map((one) => one.cluster),
  ),
  cases: http.map(({ testCase }) => testCase),
};

const quietRouter: Message = {
  ...ROUTER,
  typed_config: any("envoy.extensions.filters.http.router.v3.Router", {
    suppress_envoy_headers: true,
  }),
};

const tcpProxy = (to: string): Message => ({
  name: "envoy.filters.network.tcp_proxy",
  typed_config: any("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: to,
    cluster: to,
    access_log: [
      {
        name: "envoy.access_loggers.file",
        typed_config: any("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
          path: "@file:access.json@",
          log_format: { json_format: { flags: "%RESPONSE_FLAGS%", host: "%UPSTREAM_HOST%" } },
        }),
      },
    ],
  }),
});

const tcpHold = (name: string): Step[] => [
  send("first"),
  saw("up1", "first"),
  connectTo(name),
  closed,
];
const tcpRelease = (name: string): Step[] => [gauges(name), client(0), finish, closed];

const tcpCases: readonly (readonly [
  name: string,
  thresholds: Message,
  steps: Step[],
  logs: number,
])[] = [
  ["max_connections", { max_connections: 1 }, tcpHold("max_connections"), 2],
  ["max_requests", { max_requests: 1 }, tcpHold("max_requests"), 2],
  ["no_pending", { max_pending_requests: 0 }, [closed], 1],
];

/** What the pool refuses was an attempt; max_requests refuses no connection. */
const FLAGS: Readonly<Record<string, string>> = {
  max_connections: UO,
  max_requests: '"-"',
  no_pending: '"URX"',
};

const runtimeSteps = (name: string): Step[] => [
  adminPost(`/runtime_modify?circuit_breakers.${name}.default.max_requests=0`),
  // Workers learn of new values a moment later.
  pause(300),
  send(get("/runtime")),
  response,
  adminPost(`/runtime_modify?circuit_breakers.${name}.default.max_requests=`),
  pause(300),
  send(get("/runtime")),
  response,
];

/** TCP, a router that keeps its headers, and runtime values. */
export const moreCircuitBreakers: DifferentialGroup = {
  name: "more-circuit-breakers",
  bootstrap: bootstrap(
    [
      listener("quiet", [
        hcmWithHosts([anyHost([routeTo({ prefix: "/" }, "quiet")])], {
          http_filters: [quietRouter],
        }),
      ]),
      listener("runtime", [hcmWithHosts([anyHost([routeTo({ prefix: "/" }, "runtime")])])]),
      ...tcpCases.map(([name]) => listener(name, [tcpProxy(name)])),
    ],
    [
      cluster("quiet", ["@upstream:up1@"], breakers({ max_requests: 0 })),
      cluster("runtime", ["@upstream:up1@"]),
      ...tcpCases.map(([name, thresholds]) =>
        cluster(name, ["@upstream:up1@"], breakers(thresholds)),
      ),
    ],
    { layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } },
  ),
  cases: [
    {
      name: "suppress_envoy_headers: no x-envoy-overloaded",
      on: "quiet",
      steps: [send(get("/")), response],
      facts: {
        "client.0.response.0.start": /503/,
        "client.0.response.0.headers": noHeader("x-envoy-overloaded"),
      },
    },
    {
      name: "runtime: max_requests",
      on: "runtime",
      steps: runtimeSteps("runtime"),
      logs: 2,
      facts: { "client.0.response.0.start": /503/, "client.0.response.1.start": /200/ },
    },
    ...tcpCases.map(
      ([name, , steps, logs]): DifferentialCase => ({
        name: `tcp_proxy: ${name}`,
        on: name,
        steps: logs === 1 ? steps : [...steps, ...tcpRelease(name)],
        logs,
        upstreams: { up1: { tcp: "sink" } },
        facts: { "log.0.flags": FLAGS[name] as string },
      }),
    ),
  ],
};
