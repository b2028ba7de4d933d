// Listeners: filter chain match (10.1), the generic matcher, listener filters and their timeouts.
import { any, anyHost, bootstrap, hcm, hcmWithHosts, jsonLog, listener, type Message, socketAddress } from "../bootstrap.ts";
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
  send,
  type Step,
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
      anyHost([{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: name } } }]),
    ]),
  ],
});

const tcpLog = { access_log: [jsonLog()] };

const chains = (name: string, filter_chains: readonly Message[], fields: Message = {}): Message =>
  listener(name, [], { filter_chains, ...tcpLog, ...fields });

const range = (address_prefix: string, prefix_len: number): Message => ({ address_prefix, prefix_len });

// 10.1. The two destination ports are those of the PROXY protocol header.
const VECTOR_CHAINS = [
  says("A", { destination_port: 8080, server_names: ["a.com"] }),
  says("B", { server_names: ["*.com"], application_protocols: ["h2"] }),
  says("C", { transport_protocol: "tls" }),
];

type Vector = readonly [port: number, sni: string | null, alpn: readonly string[] | null, tls: boolean, chain: string];

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

const chainOf = (on: string, title: string, text: string, chain: string | null, more: Partial<DifferentialCase> = {}): DifferentialCase => ({
  name: `${on}: ${title}`,
  on,
  steps: chain === null ? [send(text), closed] : [send(text), until("!"), closed],
  ...(chain === null ? {} : { facts: { "client.0.bytes.0": `chain ${chain}!` } }),
  ...more,
});

const hello = (serverName: string, ...protocols: readonly string[]): string =>
  clientHello({ serverName, ...(protocols.length > 0 ? { protocols } : {}) });

const matchCases: readonly DifferentialCase[] = [
  chainOf("prefixes", "longest destination prefix", viaProxy("10.1.1.1", "10.1.2.3"), "ten-one-two"),
  chainOf("prefixes", "shorter destination prefix", viaProxy("10.1.1.1", "10.9.2.3"), "ten"),
  chainOf("prefixes", "no destination prefix", viaProxy("10.1.1.1", "11.1.1.1"), null),
  chainOf("prefixes", "no way back from a longer prefix", viaProxy("10.1.1.1", "10.3.0.1", 81), null),
  chainOf("sources", "source prefix", viaProxy("20.1.1.1", "10.1.1.1"), "source-20"),
  chainOf("sources", "source port", viaProxy("20.1.1.1", "10.1.1.1", 80, 7777), "port-7777"),
  chainOf("sources", "source port without prefix", viaProxy("21.1.1.1", "10.1.1.1", 80, 7777), "any"),
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
  chainOf("alpn", "first protocol of the client that is known", hello("x", "h3", "http/1.1", "h2"), "http/1.1"),
  chainOf("alpn", "no protocol that is known", hello("x", "spdy"), null),
];

const inspectorCases: readonly DifferentialCase[] = [
  exchange("http_inspector sees HTTP/1.1", "http", get("/")),
  exchange("http_inspector sees HTTP/1.0", "http", "GET / HTTP/1.0\r\nhost: a\r\n\r\n"),
  chainOf("http", "http_inspector sees an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2c", { logs: 0 }),
  chainOf("http", "http_inspector sees something else", "hello there\r\n", "other", { logs: 0 }),
  // Envoy's http_inspector takes any version after HTTP/ for HTTP/1.1.
  exchange("http_inspector sees a strange version", "http", "GET / HTTP/3.9\r\nhost: a\r\n\r\n"),
  {
    name: "http: a request line in two pieces",
    on: "http",
    steps: [send("GET / HT"), pause(20), send("TP/1.1\r\nhost: a\r\n\r\n"), response],
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
    steps: [send(hello("one.example").slice(0, 60)), pause(20), send(hello("one.example").slice(60)), until("!"), closed],
  },
  chainOf("names", "not TLS", "plain text", "default"),
  chainOf("names", "a large ClientHello", clientHello({ serverName: "one.example", padding: 9_000 }), "exact"),
  chainOf("names", "a ClientHello that is too large", clientHello({ serverName: "one.example", padding: 15_900 }) + "x".repeat(1_000), null, { counters: false }),
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

const v2 = (command: number, family: number, body: Buffer): string =>
  Buffer.concat([
    Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
    Buffer.from([command, family, body.length >> 8, body.length & 0xff]),
    body,
  ]).toString("latin1");

const V2_IPV4 = Buffer.from("0a0000010a00000204d20050", "hex");
const V2_IPV6 = Buffer.concat([Buffer.alloc(15), Buffer.from([1]), Buffer.alloc(15), Buffer.from([2, 4, 0xd2, 0, 80])]);
const TLV = Buffer.from("0200056161616161e000026162", "hex");

const proxyCases: readonly DifferentialCase[] = [
  exchange("proxy v1 TCP4", "proxy", `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/")}`),
  exchange("proxy v1 TCP6", "proxy", `PROXY TCP6 1:2::3 4::5 1111 2222\r\n${get("/")}`),
  exchange("proxy v1 UNKNOWN", "proxy", `PROXY UNKNOWN\r\n${get("/")}`),
  exchange("proxy v1 UNKNOWN with addresses", "proxy", `PROXY UNKNOWN 1.1.1.1 2.2.2.2 1 2\r\n${get("/")}`),
  {
    name: "proxy v1 in pieces",
    on: "proxy",
    steps: [send("PROXY TCP4 1.2.3.4 5.6"), pause(20), send(`.7.8 1111 2222\r\n${get("/")}`), response],
  },
  ...[
    ["without addresses", "PROXY TCP4\r\n"],
    ["with bad addresses", "PROXY TCP4 a b 1 2\r\n"],
    ["with a bad port", "PROXY TCP4 1.2.3.4 5.6.7.8 1111 99999\r\n"],
    ["with mixed families", "PROXY TCP4 1.2.3.4 ::1 1 2\r\n"],
    ["with an unknown family", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"],
    ["that is too long", `PROXY TCP4 ${"1".repeat(120)}\r\n`],
    ["with LF only", "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\n"],
  ].map(
    ([what, line]): DifferentialCase => ({
      name: `proxy v1 ${what}`,
      on: "proxy-logged",
      steps: [send(line + get("/")), closed],
    }),
  ),
  { name: "no proxy header", on: "proxy-logged", steps: [send(get("/")), closed] },
  exchange("no proxy header where it may be absent", "proxy-optional", get("/")),
  exchange("a proxy header where it may be absent", "proxy-optional", `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/")}`),
  exchange("proxy v2 IPv4", "proxy", v2(0x21, 0x11, V2_IPV4) + get("/")),
  exchange("proxy v2 IPv6", "proxy", v2(0x21, 0x21, V2_IPV6) + get("/")),
  exchange("proxy v2 LOCAL", "proxy", v2(0x20, 0x00, Buffer.alloc(0)) + get("/")),
  exchange("proxy v2 with TLVs", "proxy-tlv", v2(0x21, 0x11, Buffer.concat([V2_IPV4, TLV])) + get("/")),
  { name: "proxy v2 with a bad version", on: "proxy-logged", steps: [send(v2(0x11, 0x11, V2_IPV4) + get("/")), closed] },
  { name: "proxy v2 with a bad command", on: "proxy-logged", steps: [send(v2(0x2f, 0x11, V2_IPV4) + get("/")), closed] },
  { name: "proxy v2 with a short body", on: "proxy-logged", steps: [send(v2(0x21, 0x11, V2_IPV4.subarray(0, 8)) + get("/")), closed] },
  { name: "proxy v2 where only v1 is allowed", on: "proxy-v1", steps: [send(v2(0x21, 0x11, V2_IPV4) + get("/")), closed], logs: 0 },
  {
    name: "the listener logs the connection after the request",
    on: "proxy-logged",
    steps: [send(`PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/", "connection: close")}`), response, closed],
    logs: 2,
  },
  exchange("proxy v1 where only v1 is allowed", "proxy-v1", `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/")}`),
];

// The generic matcher.
const input = (name: string, type: string): Message => ({
  name,
  typed_config: any(`envoy.extensions.matching.common_inputs.network.v3.${type}`),
});
const chainAction = (name: string): Message => ({
  action: { name: "filter-chain-name", typed_config: any("google.protobuf.StringValue", { value: name }) },
});
const named = (name: string): Message => says(name, null);

const MATCHER: Message = {
  matcher_tree: {
    input: input("port", "DestinationPortInput"),
    exact_match_map: {
      map: {
        "80": chainAction("web"),
        "81": chainAction("unknown-chain"),
        "82": {
          matcher: {
            matcher_list: {
              matchers: [
                {
                  predicate: {
                    single_predicate: {
                      input: input("source", "SourceIPInput"),
                      value_match: { prefix: "20." },
                    },
                  },
                  on_match: chainAction("from-20"),
                },
                {
                  predicate: {
                    or_matcher: {
                      predicate: [
                        { single_predicate: { input: input("type", "SourceTypeInput"), value_match: { exact: "local" } } },
                        { single_predicate: { input: input("sp", "SourcePortInput"), value_match: { exact: "4001" } } },
                      ],
                    },
                  },
                  on_match: chainAction("local-or-4001"),
                },
                {
                  predicate: {
                    not_matcher: {
                      single_predicate: { input: input("tp", "TransportProtocolInput"), value_match: { exact: "tls" } },
                    },
                  },
                  on_match: chainAction("not-tls"),
                },
              ],
            },
          },
        },
        "83": {
          matcher: {
            matcher_tree: {
              input: input("ip", "DestinationIPInput"),
              custom_match: {
                name: "ip",
                typed_config: any("xds.type.matcher.v3.IPMatcher", {
                  range_matchers: [
                    { ranges: [range("10.0.0.0", 8)], on_match: chainAction("trie-10") },
                    { ranges: [range("10.1.0.0", 16)], on_match: chainAction("trie-10-1") },
                  ],
                }),
              },
            },
          },
        },
        "84": {
          matcher: {
            matcher_tree: {
              input: input("sni", "ServerNameInput"),
              custom_match: {
                name: "names",
                typed_config: any("xds.type.matcher.v3.ServerNameMatcher", {
                  domain_matchers: [
                    { domains: ["one.example", "*.two.example"], on_match: chainAction("trie-name") },
                    { domains: ["*"], on_match: chainAction("trie-any") },
                  ],
                }),
              },
            },
          },
        },
        "85": {
          matcher: {
            matcher_tree: {
              input: input("alpn", "ApplicationProtocolInput"),
              exact_match_map: { map: { "'h2','http/1.1'": chainAction("alpn-both") } },
            },
            on_no_match: chainAction("alpn-other"),
          },
        },
      },
    },
  },
};

const MATCHER_CHAINS = ["web", "from-20", "local-or-4001", "not-tls", "trie-10", "trie-10-1", "trie-name", "trie-any", "alpn-both", "alpn-other"].map(named);

const to = (port: number, source = "30.1.1.1", destination = "10.1.1.1", sourcePort = 4000): string =>
  viaProxy(source, destination, port, sourcePort);

const matcherCases: readonly DifferentialCase[] = [
  chainOf("matcher", "exact map", `${to(80)}plain text`, "web"),
  chainOf("matcher", "an unknown chain closes", `${to(81)}plain text`, null),
  chainOf("matcher", "no match takes the default", `${to(99)}plain text`, "default"),
  chainOf("matcher", "nested list, first entry", `${to(82, "20.1.1.1")}plain text`, "from-20"),
  chainOf("matcher", "nested list, or: local", `${to(82, "127.0.0.1")}plain text`, "local-or-4001"),
  chainOf("matcher", "nested list, or: port", `${to(82, "30.1.1.1", "10.1.1.1", 4001)}plain text`, "local-or-4001"),
  chainOf("matcher", "nested list, not", `${to(82)}plain text`, "not-tls"),
  chainOf("matcher", "nested list, nothing", to(82) + clientHello(), "default"),
  chainOf("matcher", "IP trie, longest", `${to(83)}plain text`, "trie-10-1"),
  chainOf("matcher", "IP trie, shorter", `${to(83, "30.1.1.1", "10.9.1.1")}plain text`, "trie-10"),
  chainOf("matcher", "IP trie, nothing", `${to(83, "30.1.1.1", "11.9.1.1")}plain text`, "default"),
  chainOf("matcher", "name trie, exact", to(84) + hello("one.example"), "trie-name"),
  chainOf("matcher", "name trie, wildcard", to(84) + hello("x.two.example"), "trie-name"),
  chainOf("matcher", "name trie, any", to(84) + hello("other"), "trie-any"),
  chainOf("matcher", "application protocols", to(85) + hello("x", "h2", "http/1.1"), "alpn-both"),
  chainOf("matcher", "other application protocols", to(85) + hello("x", "http/1.1", "h2"), "alpn-other"),
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
  exchange("names the filter chain in the log", "named-chain", get("/"), { facts: { "log.0.chain": '"my-chain"' } }),
  exchange("an HTTP/2 preface without support for it", "plain-http1", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${head("GET / HTTP/1.1", "host: a")}`),
];

const short = (fields: Message): Message => ({
  listener_filters: [TLS],
  listener_filters_timeout: "0.15s",
  ...fields,
});

const proxied = (fields: Message): Message => ({
  listener_filters: [listenerFilter("proxy_protocol", "proxy_protocol.v3.ProxyProtocol", fields)],
});

const tlv = {
  rules: [{ tlv_type: 2, on_tlv_present: { key: "authority" } }, { tlv_type: 0xe0, on_tlv_present: { metadata_namespace: "mine", key: "custom" } }],
};

const tlvLog = jsonLog({
  authority: "%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:authority)%",
  custom: "%DYNAMIC_METADATA(mine:custom)%",
  remote: "%DOWNSTREAM_REMOTE_ADDRESS%",
  direct_remote: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
  local: "%DOWNSTREAM_LOCAL_ADDRESS%",
  direct_local: "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%",
});

export const listeners: DifferentialGroup = {
  name: "listeners",
  bootstrap: bootstrap([
    chains("vectors", VECTOR_CHAINS, { listener_filters: [PROXY, TLS], default_filter_chain: says("D", null) }),
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
    chains("types", [says("local", { source_type: "SAME_IP_OR_LOOPBACK" }), says("external", { source_type: "EXTERNAL" })], {
      listener_filters: [PROXY],
    }),
    chains(
      "names",
      [
        says("exact", { server_names: ["One.example"] }),
        says("wildcard", { server_names: ["*.example"] }),
        says("deep", { server_names: ["*.deep.example"] }),
      ],
      { listener_filters: [TLS], default_filter_chain: says("default", null) },
    ),
    chains("alpn", [says("h2", { application_protocols: ["h2"] }), says("http/1.1", { application_protocols: ["http/1.1"] })], {
      listener_filters: [TLS],
    }),
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
    chains("timeout-continue", [says("default", {})], short({ continue_on_listener_filters_timeout: true })),
    listener("proxy", [hcm()], proxied({})),
    listener("proxy-logged", [hcm()], { ...proxied({}), ...tcpLog }),
    listener("proxy-optional", [hcm()], proxied({ allow_requests_without_proxy_protocol: true })),
    listener("proxy-v1", [hcm()], proxied({ disallowed_versions: ["V2"] })),
    listener("proxy-tlv", [hcm({ access_log: [tlvLog] })], proxied(tlv)),
    chains("matcher", MATCHER_CHAINS, {
      listener_filters: [PROXY, TLS],
      filter_chain_matcher: MATCHER,
      default_filter_chain: says("default", null),
    }),
    listener("empty", [], tcpLog),
    listener("plain", [hcm()], { additional_addresses: [{ address: socketAddress("@port:second-address@") }] }),
    listener("plain-http1", [hcm({ codec_type: "HTTP1" })]),
    listener("named-chain", [], { filter_chains: [{ name: "my-chain", filters: [hcm()] }] }),
  ]),
  cases: [
    ...VECTORS.map(vectorCase),
    ...matchCases,
    ...inspectorCases,
    ...proxyCases,
    ...matcherCases,
    ...otherCases,
  ],
};
