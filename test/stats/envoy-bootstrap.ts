// A bootstrap whose only purpose is to make a real Envoy create stats of every kind of name that
// can be had without outside services: dots in prefixes, workers, virtual clusters, policies, SDS.

const v3 = "type.googleapis.com/envoy.extensions";

function address(port: number, protocol?: "UDP"): object {
  const socket = { address: "127.0.0.1", port_value: port };
  return { socket_address: protocol === undefined ? socket : { ...socket, protocol } };
}

function networkFilter(name: string, type: string, config: object): object {
  return {
    name: `envoy.filters.network.${name}`,
    typed_config: { "@type": `${v3}.filters.network.${name}.v3.${type}`, ...config },
  };
}

function httpFilter(name: string, type: string, config: object): object {
  return {
    name: `envoy.filters.http.${name}`,
    typed_config: { "@type": `${v3}.filters.http.${name}.v3.${type}`, ...config },
  };
}

const TOKEN_BUCKET = { max_tokens: 1000, tokens_per_fill: 1000, fill_interval: "1s" };
const ALL = { permissions: [{ any: true }], principals: [{ any: true }] };

function connectionManager(prefix: string, routes: object): object {
  return networkFilter("http_connection_manager", "HttpConnectionManager", {
    stat_prefix: prefix,
    add_user_agent: true,
    internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] },
    ...routes,
    http_filters: [
      httpFilter("rbac", "RBAC", {
        rules: { action: "ALLOW", policies: { everyone: ALL } },
        rules_stat_prefix: "strict",
        shadow_rules: { action: "ALLOW", policies: { shadowed: ALL } },
        track_per_rule_stats: true,
      }),
      httpFilter("rbac", "RBAC", {
        rules: { action: "ALLOW", policies: { plain: ALL } },
        track_per_rule_stats: true,
      }),
      httpFilter("fault", "HTTPFault", {}),
      httpFilter("local_ratelimit", "LocalRateLimit", {
        stat_prefix: "http_limit",
        token_bucket: TOKEN_BUCKET,
        filter_enabled: { default_value: { numerator: 100 } },
      }),
      httpFilter("router", "Router", {}),
    ],
  });
}

function virtualHosts(name: string): object[] {
  return [
    {
      name,
      domains: ["*"],
      virtual_clusters: [
        { name: "checkout", headers: [{ name: ":path", string_match: { prefix: "/vc" } }] },
      ],
      routes: [
        { match: { prefix: "/direct" }, direct_response: { status: 418 } },
        { match: { prefix: "/other" }, route: { cluster: "other" } },
        { match: { prefix: "/" }, route: { cluster: "backend.v1" }, stat_prefix: "main_route" },
      ],
    },
  ];
}

function listeners(ports: readonly number[], files: BootstrapFiles): object[] {
  return [
    {
      name: "web",
      address: address(ports[0] as number),
      listener_filters: [
        {
          name: "envoy.filters.listener.local_ratelimit",
          typed_config: {
            "@type": `${v3}.filters.listener.local_ratelimit.v3.LocalRateLimit`,
            stat_prefix: "listener_limit",
            token_bucket: TOKEN_BUCKET,
          },
        },
        {
          name: "envoy.filters.listener.proxy_protocol",
          typed_config: {
            "@type": `${v3}.filters.listener.proxy_protocol.v3.ProxyProtocol`,
            stat_prefix: "front",
            allow_requests_without_proxy_protocol: true,
          },
        },
      ],
      filter_chains: [
        {
          filters: [
            networkFilter("connection_limit", "ConnectionLimit", {
              stat_prefix: "limited",
              max_connections: 100,
            }),
            networkFilter("local_ratelimit", "LocalRateLimit", {
              stat_prefix: "net_limit",
              token_bucket: TOKEN_BUCKET,
            }),
            networkFilter("rbac", "RBAC", {
              stat_prefix: "net_rbac.",
              rules: { action: "ALLOW", policies: { everyone: ALL } },
            }),
            connectionManager("ingress.http", {
              route_config: { name: "local", virtual_hosts: virtualHosts("vh.one") },
            }),
          ],
        },
      ],
    },
    {
      name: "named",
      stat_prefix: "egress_listener",
      address: address(ports[1] as number),
      filter_chains: [
        {
          filters: [
            connectionManager("egress", {
              rds: {
                route_config_name: "routes.v1",
                config_source: { path_config_source: { path: files.routes } },
              },
            }),
          ],
        },
      ],
    },
    {
      name: "tcp",
      address: address(ports[2] as number),
      filter_chains: [
        {
          filters: [
            networkFilter("mongo_proxy", "MongoProxy", { stat_prefix: "documents" }),
            networkFilter("tcp_proxy", "TcpProxy", { stat_prefix: "relay", cluster: "other" }),
          ],
        },
      ],
    },
    {
      name: "tls",
      address: address(ports[3] as number),
      filter_chains: [
        {
          transport_socket: {
            name: "envoy.transport_sockets.tls",
            typed_config: {
              "@type": `${v3}.transport_sockets.tls.v3.DownstreamTlsContext`,
              common_tls_context: {
                tls_certificate_sds_secret_configs: [
                  {
                    name: "server_cert",
                    sds_config: { path_config_source: { path: files.secret } },
                  },
                ],
              },
            },
          },
          filters: [networkFilter("tcp_proxy", "TcpProxy", { stat_prefix: "t", cluster: "other" })],
        },
      ],
    },
  ];
}

export interface BootstrapFiles {
  readonly routes: string;
  readonly secret: string;
}

/** The RDS file that the bootstrap refers to. */
export function routesFile(): object {
  return {
    version_info: "1",
    resources: [
      {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        name: "routes.v1",
        virtual_hosts: virtualHosts("vh_two"),
      },
    ],
  };
}

/** An SDS file without a secret: the subscription alone creates stats. */
export function secretFile(): object {
  return { version_info: "1", resources: [] };
}

function cluster(name: string, port: number, extra: object = {}): object {
  const endpoint = { endpoint: { address: address(port) } };
  return {
    name,
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
    ...extra,
  };
}

/** `ports`: admin, then four listeners; `upstreamPort` answers HTTP. */
export function statsBootstrap(
  ports: readonly number[],
  upstreamPort: number,
  files: BootstrapFiles,
): object {
  return {
    node: { id: "node-1", cluster: "tests" },
    admin: { address: address(ports[0] as number) },
    stats_flush_on_admin: true,
    stats_config: {
      histogram_bucket_settings: [
        {
          match: { suffix: "upstream_rq_body_size" },
          buckets: [1, 1.1, 2, 10, 11, 100, 110, 120, 500, 2000],
        },
      ],
    },
    static_resources: {
      listeners: listeners(ports.slice(1), files),
      clusters: [
        cluster("backend.v1", upstreamPort, {
          track_cluster_stats: { timeout_budgets: true, request_response_sizes: true },
          outlier_detection: {},
          circuit_breakers: { thresholds: [{ track_remaining: true }] },
        }),
        cluster("checked", upstreamPort, {
          health_checks: [
            {
              timeout: "1s",
              interval: "600s",
              unhealthy_threshold: 1,
              healthy_threshold: 1,
              tcp_health_check: {},
            },
          ],
        }),
        cluster("other", upstreamPort, { alt_stat_name: "outbound|80||svc_local" }),
      ],
    },
  };
}
