// Pieces of bootstraps for the tests of the server, as JSON, which is YAML too.

export interface HttpListenerOptions {
  readonly name?: string;
  readonly port: number;
  readonly cluster?: string;
  /** Instead of inline routes: the file of an RDS source. */
  readonly rdsFile?: string;
  readonly more?: object;
  readonly manager?: object;
}

const MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

export function socketAddress(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

export function routeConfig(name: string, cluster: string): object {
  const routes = [{ match: { prefix: "/" }, route: { cluster } }];
  return { name, virtual_hosts: [{ name: "all", domains: ["*"], routes }] };
}

export function fileSource(path: string): object {
  return { path_config_source: { path } };
}

export function httpListener(options: HttpListenerOptions): object {
  const { name, port, cluster = "one", rdsFile, more = {}, manager = {} } = options;
  const routes =
    rdsFile === undefined
      ? { route_config: routeConfig(`${name ?? port}_routes`, cluster) }
      : { rds: { route_config_name: "routes", config_source: fileSource(rdsFile) } };
  return {
    ...(name === undefined ? {} : { name }),
    address: socketAddress(port),
    filter_chains: [
      {
        filters: [
          {
            name: "http",
            typed_config: {
              "@type": MANAGER,
              stat_prefix: name ?? "unnamed",
              ...routes,
              http_filters: [{ name: "router", typed_config: { "@type": ROUTER } }],
              ...manager,
            },
          },
        ],
      },
    ],
    ...more,
  };
}

export function staticCluster(name: string, ports: readonly number[], more: object = {}): object {
  const endpoints = ports.map((port) => ({ endpoint: { address: socketAddress(port) } }));
  return {
    name,
    type: "STATIC",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...more,
  };
}

export interface BootstrapParts {
  readonly clusters?: readonly object[];
  readonly listeners?: readonly object[];
  /** Fields of Bootstrap. */
  readonly more?: object;
}

export function bootstrap({ clusters = [], listeners = [], more = {} }: BootstrapParts): string {
  return JSON.stringify({ static_resources: { clusters, listeners }, ...more });
}

const TYPES = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  routes: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
} as const;

/** A file of a `path_config_source`. */
export function discovery(
  version: string,
  type: keyof typeof TYPES,
  resources: readonly object[],
): string {
  const typed = resources.map((resource) => ({ "@type": TYPES[type], ...resource }));
  return JSON.stringify({ version_info: version, resources: typed });
}
