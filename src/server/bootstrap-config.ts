/**
 * The parts of a `Bootstrap` that belong to the process itself, compiled. Listeners and clusters
 * are the data plane's.
 */
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import { compileStringMatcher, type StringMatcher } from "../config/matcher/string-matcher.ts";
import { compileStatsConfig, type StatsConfig } from "../config/stats-config.ts";
import { compileListenAddress } from "../network/listener-address.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type { AccessLog } from "../proto/generated/envoy/config/accesslog/v3.ts";
import type {
  Admin,
  Bootstrap,
  RuntimeLayer as LayerMessage,
} from "../proto/generated/envoy/config/bootstrap/v3.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { StatsConfig as StatsMessage } from "../proto/generated/envoy/config/metrics/v3.ts";
import type { Tag } from "../stats/tags.ts";
import { compileBindConfig } from "../upstream/connection-options.ts";
import type { LocalNode } from "../upstream/upstream-services.ts";
import { compileOverloadManager } from "./overload-config.ts";
import { flattenLayer, type RuntimeValue } from "./runtime/runtime-value.ts";
import { reportUnsupportedBootstrap } from "./unsupported-bootstrap-fields.ts";

export interface NodeConfig {
  readonly id: string;
  readonly cluster: string;
  readonly zone: string;
}

/** A runtime layer as configured. */
export type RuntimeLayerConfig =
  | { readonly kind: "static"; readonly name: string; readonly entries: Map<string, RuntimeValue> }
  | {
      readonly kind: "disk";
      readonly name: string;
      readonly root: string;
      readonly watched: string;
    }
  | { readonly kind: "admin"; readonly name: string };

export interface AdminConfig {
  /** Null: no admin interface. */
  readonly address: SocketAddress | null;
  readonly accessLogs: readonly AccessLog[];
  /** `allow_paths`: what path and query must match; empty allows everything. */
  readonly allowedPaths: readonly StringMatcher[];
}

export interface BootstrapConfig {
  readonly node: NodeConfig;
  readonly admin: AdminConfig;
  readonly stats: StatsConfig;
  /** The same as it was written: worker threads compile it themselves. */
  readonly statsMessage: StatsMessage | undefined;
  readonly statsFlushIntervalMs: number;
  /** `stats_flush_on_admin`: intervals end when somebody looks, not by time. */
  readonly statsFlushOnAdmin: boolean;
  /** `stats_server_version_override`. */
  readonly versionOverride: number | null;
  readonly runtimeLayers: readonly RuntimeLayerConfig[];
  readonly sourceAddresses: readonly SocketAddress[];
  /** `node.locality` and `cluster_manager.local_cluster_name`. */
  readonly localNode: LocalNode;
  /** `cluster_manager.outlier_detection.event_log_path`; "" = no log. */
  readonly outlierEventLogPath: string;
  /** `overload_manager`; null = no limit. */
  readonly maxDownstreamConnections: number | null;
  readonly cds: ConfigSource | null;
  readonly lds: ConfigSource | null;
}

/** Command-line values that override or complete the file. */
export interface BootstrapOverrides {
  readonly serviceNode: string;
  readonly serviceCluster: string;
  readonly serviceZone: string;
  readonly statsTags: readonly Tag[];
}

/** Problems are in the context. */
export function compileBootstrap(
  message: Bootstrap,
  overrides: BootstrapOverrides,
  context: CompileContext,
): BootstrapConfig {
  reportUnsupportedBootstrap(message, context);
  const node = message.node ?? {};
  return {
    node: {
      id: overrides.serviceNode || (node.id ?? ""),
      cluster: overrides.serviceCluster || (node.cluster ?? ""),
      zone: overrides.serviceZone || (node.locality?.zone ?? ""),
    },
    admin: compileAdmin(message, context.at("admin")),
    statsMessage: message.statsConfig,
    stats: compileStatsConfig(message.statsConfig, overrides.statsTags, context.at("stats_config")),
    statsFlushIntervalMs: durationMs(message.statsFlushInterval, 5000),
    statsFlushOnAdmin: message.statsFlushOnAdmin === true,
    versionOverride: versionOverride(message),
    runtimeLayers: compileLayers(message.layeredRuntime?.layers, node.cluster ?? "", context),
    localNode: compileLocalNode(message, overrides, context),
    sourceAddresses: compileBindConfig(
      message.clusterManager?.upstreamBindConfig,
      [],
      context.at("cluster_manager").at("upstream_bind_config"),
    ),
    outlierEventLogPath: message.clusterManager?.outlierDetection?.eventLogPath ?? "",
    maxDownstreamConnections: compileOverloadManager(
      message.overloadManager,
      context.at("overload_manager"),
    ),
    cds: message.dynamicResources?.cdsConfig ?? null,
    lds: message.dynamicResources?.ldsConfig ?? null,
  };
}

/** Zone-aware routing needs the local cluster, and it must be there from the start. */
function compileLocalNode(
  message: Bootstrap,
  overrides: BootstrapOverrides,
  context: CompileContext,
): LocalNode {
  const { region = "", zone = "", subZone = "" } = message.node?.locality ?? {};
  const clusterName = message.clusterManager?.localClusterName ?? "";
  const clusters = message.staticResources?.clusters ?? [];
  if (clusterName !== "" && !clusters.some(({ name }) => name === clusterName)) {
    context
      .at("cluster_manager")
      .at("local_cluster_name")
      .error(
        `local cluster '${clusterName}' must be defined`,
        "add it to static_resources.clusters",
      );
  }
  return { locality: { region, zone: overrides.serviceZone || zone, subZone }, clusterName };
}

const FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/** The older `access_log_path` is a file log too. */
function adminLogs({ accessLog = [], accessLogPath: path = "" }: Admin): AccessLog[] {
  if (path === "") return accessLog;
  return [...accessLog, { name: "file", typedConfig: { typeUrl: FILE_LOG, value: { path } } }];
}

function versionOverride({ statsServerVersionOverride }: Bootstrap): number | null {
  return statsServerVersionOverride === undefined ? null : Number(statsServerVersionOverride);
}

function compileAdmin(message: Bootstrap, context: CompileContext): AdminConfig {
  const admin = message.admin;
  if (admin?.address === undefined) return { address: null, accessLogs: [], allowedPaths: [] };
  if ((admin.socketOptions ?? []).length > 0) {
    context.at("socket_options").warn("socket_options are not applied");
  }
  if ((admin.profilePath ?? "") !== "") {
    context.at("profile_path").warn("There is no profiler that writes a file");
  }
  const compiled = compileListenAddress(admin.address, context.at("address"));
  const allowedPaths = (admin.allowPaths ?? []).flatMap((pattern, index) => {
    const matcher = compileStringMatcher(pattern, context.at("allow_paths", index));
    return matcher === null ? [] : [matcher];
  });
  return { address: compiled?.address ?? null, accessLogs: adminLogs(admin), allowedPaths };
}

/** Without configured layers Envoy has one empty admin layer, so that /runtime_modify works. */
function compileLayers(
  messages: readonly LayerMessage[] | undefined,
  serviceCluster: string,
  context: CompileContext,
): RuntimeLayerConfig[] {
  if (messages === undefined || messages.length === 0) return [{ kind: "admin", name: "admin" }];
  const at = context.at("layered_runtime");
  const names = new Set<string>();
  let adminLayers = 0;
  return messages.flatMap((message, index) => {
    const layerAt = at.at("layers", index);
    const name = message.name ?? "";
    if (names.has(name))
      layerAt
        .at("name")
        .error(`There is more than one layer named "${name}"`, "give each a name of its own");
    else if (message.adminLayer !== undefined && ++adminLayers > 1)
      layerAt.at("admin_layer").error("There is more than one admin layer", "keep one");
    names.add(name);
    const layer = compileLayer(message, name, serviceCluster, layerAt);
    return layer === null ? [] : [layer];
  });
}

function compileLayer(
  message: LayerMessage,
  name: string,
  serviceCluster: string,
  context: CompileContext,
): RuntimeLayerConfig | null {
  if (message.staticLayer !== undefined)
    return { kind: "static", name, entries: flattenLayer(message.staticLayer) };
  if (message.adminLayer !== undefined) return { kind: "admin", name };
  if (message.rtdsLayer !== undefined) {
    return context
      .at("rtds_layer")
      .error("Runtime discovery is not supported yet", "use a static, disk or admin layer");
  }
  const disk = message.diskLayer;
  if (disk === undefined)
    return context.error("The layer is empty", "set static_layer, disk_layer or admin_layer");
  const watched = disk.symlinkRoot ?? "";
  const parts = [
    watched,
    disk.subdirectory ?? "",
    disk.appendServiceCluster === true ? serviceCluster : "",
  ];
  return { kind: "disk", name, root: parts.filter((part) => part !== "").join("/"), watched };
}
