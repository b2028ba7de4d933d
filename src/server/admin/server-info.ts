/** /server_info: version, state, uptime, flags and node. Envoy: `Server::ServerInfoHandler`. */
import type { JsonObject } from "../../proto/plain.ts";
import type { ServerOptions } from "../server.ts";
import { VERSION_LINE } from "../version.ts";
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, page, prettyJson } from "./endpoint.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";

export const serverInfo: AdminEndpoint = page(
  "/server_info",
  "print server version/status information",
  async (host) => {
    const { server, processFacts } = host;
    const uptime = `${Math.floor(server.uptimeMs / 1000)}s`;
    return prettyJson({
      version: VERSION_LINE,
      state: server.state,
      uptime_current_epoch: uptime,
      uptime_all_epochs: uptime,
      hot_restart_version: "disabled",
      command_line_options: {
        ...commandLineOptions(server.options),
        ...processFacts.commandLineOptions,
      },
      node: await node(host),
    });
  },
);

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}

/** Those of Envoy's that have a meaning here. */
function commandLineOptions(options: ServerOptions): JsonObject {
  const { source, overrides } = options;
  return {
    base_id: "0",
    concurrency: options.dataPlanes,
    config_path: source.files.join(","),
    config_yaml: source.yaml ?? "",
    allow_unknown_static_fields: source.allowUnknownFields === true,
    service_cluster: overrides.serviceCluster,
    service_node: overrides.serviceNode,
    service_zone: overrides.serviceZone,
    file_flush_interval: seconds(options.logFlushIntervalMs),
    drain_time: seconds(options.drainTimeMs),
    drain_strategy: options.drainStrategy === "gradual" ? "Gradual" : "Immediate",
    mode: "Serve",
    disable_hot_restart: true,
    restart_epoch: 0,
    stats_tag: overrides.statsTags.map(({ name, value }) => `${name}:${value}`),
  };
}

/** The node of the bootstrap with what the command line says instead. */
async function node({ server }: AdminHost): Promise<JsonObject> {
  const { config, bootstrapBytes } = server;
  if (config === null) return {};
  const sources = [{ typeName: BOOTSTRAP, bytes: bootstrapBytes }];
  const [bootstrap] = await server.loader.toJson(sources, "snake");
  const written = ((bootstrap as JsonObject)["node"] ?? {}) as JsonObject;
  const locality = { region: "", zone: "", sub_zone: "", ...(written["locality"] as JsonObject) };
  return {
    ...written,
    id: config.node.id,
    cluster: config.node.cluster,
    locality: { ...locality, zone: config.node.zone },
    user_agent_name: "outrigger",
    user_agent_version: VERSION_LINE,
    extensions: (server.planes?.local.extensions() ?? []).map((extension) => ({ ...extension })),
    client_features: [],
    listening_addresses: [],
    dynamic_parameters: {},
  };
}
