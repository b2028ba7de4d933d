// Listeners: filter chain match (10.1), listener filters and their timeouts.
import {
  any,
  anyHost,
  bootstrap,
  hcm,
  hcmWithHosts,
  jsonLog,
  listener,
  type Message,
  socketAddress,
} from "../bootstrap.ts";
import {
  closed,
  connectTo,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  finish,
  get,
  head,
  pause,
  response,
  type Step,
  send,
  stat,
  until,
} from "../case.ts";
import { clientHello } from "../client-hello.ts";

const listenerFilter = (short: string, type: string, fields: Message = {}): Message => ({
  name: `envoy.filters.listener.${short}`,
  typed_config: any(`envoy.extensions.filters.listener.${type}`, fields),
});

const TLS = listenerFilter("tls_inspector", "tls_inspector.v3.TlsInspector");
const HTTP = listenerFilter("http_inspector", "http_inspector.v3.HttpInspector");
const PROXY = listenerFilter("proxy_protocol", "proxy_protocol.v3.ProxyProtocol");

/** A chain that names itself over TCP and closes. */
const says = (name: string, match: Message | null): Message => ({
  name,
  ...(match === null ? {} : { filter_chain_match: match }),
  filters: [
    {
      name: "envoy.filters.network.direct_response",
      typed_config: any("envoy.extensions.filters.network.direct_response.v3.Config", {
        response: { inline_string: `chain ${name}!` },
      }),
    },
  ],
});

/** A chain with HTTP that names itself. */
const http = (name: string, match: Message): Message => ({
  name,
  filter_chain_match: match,
  filters: [
    hcmWithHosts([
      anyHost([
        { match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: name } } },
      ]),
    ]),
  ],
});

const tcpLog = { access_log: [jsonLog()] };

const chains = (name: string, filter_chains: readonly Message[], fields: Message = {}): Message =>
  listener(name, [], { filter_chains, ...tcpLog, ...fields });

const range = (address_prefix: string, prefix_len: number): Message => ({
  address_prefix,
  prefix_len,
});

// 10.1. The two destination ports are those of the PROXY protocol header.
const VECTOR_CHAINS = [
  says("A", { destination_port: 8080, server_names: ["a.com"] }),
  says("B", { server_names: ["*.com"], application_protocols: ["h2"] }),
  says("C", { transport_protocol: "tls" }),
];

type Vector = readonly [
  port: number,
  sni: string | null,
  alpn: readonly string[] | null,
  tls: boolean,
  chain: string,
];

const VECTORS: readonly Vector[] = [
  [8080, "a.com", ["h2"], true, "A"],
  [8080, "b.com", ["h2"], true, "D"],
  [443, "x.com", ["h2"], true, "B"],
  [443, "x.com", ["http/1.1"], true, "D"],
  [443, null, null, true, "C"],
  [443, null, null, false, "D"],
  [443, "X.CoM", ["http/1.1", "h2"], true, "B"],
];

function vectorCase([port, sni, alpn, tls, chain]: Vector): DifferentialCase {
  const hello = clientHello({
    ...(sni === null ? {} : { serverName: sni }),
    ...(alpn === null ? {} : { protocols: alpn }),
  });
  const text = `PROXY TCP4 10.1.1.1 10.2.2.2 4000 ${port}\r\n${tls ? hello : "plain text"}`;
  return {
    name: `10.1: port ${port}, SNI ${sni}, ALPN ${alpn}, ${tls ? "tls" : "raw_buffer"} takes ${chain}`,
    on: "vectors",
    steps: [send(text), until("!"), closed],
    facts: { "client.0.bytes.0": `chain ${chain}!` },
  };
}

const viaProxy = (source: string, destination: string, port = 80, sourcePort = 4000): string =>
  `PROXY TCP4 ${source} ${destination} ${sourcePort} ${port}\r\n`;

const chainOf = (
  on: string,
  title: string,
  text: string,
  chain: string | null,
  more: Partial<DifferentialCase> = {},
): DifferentialCase => ({
  name: `${on}: ${title}`,
  on,
  steps: chain === null ? [send(text), closed] : [send(text), until("!"), closed],
  ...(chain === null ? {} : { facts: { "client.0.bytes.0": `chain ${chain}!` } }),
  ...more,
});

const hello = (serverName: string, ...protocols: readonly string[]): string =>
  clientHello({ serverName, ...(protocols.length > 0 ? { protocols } : {}) });

const matchCases: readonly DifferentialCase[] = [
  chainOf(
    "prefixes",
    "longest destination prefix",
    viaProxy("10.1.1.1", "10.1.2.3"),
    "ten-one-two",
  ),
  chainOf("prefixes", "shorter destination prefix", viaProxy("10.1.1.1", "10.9.2.3"), "ten"),
  chainOf("prefixes", "no destination prefix", viaProxy("10.1.1.1", "11.1.1.1"), null),
  chainOf(
    "prefixes",
    "no way back from a longer prefix",
    viaProxy("10.1.1.1", "10.3.0.1", 81),
    null,
  ),
  chainOf("sources", "source prefix", viaProxy("20.1.1.1", "10.1.1.1"), "source-20"),
  chainOf("sources", "source port", viaProxy("20.1.1.1", "10.1.1.1", 80, 7777), "port-7777"),
  chainOf(
    "sources",
    "source port without prefix",
    viaProxy("21.1.1.1", "10.1.1.1", 80, 7777),
    "any",
  ),
  chainOf("direct", "physical source", viaProxy("20.1.1.1", "10.1.1.1"), "loopback"),
  chainOf("types", "external source", viaProxy("20.1.1.1", "10.1.1.1"), "external"),
  chainOf("types", "loopback source", viaProxy("127.0.0.1", "10.1.1.1"), "local"),
  chainOf("types", "same address", viaProxy("10.1.1.1", "10.1.1.1"), "local"),
  chainOf("names", "exact server name", hello("one.example"), "exact"),
  chainOf("names", "server name in capitals", hello("ONE.Example"), "exact"),
  chainOf("names", "wildcard server name", hello("x.example"), "wildcard"),
  chainOf("names", "longer wildcard first", hello("a.deep.example"), "deep"),
  chainOf("names", "several labels under a wildcard", hello("a.b.example"), "wildcard"),
  chainOf("names", "wildcard needs a label", hello("example"), "default"),
  chainOf("names", "no server name", clientHello(), "default"),
  chainOf(
    "alpn",
    "first protocol of the client that is known",
    hello("x", "h3", "http/1.1", "h2"),
    "http/1.1",
  ),
  chainOf("alpn", "no protocol that is known", hello("x", "spdy"), null),
];

const inspectorCases: readonly DifferentialCase[] = [
  exchange("http_inspector sees HTTP/1.1", "http", get("/")),
  exchange("http_inspector sees HTTP/1.0", "http", "GET / HTTP/1.0\r\nhost: a\r\n\r\n"),
  chainOf(
    "http",
    "http_inspector sees an HTTP/2 preface",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "h2c",
    { logs: 0 },
  ),
  chainOf("http", "http_inspector sees something else", "hello there\r\n", "other", { logs: 0 }),
  // Envoy's http_inspector takes any version after HTTP/ for HTTP/1.1.
  exchange("http_inspector sees a strange version", "http", "GET / HTTP/3.9\r\nhost: a\r\n\r\n"),
  {
    name: "http: a request line in two pieces",
    on: "http",
    // Bytes that are there when Envoy accepts can wake its http_inspector twice; a second waking
    // without new bytes is an end of stream to it, and the chain without a protocol is taken.
    steps: [
      stat("listener.http.downstream_pre_cx_active", 1),
      send("GET / HT"),
      pause(20),
      send("TP/1.1\r\nhost: a\r\n\r\n"),
      response,
    ],
  },
  {
    name: "names: a ClientHello byte by byte",
    on: "names",
    steps: [
      ...[...hello("one.example")].flatMap((byte): Step[] => [send(byte)]),
      until("!"),
      closed,
    ],
    facts: { "client.0.bytes.0": "chain exact!" },
  },
  {
    name: "names: a ClientHello in two records of TCP",
    on: "names",
    steps: [
      send(hello("one.example").slice(0, 60)),
      pause(20),
      send(hello("one.example").slice(60)),
      until("!"),
      closed,
    ],
  },
  chainOf("names", "not TLS", "plain text", "default"),
  chainOf(
    "names",
    "a large ClientHello",
    clientHello({ serverName: "one.example", padding: 9_000 }),
    "exact",
  ),
  chainOf(
    "names",
    "a ClientHello that is too large",
    clientHello({ serverName: "one.example", padding: 15_900 }) + "x".repeat(1_000),
    null,
    { counters: false },
  ),
  chainOf("names", "a broken ClientHello", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "default"),
  {
    name: "timeout: a silent client is closed",
    on: "timeout",
    steps: [closed],
  },
  {
    name: "timeout-continue: a silent client goes on",
    on: "timeout-continue",
    steps: [until("!"), closed],
    facts: { "client.0.bytes.0": "chain default!" },
  },
  {
    name: "timeout: a client that closes while it is inspected",
    on: "timeout",
    steps: [send("\x16\x03"), finish, closed],
  },
];

const otherCases: readonly DifferentialCase[] = [
  { name: "a listener without filters closes", on: "empty", steps: [closed] },
  exchange("a second address of a listener", "second-address", get("/")),
  {
    name: "two listeners at once",
    on: "plain",
    steps: [send(get("/1")), response, connectTo("second-address"), send(get("/2")), response],
    logs: 2,
  },
  exchange("names the filter chain in the log", "named-chain", get("/"), {
    facts: { "log.0.chain": '"my-chain"' },
  }),
  exchange(
    "an HTTP/2 preface without support for it",
    "plain-http1",
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${head("GET / HTTP/1.1", "host: a")}`,
  ),
];

const short = (fields: Message): Message => ({
  listener_filters: [TLS],
  listener_filters_timeout: "0.15s",
  ...fields,
});

export const listeners: DifferentialGroup = {
  name: "listeners",
  bootstrap: bootstrap([
    chains("vectors", VECTOR_CHAINS, {
      listener_filters: [PROXY, TLS],
      default_filter_chain: says("D", null),
    }),
    chains(
      "prefixes",
      [
        says("ten", { prefix_ranges: [range("10.0.0.0", 8)] }),
        says("ten-one-two", { prefix_ranges: [range("10.1.2.0", 24)] }),
        says("ten-three", { prefix_ranges: [range("10.3.0.0", 16)], source_ports: [9] }),
      ],
      { listener_filters: [PROXY] },
    ),
    chains(
      "sources",
      [
        says("source-20", { source_prefix_ranges: [range("20.0.0.0", 8)] }),
        says("port-7777", { source_prefix_ranges: [range("20.0.0.0", 8)], source_ports: [7777] }),
        says("any", {}),
      ],
      { listener_filters: [PROXY] },
    ),
    chains(
      "direct",
      [
        says("loopback", { direct_source_prefix_ranges: [range("127.0.0.0", 8)] }),
        says("other", {}),
      ],
      { listener_filters: [PROXY] },
    ),
    chains(
      "types",
      [
        says("local", { source_type: "SAME_IP_OR_LOOPBACK" }),
        says("external", { source_type: "EXTERNAL" }),
      ],
      {
        listener_filters: [PROXY],
      },
    ),
    chains(
      "names",
      [
        says("exact", { server_names: ["One.example"] }),
        says("wildcard", { server_names: ["*.example"] }),
        says("deep", { server_names: ["*.deep.example"] }),
      ],
      { listener_filters: [TLS], default_filter_chain: says("default", null) },
    ),
    chains(
      "alpn",
      [
        says("h2", { application_protocols: ["h2"] }),
        says("http/1.1", { application_protocols: ["http/1.1"] }),
      ],
      {
        listener_filters: [TLS],
      },
    ),
    chains(
      "http",
      [
        http("http/1.1", { application_protocols: ["http/1.1"] }),
        http("http/1.0", { application_protocols: ["http/1.0"] }),
        says("h2c", { application_protocols: ["h2c"] }),
        says("other", {}),
      ],
      { listener_filters: [HTTP], access_log: [] },
    ),
    chains("timeout", [says("default", {})], short({})),
    chains(
      "timeout-continue",
      [says("default", {})],
      short({ continue_on_listener_filters_timeout: true }),
    ),
    listener("empty", [], tcpLog),
    listener("plain", [hcm()], {
      additional_addresses: [{ address: socketAddress("@port:second-address@") }],
    }),
    listener("plain-http1", [hcm({ codec_type: "HTTP1" })]),
    listener("named-chain", [], { filter_chains: [{ name: "my-chain", filters: [hcm()] }] }),
  ]),
  cases: [...VECTORS.map(vectorCase), ...matchCases, ...inspectorCases, ...otherCases],
};
