// Broken listeners, filter chains, network filters and bootstrap sections.
import {
  type BrokenConfig,
  ECHO,
  EXTENSIONS,
  listener,
  listeners,
  networkFilters,
} from "./broken-config.ts";

const CHAINS =
  'filter_chains: [{ filters: [{ name: e, typed_config: { "@type": ' +
  `${EXTENSIONS}.filters.network.echo.v3.Echo } }] }]`;

export const BROKEN_LISTENERS: readonly BrokenConfig[] = [
  {
    what: "a listener without an address",
    text: listeners(`- »name: a\n  ${CHAINS}`),
    message: /address/,
    remedy: /./,
  },
  {
    what: "a listener address that is a name",
    text: listeners(
      `- name: a\n  address: { socket_address: { »address: localhost, port_value: 1 } }\n  ${CHAINS}`,
    ),
    message: /localhost/,
    remedy: /0\.0\.0\.0|IP/,
  },
  {
    what: "a port that does not exist",
    text: listeners(
      `- name: a\n  address: { socket_address: { address: 127.0.0.1, »port_value: 70000 } }\n  ${CHAINS}`,
    ),
    message: /70000|65535/,
    remedy: /65535|./,
  },
  {
    what: "an address without a port",
    text: listeners(
      `- name: a\n  address: { »socket_address: { address: 127.0.0.1 } }\n  ${CHAINS}`,
    ),
    message: /port/,
    remedy: /port_value/,
  },
  {
    what: "two listeners of one name",
    text: listeners(`
      - name: a
        address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
        ${CHAINS}
      - »name: a
        address: { socket_address: { address: 127.0.0.1, port_value: 2 } }
        ${CHAINS}`),
    message: /"a"/,
    remedy: /name/,
  },
  {
    what: "two listeners of one address",
    text: listeners(`
      - name: a
        address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
        ${CHAINS}
      - name: b
        »address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
        ${CHAINS}`),
    message: /127\.0\.0\.1:1/,
    remedy: /./,
  },
  {
    what: "a listener without filter chains",
    text: listener("»filter_chains: []"),
    message: /filter chain/,
    remedy: /./,
  },
  {
    what: "two filter chains of one match",
    text: listener(`
      filter_chains:
      - name: a
        filter_chain_match: { server_names: [x.example.com] }
        filters:
${ECHO.replace(/^/gm, "        ")}
      - name: b
        »filter_chain_match: { server_names: [x.example.com] }
        filters:
${ECHO.replace(/^/gm, "        ")}`),
    message: /match/,
    remedy: /./,
  },
  {
    what: "a prefix that is longer than an address",
    text: listener(`
      filter_chains:
      - filter_chain_match: { source_prefix_ranges: [{ address_prefix: 10.0.0.0, »prefix_len: 200 }] }
        filters:
${ECHO.replace(/^/gm, "        ")}`),
    message: /200|128/,
    remedy: /./,
  },
  {
    what: "a range that is no address",
    text: listener(`
      filter_chains:
      - filter_chain_match: { source_prefix_ranges: [{ »address_prefix: 10.0.0, prefix_len: 8 }] }
        filters:
${ECHO.replace(/^/gm, "        ")}`),
    message: /10\.0\.0/,
    remedy: /./,
  },
  {
    what: "a server name with a star in its middle",
    text: listener(`
      filter_chains:
      - filter_chain_match: { server_names: [»"a.*.example.com"] }
        filters:
${ECHO.replace(/^/gm, "        ")}`),
    message: /a\.\*\.example\.com/,
    remedy: /./,
  },
  {
    what: "TLS, which comes later",
    text: listener(`
      filter_chains:
      - »transport_socket:
          name: envoy.transport_sockets.tls
          typed_config: { "@type": ${EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext }
        filters:
${ECHO.replace(/^/gm, "        ")}`),
    message: /tls/i,
    remedy: /./,
  },
  {
    what: "a network filter that is not built in",
    text: networkFilters(`
      - name: envoy.filters.network.mongo_proxy
        »typed_config: { "@type": ${EXTENSIONS}.filters.network.mongo_proxy.v3.MongoProxy, stat_prefix: a }`),
    message: /mongo_proxy|MongoProxy/,
    remedy: /./,
  },
  {
    what: "a terminal filter that is not the last one",
    text: networkFilters(`
${ECHO.replace("- ", "- »")}
- name: envoy.filters.network.echo
  typed_config: { "@type": ${EXTENSIONS}.filters.network.echo.v3.Echo }`),
    message: /last/,
    remedy: /./,
  },
  {
    what: "a last filter that ends nothing",
    text: networkFilters(`
      - »name: envoy.filters.network.connection_limit
        typed_config:
          "@type": ${EXTENSIONS}.filters.network.connection_limit.v3.ConnectionLimit
          stat_prefix: a
          max_connections: 1`),
    message: /last|terminal/,
    remedy: /./,
  },
  {
    what: "a tcp_proxy without a cluster",
    text: networkFilters(`
      - name: envoy.filters.network.tcp_proxy
        »typed_config: { "@type": ${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: a }`),
    message: /cluster/,
    remedy: /./,
  },
  {
    what: "a required field that is empty",
    text: networkFilters(`
      - name: envoy.filters.network.connection_limit
        »typed_config:
          "@type": ${EXTENSIONS}.filters.network.connection_limit.v3.ConnectionLimit
          max_connections: 1
${ECHO.replace(/^/gm, "      ")}`),
    message: /Must not be empty/,
    remedy: /./,
  },
  {
    what: "a token bucket that is never filled",
    text: networkFilters(`
      - name: envoy.filters.network.local_ratelimit
        typed_config:
          "@type": ${EXTENSIONS}.filters.network.local_ratelimit.v3.LocalRateLimit
          stat_prefix: a
          token_bucket: { max_tokens: 1, »fill_interval: 0s }
${ECHO.replace(/^/gm, "      ")}`),
    message: /fill_interval|0/,
    remedy: /./,
  },
  {
    what: "an unknown listener filter",
    text: listener(`
      listener_filters:
      - name: a
        »typed_config: { "@type": ${EXTENSIONS}.filters.listener.local_ratelimit.v3.LocalRateLimit, stat_prefix: a, token_bucket: { max_tokens: 1, fill_interval: 1s } }
      ${CHAINS}`),
    message: /ratelimit/i,
    remedy: /./,
  },
  {
    what: "an admin address that is a name",
    text: "admin:\n  address: { socket_address: { »address: admin.local, port_value: 1 } }\n",
    message: /admin\.local/,
    remedy: /./,
  },
  {
    what: "a runtime layer without content",
    text: "layered_runtime:\n  layers:\n  - »name: a\n",
    message: /layer/,
    remedy: /static_layer/,
  },
  {
    what: "a runtime layer over gRPC, which comes later",
    text: "layered_runtime:\n  layers:\n  - { name: a, »rtds_layer: { name: r, rtds_config: { ads: {} } } }\n",
    message: /Runtime discovery/,
    remedy: /./,
  },
  {
    what: "two admin layers of runtime",
    text: "layered_runtime:\n  layers:\n  - { name: a, admin_layer: {} }\n  - { name: b, »admin_layer: {} }\n",
    message: /admin/,
    remedy: /./,
  },
  {
    what: "stats sinks, which come later",
    text: "»stats_sinks: [{ name: envoy.stat_sinks.statsd }]\n",
    message: /Stats sinks/,
    remedy: /prometheus/,
  },
  {
    what: "ADS, which comes later",
    text: "dynamic_resources:\n  »ads_config: { api_type: GRPC, grpc_services: [{ envoy_grpc: { cluster_name: a } }] }\n",
    message: /./,
    remedy: /./,
  },
  {
    what: "a listener over UDP",
    text: listeners(
      `- name: a\n  address: { socket_address: { »protocol: UDP, address: 127.0.0.1, port_value: 1 } }\n  ${CHAINS}`,
    ),
    message: /UDP/,
    remedy: /TCP/,
  },
  {
    what: "a filter without its typed_config",
    text: networkFilters("- »name: envoy.filters.network.echo"),
    message: /typed_config/,
    remedy: /typed_config/,
  },
  {
    what: "two runtime layers of one name",
    text: "layered_runtime:\n  layers:\n  - { name: a, static_layer: {} }\n  - { »name: a, admin_layer: {} }\n",
    message: /"a"/,
    remedy: /name/,
  },
  {
    what: "a stats tag with a broken pattern",
    text: 'stats_config:\n  stats_tags: [{ tag_name: a, »regex: "a(b" }]\n',
    message: /a\(b|paren/,
    remedy: /./,
  },
  {
    what: "histogram buckets that are there twice",
    text: "stats_config:\n  histogram_bucket_settings: [{ match: { prefix: a }, buckets: [5, »5] }]\n",
    message: /Repeats 5/,
    remedy: /./,
  },
  {
    what: "a CDS without its source",
    text: "dynamic_resources:\n  »cds_config: {}\n",
    message: /source|config_source_specifier|cds/i,
    remedy: /path_config_source/,
  },
];
