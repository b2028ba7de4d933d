// Builders for the bootstraps of the differential suite. Both proxies get the same text; only ports
// and file names differ. Placeholders: `@port:N@` a free port, `@upstream:N@` the port of a
// scripted upstream, `@refused:N@` a port nobody listens on, `@file:N@` a file of the run's own
// folder.

export type Message = Readonly<Record<string, unknown>>;

export const TYPE = "type.googleapis.com/";

/** An Any: `@type` and the fields. */
export function any(type: string, fields: Message = {}): Message {
  return { "@type": TYPE + type, ...fields };
}

export const socketAddress = (port: string, address = "127.0.0.1"): Message => ({
  socket_address: { address, port_value: port },
});

/** Fields of every JSON access-log line; times are compared by kind only. */
export const LOG_FIELDS: Readonly<Record<string, string>> = {
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  authority: "%REQ(:AUTHORITY)%",
  code: "%RESPONSE_CODE%",
  details: "%RESPONSE_CODE_DETAILS%",
  flags: "%RESPONSE_FLAGS%",
  flags_long: "%RESPONSE_FLAGS_LONG%",
  termination: "%CONNECTION_TERMINATION_DETAILS%",
  transport_failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER%",
  upstream_protocol: "%UPSTREAM_PROTOCOL%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  route: "%ROUTE_NAME%",
  virtual_cluster: "%VIRTUAL_CLUSTER_NAME%",
  chain: "%FILTER_CHAIN_NAME%",
  server_name: "%REQUESTED_SERVER_NAME%",
  remote: "%DOWNSTREAM_REMOTE_ADDRESS%",
  direct_remote: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
  local: "%DOWNSTREAM_LOCAL_ADDRESS%",
  log_type: "%ACCESS_LOG_TYPE%",
};

/** Fields of LOG_FIELDS (and of cases) whose value is a duration. */
export const DURATION_FIELDS: ReadonlySet<string> = new Set(["duration"]);

/** A file access log in JSON. */
export function jsonLog(fields: Message = LOG_FIELDS, file = "access.json"): Message {
  return {
    name: "envoy.access_loggers.file",
    typed_config: any("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
      path: `@file:${file}@`,
      log_format: { json_format: fields },
    }),
  };
}

/** A file access log in text; null is the default format. */
export function textLog(format: string | null, file = "access.txt"): Message {
  const chosen =
    format === null ? {} : { log_format: { text_format_source: { inline_string: format } } };
  return {
    name: "envoy.access_loggers.file",
    typed_config: any("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
      path: `@file:${file}@`,
      ...chosen,
    }),
  };
}

export const ROUTER: Message = {
  name: "envoy.filters.http.router",
  typed_config: any("envoy.extensions.filters.http.router.v3.Router"),
};

/** A route to a cluster. */
export function routeTo(
  match: Message,
  cluster = "up1",
  action: Message = {},
  route: Message = {},
): Message {
  return { match, route: { cluster, ...action }, ...route };
}

export const CATCH_ALL: Message = routeTo({ prefix: "/" });

/** A virtual host for every domain. */
export function anyHost(routes: readonly Message[], fields: Message = {}): Message {
  return { name: "all", domains: ["*"], routes, ...fields };
}

/** The connection manager as a network filter; `fields` override the defaults. */
export function hcm(fields: Message = {}, statPrefix = "ingress"): Message {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: any(
      "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      {
        stat_prefix: statPrefix,
        // Short, so that the suite need not wait for the defaults (1 s and 5 s).
        delayed_close_timeout: "0.05s",
        drain_timeout: "0.05s",
        access_log: [jsonLog()],
        http_filters: [ROUTER],
        ...(fields["route_config"] === undefined
          ? { route_config: { name: "local", virtual_hosts: [anyHost([CATCH_ALL])] } }
          : {}),
        ...fields,
      },
    ),
  };
}

/** The connection manager with these virtual hosts. */
export function hcmWithHosts(
  hosts: readonly Message[],
  fields: Message = {},
  routeConfig: Message = {},
): Message {
  return hcm({ route_config: { name: "local", virtual_hosts: hosts, ...routeConfig }, ...fields });
}

/** A listener with one filter chain, on `@port:NAME@`. */
export function listener(name: string, filters: readonly Message[], fields: Message = {}): Message {
  return {
    name,
    stat_prefix: name,
    address: socketAddress(`@port:${name}@`),
    ...(fields["filter_chains"] === undefined ? { filter_chains: [{ filters }] } : {}),
    ...fields,
  };
}

/** A static cluster with one endpoint per port placeholder. */
export function cluster(name: string, ports: readonly string[], fields: Message = {}): Message {
  return {
    name,
    type: "STATIC",
    connect_timeout: "2s",
    load_assignment: {
      cluster_name: name,
      endpoints: [
        { lb_endpoints: ports.map((port) => ({ endpoint: { address: socketAddress(port) } })) },
      ],
    },
    ...fields,
  };
}

/** Clusters up1, up2, up3 (scripted upstreams), refused (no listener) and empty (no host). */
export const STANDARD_CLUSTERS: readonly Message[] = [
  cluster("up1", ["@upstream:up1@"]),
  cluster("up2", ["@upstream:up2@"]),
  cluster("up3", ["@upstream:up3@"]),
  cluster("refused", ["@refused:refused@"]),
  cluster("empty", []),
];

/** A bootstrap with an admin port and node identity. */
export function bootstrap(
  listeners: readonly Message[],
  clusters: readonly Message[] = STANDARD_CLUSTERS,
  fields: Message = {},
): Message {
  return {
    node: { id: "node-1", cluster: "differential" },
    admin: { address: socketAddress("@port:admin@") },
    static_resources: { listeners, clusters },
    ...fields,
  };
}

/** Every placeholder of one kind in a bootstrap. */
export function placeholders(value: unknown, kind: string): readonly string[] {
  const found = JSON.stringify(value).matchAll(new RegExp(`@${kind}:([\\w.-]+)@`, "g"));
  return [...new Set([...found].map((match) => match[1] as string))];
}

/** Replaces placeholders; a string that is exactly one port placeholder becomes a number. */
export function substitute(value: unknown, values: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") {
    const whole = values.get(value);
    if (whole !== undefined && /^\d+$/.test(whole)) return Number(whole);
    return substituteText(value, values);
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, values));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substitute(item, values)]),
  );
}

export function substituteText(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/@\w+:[\w.-]+@/g, (placeholder) => values.get(placeholder) ?? placeholder);
}
