// ORIGINAL_DST clusters: every place where a request may say where it wants to go.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  jsonLog,
  listener,
  type Message,
  ROUTER,
  routeTo,
} from "../bootstrap.ts";
import {
  adminLines,
  type CaseOptions,
  closed,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  finish,
  get,
  response,
  send,
  stat,
  until,
} from "../case.ts";

const named = (upstream: string): CaseOptions => ({
  upstreams: {
    up1: { replies: [reply(200, "up1")] },
    up2: { replies: [reply(200, "up2")] },
  },
  facts: { "client.0.response.0.body": upstream },
});

const flags = (text: string): CaseOptions => ({ facts: { "log.0.flags": JSON.stringify(text) } });

function originalDst(name: string, config: Message | null, fields: Message = {}): Message {
  return {
    name,
    connect_timeout: "1s",
    type: "ORIGINAL_DST",
    lb_policy: "CLUSTER_PROVIDED",
    cleanup_interval: "300s",
    ...(config === null ? {} : { original_dst_lb_config: config }),
    ...fields,
  };
}

const originalDstClusters: readonly Message[] = [
  originalDst("plain", null),
  originalDst("by_header", { use_http_header: true }),
  originalDst("by_name", { use_http_header: true, http_header_name: "X-Where" }),
  originalDst("port", { use_http_header: true, upstream_port_override: "@upstream:up2@" }),
  originalDst("by_metadata", { metadata_key: { key: "where", path: [{ key: "to" }] } }),
  originalDst("both", {
    use_http_header: true,
    metadata_key: { key: "where", path: [{ key: "to" }] },
  }),
  originalDst("by_state", { use_http_header: true }),
  originalDst("fast", { use_http_header: true }, { cleanup_interval: "0.1s" }),
];

const setState: Message = {
  name: "envoy.filters.http.set_filter_state",
  typed_config: any("envoy.extensions.filters.http.set_filter_state.v3.Config", {
    on_request_headers: [
      {
        object_key: "envoy.network.transport_socket.original_dst_address",
        format_string: { text_format_source: { inline_string: "%REQ(X-STATE)%" } },
        skip_if_empty: true,
      },
    ],
  }),
};

const toMetadata: Message = {
  name: "envoy.filters.http.set_metadata",
  typed_config: any("envoy.extensions.filters.http.set_metadata.v3.Config", {
    metadata: [{ metadata_namespace: "where", value: { to: "127.0.0.1:@upstream:up2@" } }],
  }),
};

const originalDstRoutes = originalDstClusters.map(({ name }) =>
  routeTo({ path: `/${String(name)}` }, String(name)),
);

const to = (upstream: string): string =>
  `x-envoy-original-dst-host: 127.0.0.1:@upstream:${upstream}@`;

const dst = (
  name: string,
  path: string,
  headers: readonly string[],
  options: CaseOptions = {},
): DifferentialCase => exchange(name, "main", get(`/${path}`, ...headers), options);

/** What a proxy in front says about the destination. */
const restored = (upstream: string, text: string): string =>
  `PROXY TCP4 127.0.0.9 127.0.0.1 1111 @upstream:${upstream}@\r\n${text}`;

const originalDstCases: readonly DifferentialCase[] = [
  dst("no restored destination", "plain", [], flags("UH")),
  dst("the header does nothing unless asked for", "plain", [to("up1")], flags("UH")),
  dst("the header names the host", "by_header", [to("up1")], named("up1")),
  dst("another host next", "by_header", [to("up2")], named("up2")),
  dst("only the first value counts", "by_header", [to("up2"), to("up1")]),
  dst("no header", "by_header", []),
  dst("a header that is no address", "by_header", ["x-envoy-original-dst-host: somewhere"]),
  dst("a header without port", "by_header", ["x-envoy-original-dst-host: 127.0.0.1"]),
  dst("a header with a name", "by_header", ["x-envoy-original-dst-host: localhost:80"]),
  dst("an empty header", "by_header", ["x-envoy-original-dst-host: "]),
  dst("port 0", "by_header", ["x-envoy-original-dst-host: 127.0.0.1:0"]),
  dst("a port too large", "by_header", ["x-envoy-original-dst-host: 127.0.0.1:65536"]),
  dst("spaces around", "by_header", ["x-envoy-original-dst-host:   127.0.0.1:@upstream:up1@  "]),
  dst("a list", "by_header", [`${to("up1")},127.0.0.1:@upstream:up2@`]),
  dst("an IPv6 address that refuses", "by_header", ["x-envoy-original-dst-host: [::1]:1"]),
  dst("a refused port", "by_header", ["x-envoy-original-dst-host: 127.0.0.1:@refused:refused@"]),
  dst("another header name", "by_name", ["x-where: 127.0.0.1:@upstream:up1@"], named("up1")),
  dst("the usual header under another name", "by_name", [to("up1")], flags("UH")),
  dst("upstream_port_override", "port", ["x-envoy-original-dst-host: 127.0.0.1:1"], named("up2")),
  dst("metadata names the host", "by_metadata", [], named("up2")),
  dst("metadata goes before the header", "both", [to("up1")], named("up2")),
  dst(
    "filter state goes first",
    "by_state",
    [to("up1"), "x-state: 127.0.0.1:@upstream:up2@"],
    named("up2"),
  ),
  dst("filter state that is no address", "by_state", [to("up1"), "x-state: nowhere"]),
  exchange("a restored destination", "restored", restored("up1", get("/")), named("up1")),
  exchange("another restored destination", "restored", restored("up2", get("/")), named("up2")),
  exchange(
    "the header goes before the restored destination",
    "restored_header",
    restored("up1", get("/", to("up2"))),
    named("up2"),
  ),
  exchange(
    "a broken header falls back to the restored destination",
    "restored_header",
    restored("up1", get("/", "x-envoy-original-dst-host: nowhere")),
    named("up1"),
  ),
  exchange(
    "the port of a restored destination is replaced",
    "restored_port",
    restored("up1", get("/")),
    named("up2"),
  ),
  {
    name: "TCP to the restored destination",
    on: "tcp",
    steps: [send(restored("up1", "ping")), until("ping"), finish, closed],
    upstreams: { up1: { tcp: "echo" } },
  },
  {
    name: "TCP without a restored destination",
    on: "tcp_plain",
    steps: [send("ping"), closed],
    facts: { "log.0.flags": JSON.stringify("UH") },
  },
  {
    name: "a host disappears when nobody needs it",
    on: "main",
    steps: [send(get("/fast", to("up1"))), response],
    upstreams: { up1: { replies: [{ ...reply(200, "up1"), after: "close" }] } },
    counters: false,
  },
  {
    name: "it is gone",
    on: "main",
    steps: [stat("cluster.fast.membership_total", 0)],
    logs: 0,
    counters: false,
  },
  {
    name: "the same host again takes its connection",
    on: "main",
    steps: [
      send(get("/by_header", to("up1"))),
      response,
      send(get("/by_header", to("up1"))),
      response,
    ],
    logs: 2,
  },
  {
    name: "hosts come and count",
    on: "main",
    steps: [
      adminLines(
        "/stats",
        /^cluster\.(by_|plain|port|both).*(membership_[thd]|original_dst|max_host)/,
      ),
    ],
    logs: 0,
  },
];

const hcmTo = (name: string): Message => hcmWithHosts([anyHost([routeTo({ prefix: "/" }, name)])]);

const tcpTo = (name: string): Message => ({
  name: "envoy.filters.network.tcp_proxy",
  typed_config: any("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: "tcp",
    cluster: name,
    access_log: [jsonLog()],
  }),
});

const PROXY_PROTOCOL: Message = {
  name: "envoy.filters.listener.proxy_protocol",
  typed_config: any("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"),
};

const behindProxy = (name: string, filter: Message): Message =>
  listener(name, [filter], { listener_filters: [PROXY_PROTOCOL] });

export const originalDsts: DifferentialGroup = {
  name: "original-dst-cluster",
  bootstrap: bootstrap(
    [
      listener("main", [
        hcmWithHosts([anyHost(originalDstRoutes)], {
          http_filters: [setState, toMetadata, ROUTER],
        }),
      ]),
      behindProxy("restored", hcmTo("plain")),
      behindProxy("restored_header", hcmTo("by_header")),
      behindProxy("restored_port", hcmTo("port")),
      behindProxy("tcp", tcpTo("plain")),
      listener("tcp_plain", [tcpTo("plain")]),
    ],
    [
      ...originalDstClusters,
      cluster("up1", ["@upstream:up1@"]),
      cluster("refused", ["@refused:refused@"]),
    ],
  ),
  cases: originalDstCases,
};
