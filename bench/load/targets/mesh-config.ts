// The bootstrap of the failure and churn scenarios, for Envoy and Outrigger alike: ten hosts behind
// one route with what a mesh configures (Istio's defaults for retries and limits, ejection as in
// its DestinationRule examples with shorter times, so that a short run sees a host leave and come
// back).
import type { BootstrapValues } from "./envoy-config.ts";

type Message = Readonly<Record<string, unknown>>;

/** Stops an attempt that a dead host keeps; above what a slow host needs. */
const PER_TRY_TIMEOUT = "0.4s";
const UNLIMITED = 4_294_967_295;

const any = (type: string, fields: Message = {}): Message => ({
  "@type": `type.googleapis.com/${type}`,
  ...fields,
});

const address = (port: number): Message => ({
  socket_address: { address: "127.0.0.1", port_value: port },
});

/** Endpoints of a cluster. */
export function assignment(ports: readonly number[]): Message {
  const lb_endpoints = ports.map((port) => ({ endpoint: { address: address(port) } }));
  return { cluster_name: "upstream", endpoints: [{ lb_endpoints }] };
}

const RETRY_POLICY: Message = {
  retry_on: "connect-failure,refused-stream,reset,gateway-error",
  num_retries: 2,
  per_try_timeout: PER_TRY_TIMEOUT,
  retry_host_predicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: any("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
    },
  ],
  host_selection_retry_max_attempts: 5,
};

/** A route table with one route to the cluster, with retries. */
export function routes(): Message {
  return routeTable([], { retry_policy: RETRY_POLICY });
}

/** The same without retries, which would hide a lost request; says its version on request. */
export function versionedRoutes(version: number): Message {
  const body = { inline_string: String(version) };
  return routeTable([{ match: { path: "/version" }, direct_response: { status: 200, body } }], {});
}

function routeTable(more: readonly Message[], action: Message): Message {
  const route = { cluster: "upstream", timeout: "5s", ...action };
  const all = [...more, { match: { prefix: "/" }, route }];
  return { name: "mesh", virtual_hosts: [{ name: "all", domains: ["*"], routes: all }] };
}

const CLUSTER: Message = {
  name: "upstream",
  connect_timeout: "0.25s",
  lb_policy: "LEAST_REQUEST",
  outlier_detection: {
    consecutive_5xx: 5,
    interval: "0.5s",
    base_ejection_time: "1s",
    max_ejection_time: "3s",
    max_ejection_percent: 20,
  },
  circuit_breakers: {
    thresholds: [
      {
        max_connections: UNLIMITED,
        max_pending_requests: UNLIMITED,
        max_requests: UNLIMITED,
        max_retries: UNLIMITED,
      },
    ],
  },
};

/** A static cluster of these hosts; `fields` replace the cluster's. */
export function staticCluster(ports: readonly number[], fields: Message = {}): Message {
  return { ...CLUSTER, type: "STATIC", load_assignment: assignment(ports), ...fields };
}

/** Balancing by latency instead: our own policy (examples/peak-ewma). */
export const PEAK_EWMA: Message = {
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: "outrigger.load_balancing_policies.peak_ewma",
          typed_config: any("xds.type.v3.TypedStruct", {
            type_url: "type.googleapis.com/outrigger.load_balancing_policies.peak_ewma",
            value: {},
          }),
        },
      },
    ],
  },
};

/** A cluster whose hosts come from a file. */
export function fileCluster(path: string): Message {
  const eds_config = { path_config_source: { path }, resource_api_version: "V3" };
  return { ...CLUSTER, type: "EDS", eds_cluster_config: { eds_config } };
}

/** A limit of requests at once, and no retries that would hide it. */
export function requestLimit(maxRequests: number): Message {
  const unlimited = { max_connections: UNLIMITED, max_pending_requests: UNLIMITED };
  return { circuit_breakers: { thresholds: [{ ...unlimited, max_requests: maxRequests }] } };
}

/** Routes that come from a file. */
export function fileRoutes(path: string): Message {
  const config_source = { path_config_source: { path }, resource_api_version: "V3" };
  return { rds: { route_config_name: "mesh", config_source } };
}

/** What a file of a path_config_source holds. */
export function resourceFile(version: number, resource: Message): string {
  const type =
    "endpoints" in resource
      ? "envoy.config.endpoint.v3.ClusterLoadAssignment"
      : "envoy.config.route.v3.RouteConfiguration";
  return JSON.stringify({ version_info: String(version), resources: [any(type, resource)] });
}

/** One listener with these routes (or their file), one cluster. JSON is YAML. */
export function meshBootstrap(
  values: BootstrapValues,
  cluster: Message,
  routing: Message = { route_config: routes() },
): string {
  const log = any("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
    path: values.accessLogPath,
  });
  const manager = any(
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    {
      stat_prefix: "ingress_http",
      access_log: [{ name: "envoy.access_loggers.file", typed_config: log }],
      ...routing,
      http_filters: [
        {
          name: "envoy.filters.http.router",
          typed_config: any("envoy.extensions.filters.http.router.v3.Router"),
        },
      ],
    },
  );
  const filter = {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: manager,
  };
  const listener = {
    name: "ingress",
    address: address(values.listenerPort),
    filter_chains: [{ filters: [filter] }],
  };
  return JSON.stringify(
    {
      node: { id: "bench", cluster: "bench" },
      admin: { address: address(values.adminPort) },
      static_resources: { listeners: [listener], clusters: [cluster] },
    },
    null,
    1,
  );
}
