// The one bootstrap that drives both Envoy and Outrigger: what they are compared on must be the
// same file, byte for byte apart from ports and paths.

export interface BootstrapValues {
  readonly listenerPort: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
  readonly accessLogPath: string;
}

/** HTTP: one listener, access log to a file in the default format, stats on, one route. */
export function httpBootstrap(values: BootstrapValues): string {
  return `${head(values)}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress_http
                codec_type: AUTO
                access_log:
                  - name: envoy.access_loggers.file
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: ${JSON.stringify(values.accessLogPath)}
                route_config:
                  name: local_route
                  virtual_hosts:
                    - name: backend
                      domains: ["*"]
                      routes:
                        - match: { prefix: "/" }
                          route: { cluster: upstream, timeout: 0s }
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
${tail(values)}`;
}

/** TCP: the same listener and cluster with tcp_proxy and an access log. */
export function tcpBootstrap(values: BootstrapValues): string {
  return `${head(values)}
      filter_chains:
        - filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: ingress_tcp
                cluster: upstream
                access_log:
                  - name: envoy.access_loggers.file
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: ${JSON.stringify(values.accessLogPath)}
${tail(values)}`;
}

function head(values: BootstrapValues): string {
  return `node: { id: bench, cluster: bench }
admin:
  address: { socket_address: { address: 127.0.0.1, port_value: ${values.adminPort} } }
static_resources:
  listeners:
    - name: ingress
      address: { socket_address: { address: 127.0.0.1, port_value: ${values.listenerPort} } }`;
}

function tail(values: BootstrapValues): string {
  return `  clusters:
    - name: upstream
      type: STATIC
      connect_timeout: 5s
      load_assignment:
        cluster_name: upstream
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address: { socket_address: { address: 127.0.0.1, port_value: ${values.upstreamPort} } }
`;
}
