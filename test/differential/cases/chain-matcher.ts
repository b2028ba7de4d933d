// The generic matcher as filter_chain_matcher (envoy-semantics 1.4).
import { any, bootstrap, jsonLog, listener, type Message } from "../bootstrap.ts";
import { closed, type DifferentialCase, type DifferentialGroup, send, until } from "../case.ts";
import { clientHello } from "../client-hello.ts";

const listenerFilter = (short: string, type: string, fields: Message = {}): Message => ({
  name: `envoy.filters.listener.${short}`,
  typed_config: any(`envoy.extensions.filters.listener.${type}`, fields),
});

const TLS = listenerFilter("tls_inspector", "tls_inspector.v3.TlsInspector");

const PROXY = listenerFilter("proxy_protocol", "proxy_protocol.v3.ProxyProtocol");

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

const tcpLog = { access_log: [jsonLog()] };

const chains = (name: string, filter_chains: readonly Message[], fields: Message = {}): Message =>
  listener(name, [], { filter_chains, ...tcpLog, ...fields });

const range = (address_prefix: string, prefix_len: number): Message => ({
  address_prefix,
  prefix_len,
});

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

const input = (name: string, type: string): Message => ({
  name,
  typed_config: any(`envoy.extensions.matching.common_inputs.network.v3.${type}`),
});

const chainAction = (name: string): Message => ({
  action: {
    name: "filter-chain-name",
    typed_config: any("google.protobuf.StringValue", { value: name }),
  },
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
                        {
                          single_predicate: {
                            input: input("type", "SourceTypeInput"),
                            value_match: { exact: "local" },
                          },
                        },
                        {
                          single_predicate: {
                            input: input("sp", "SourcePortInput"),
                            value_match: { exact: "4001" },
                          },
                        },
                      ],
                    },
                  },
                  on_match: chainAction("local-or-4001"),
                },
                {
                  predicate: {
                    not_matcher: {
                      single_predicate: {
                        input: input("tp", "TransportProtocolInput"),
                        value_match: { exact: "tls" },
                      },
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
                    {
                      domains: ["one.example", "*.two.example"],
                      on_match: chainAction("trie-name"),
                    },
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

const MATCHER_CHAINS = [
  "web",
  "from-20",
  "local-or-4001",
  "not-tls",
  "trie-10",
  "trie-10-1",
  "trie-name",
  "trie-any",
  "alpn-both",
  "alpn-other",
].map(named);

const to = (
  port: number,
  source = "30.1.1.1",
  destination = "10.1.1.1",
  sourcePort = 4000,
): string => viaProxy(source, destination, port, sourcePort);

const matcherCases: readonly DifferentialCase[] = [
  chainOf("matcher", "exact map", `${to(80)}plain text`, "web"),
  chainOf("matcher", "an unknown chain closes", `${to(81)}plain text`, null),
  chainOf("matcher", "no match takes the default", `${to(99)}plain text`, "default"),
  chainOf("matcher", "nested list, first entry", `${to(82, "20.1.1.1")}plain text`, "from-20"),
  chainOf("matcher", "nested list, or: local", `${to(82, "127.0.0.1")}plain text`, "local-or-4001"),
  chainOf(
    "matcher",
    "nested list, or: port",
    `${to(82, "30.1.1.1", "10.1.1.1", 4001)}plain text`,
    "local-or-4001",
  ),
  chainOf("matcher", "nested list, not", `${to(82)}plain text`, "not-tls"),
  chainOf("matcher", "nested list, nothing", to(82) + clientHello(), "default"),
  chainOf("matcher", "IP trie, longest", `${to(83)}plain text`, "trie-10-1"),
  chainOf("matcher", "IP trie, shorter", `${to(83, "30.1.1.1", "10.9.1.1")}plain text`, "trie-10"),
  chainOf("matcher", "IP trie, nothing", `${to(83, "30.1.1.1", "11.9.1.1")}plain text`, "default"),
  chainOf("matcher", "name trie, exact", to(84) + hello("one.example"), "trie-name"),
  chainOf("matcher", "name trie, wildcard", to(84) + hello("x.two.example"), "trie-name"),
  chainOf("matcher", "name trie, any", to(84) + hello("other"), "trie-any"),
  chainOf("matcher", "application protocols", to(85) + hello("x", "h2", "http/1.1"), "alpn-both"),
  chainOf(
    "matcher",
    "other application protocols",
    to(85) + hello("x", "http/1.1", "h2"),
    "alpn-other",
  ),
];

export const chainMatcher: DifferentialGroup = {
  name: "chain-matcher",
  bootstrap: bootstrap([
    chains("matcher", MATCHER_CHAINS, {
      listener_filters: [PROXY, TLS],
      filter_chain_matcher: MATCHER,
      default_filter_chain: says("default", null),
    }),
  ]),
  cases: matcherCases,
};
