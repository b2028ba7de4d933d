// Network filters over TCP: tcp_proxy, echo, direct_response, connection_limit, local_ratelimit,
// sni_cluster.
import { any, bootstrap, hcm, jsonLog, listener, type Message } from "../bootstrap.ts";
import {
  client,
  closed,
  connectTo,
  type DifferentialCase,
  type DifferentialGroup,
  finish,
  get,
  pause,
  reset,
  response,
  saw,
  send,
  until,
} from "../case.ts";
import { clientHello } from "../client-hello.ts";

const network = (short: string, type: string, fields: Message): Message => ({
  name: `envoy.filters.network.${short}`,
  typed_config: any(`envoy.extensions.filters.network.${type}`, fields),
});

const FIELDS: Readonly<Record<string, string>> = {
  code: "%RESPONSE_CODE%",
  details: "%RESPONSE_CODE_DETAILS%",
  termination: "%CONNECTION_TERMINATION_DETAILS%",
  transport_failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  flags: "%RESPONSE_FLAGS%",
  flags_long: "%RESPONSE_FLAGS_LONG%",
  received: "%BYTES_RECEIVED%",
  sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER%",
  upstream_local: "%UPSTREAM_LOCAL_ADDRESS%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  remote: "%DOWNSTREAM_REMOTE_ADDRESS%",
  local: "%DOWNSTREAM_LOCAL_ADDRESS%",
  protocol: "%PROTOCOL%",
  type: "%ACCESS_LOG_TYPE%",
  server_name: "%REQUESTED_SERVER_NAME%",
  wire_received: "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
  wire_sent: "%DOWNSTREAM_WIRE_BYTES_SENT%",
  up_wire_received: "%UPSTREAM_WIRE_BYTES_RECEIVED%",
  up_wire_sent: "%UPSTREAM_WIRE_BYTES_SENT%",
};

const tcpProxy = (cluster: string | null, fields: Message = {}, stat = "tcp"): Message =>
  network("tcp_proxy", "tcp_proxy.v3.TcpProxy", {
    stat_prefix: stat,
    ...(cluster === null ? {} : { cluster }),
    access_log: [jsonLog(FIELDS)],
    ...fields,
  });

const logged: Message = { access_log: [jsonLog(FIELDS)] };

const echo = { upstreams: { up1: { tcp: "echo" as const } } };
const sink = { upstreams: { up1: { tcp: "sink" as const } } };

const proxyCases: readonly DifferentialCase[] = [
  {
    name: "relays both ways",
    on: "tcp",
    steps: [send("hello"), until("hello"), send(" again"), until(" again"), finish, closed],
    ...echo,
  },
  {
    name: "relays what the server says first",
    on: "tcp",
    steps: [until("220 ready\r\n"), send("quit"), saw("up1", "quit"), finish, closed],
    upstreams: { up1: { tcp: "sink", onConnect: { send: "220 ready\r\n" } } },
  },
  {
    name: "passes the client's half close on",
    on: "tcp",
    steps: [send("question"), finish, until("question"), closed],
    ...echo,
  },
  {
    name: "passes the server's half close on",
    on: "tcp",
    steps: [until("bye"), closed, send("still here"), saw("up1", "still here"), finish],
    upstreams: { up1: { tcp: "sink", onConnect: { send: "bye", after: "close" } } },
    facts: { "upstream.up1.bytes.0": "still here" },
  },
  {
    name: "a reset client",
    on: "tcp",
    steps: [send("x"), saw("up1", "x"), reset],
    ...sink,
  },
  {
    name: "a reset upstream",
    on: "tcp",
    steps: [until("abc"), closed],
    upstreams: {
      up1: { tcp: "sink", onConnect: { send: ["abc", ""], pieceMs: 40, after: "reset" } },
    },
  },
  {
    name: "a refused upstream",
    on: "refused",
    steps: [closed],
    facts: { "log.0.flags": '"UF,URX"' },
  },
  { name: "a refused upstream after three attempts", on: "attempts", steps: [closed] },
  { name: "an unknown cluster", on: "unknown", steps: [closed], facts: { "log.0.flags": '"NC"' } },
  {
    name: "a cluster without hosts",
    on: "empty",
    steps: [closed],
    facts: { "log.0.flags": '"UH"' },
  },
  {
    name: "an idle connection",
    on: "idle",
    steps: [send("x"), until("x"), closed],
    ...echo,
  },
  {
    name: "a connection that lasts too long",
    on: "duration",
    steps: [send("x"), until("x"), closed],
    ...echo,
    facts: { "log.0.flags": '"DT"' },
  },
  {
    name: "a cluster of weight zero is never taken",
    on: "weighted",
    steps: [send("x"), until("x"), finish, closed],
    upstreams: { up2: { tcp: "echo" } },
  },
  {
    name: "a large transfer",
    on: "tcp",
    steps: [send("y".repeat(200_000)), finish, until("y".repeat(200_000)), closed],
    ...echo,
  },
  {
    name: "two clients",
    on: "tcp",
    steps: [
      send("one"),
      until("one"),
      connectTo(null),
      send("two"),
      until("two"),
      finish,
      closed,
      client(0),
      finish,
      closed,
    ],
    logs: 2,
    ...echo,
  },
];

const filterCases: readonly DifferentialCase[] = [
  {
    name: "echo returns bytes",
    on: "echo",
    steps: [send("hello"), until("hello"), finish, closed],
  },
  { name: "direct_response speaks and closes", on: "direct", steps: [until("."), closed] },
  { name: "direct_response without text", on: "direct-empty", steps: [closed] },
  {
    name: "connection_limit refuses the second connection",
    on: "limit",
    steps: [send("a"), until("a"), connectTo(null), closed, client(0), finish, closed],
    logs: 2,
  },
  {
    name: "connection_limit counts down again",
    on: "limit",
    steps: [
      send("a"),
      until("a"),
      finish,
      closed,
      pause(40),
      connectTo(null),
      send("b"),
      until("b"),
      finish,
      closed,
    ],
    logs: 2,
  },
  {
    name: "local_ratelimit refuses the third connection",
    on: "ratelimit",
    steps: [
      ...["a", "b"].flatMap((text) => [connectTo(null), send(text), until(text), finish, closed]),
      connectTo(null),
      closed,
    ],
    logs: 3,
  },
  {
    name: "sni_cluster takes the cluster from the server name",
    on: "sni",
    steps: [send(clientHello({ serverName: "up2" })), saw("up2", "up2"), finish, closed],
    upstreams: { up2: { tcp: "sink" } },
  },
  {
    name: "sni_cluster without a server name takes the configured cluster",
    on: "sni",
    steps: [send("plain text"), until("plain text"), finish, closed],
    ...echo,
  },
  {
    name: "sni_cluster with an unknown name",
    on: "sni",
    steps: [send(clientHello({ serverName: "nowhere" })), closed],
  },
  {
    name: "an HTTP filter chain after a network filter",
    on: "limit-http",
    steps: [send(get("/")), response],
  },
];

const inspected: Message = {
  listener_filters: [
    {
      name: "envoy.filters.listener.tls_inspector",
      typed_config: any("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
    },
  ],
};

const ECHO = network("echo", "echo.v3.Echo", {});
const limit = network("connection_limit", "connection_limit.v3.ConnectionLimit", {
  stat_prefix: "limit",
  max_connections: 1,
});

export const tcp: DifferentialGroup = {
  name: "tcp",
  bootstrap: bootstrap([
    listener("tcp", [tcpProxy("up1")]),
    listener("refused", [tcpProxy("refused")]),
    listener("attempts", [tcpProxy("refused", { max_connect_attempts: 3 })]),
    listener("unknown", [tcpProxy("nowhere")]),
    listener("empty", [tcpProxy("empty")]),
    listener("idle", [tcpProxy("up1", { idle_timeout: "0.15s" })]),
    listener("duration", [tcpProxy("up1", { max_downstream_connection_duration: "0.15s" })]),
    listener("weighted", [
      tcpProxy(null, { weighted_clusters: { clusters: [{ name: "up2", weight: 3 }] } }),
    ]),
    listener("echo", [ECHO], logged),
    listener(
      "direct",
      [
        network("direct_response", "direct_response.v3.Config", {
          response: { inline_string: "so." },
        }),
      ],
      logged,
    ),
    listener("direct-empty", [network("direct_response", "direct_response.v3.Config", {})], logged),
    listener("limit", [limit, ECHO], logged),
    listener("limit-http", [limit, hcm()]),
    listener(
      "ratelimit",
      [
        network("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", {
          stat_prefix: "rl",
          token_bucket: { max_tokens: 2, tokens_per_fill: 2, fill_interval: "600s" },
        }),
        ECHO,
      ],
      logged,
    ),
    listener(
      "sni",
      [network("sni_cluster", "sni_cluster.v3.SniCluster", {}), tcpProxy("up1")],
      inspected,
    ),
  ]),
  cases: [...proxyCases, ...filterCases],
};
