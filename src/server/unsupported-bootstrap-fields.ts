/**
 * Fields of Bootstrap that are not obeyed: refused where that would change behaviour, otherwise
 * reported by name.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type {
  Bootstrap,
  Bootstrap_DynamicResources,
  ClusterManager,
} from "../proto/generated/envoy/config/bootstrap/v3.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";

type Entry = readonly [field: keyof Bootstrap, path: string, problem: string, remedy: string];

const REFUSED: readonly Entry[] = [
  ["headerPrefix", "header_prefix", "Only the prefix x-envoy is supported", "remove the field"],
  ["hdsConfig", "hds_config", "Health discovery is not supported", "remove the field"],
  ["statsSinks", "stats_sinks", "Stats sinks are not supported", "scrape /stats/prometheus"],
  [
    "bootstrapExtensions",
    "bootstrap_extensions",
    "Bootstrap extensions are not supported",
    "remove the field",
  ],
  ["inlineHeaders", "inline_headers", "Inline headers are not supported", "remove the field"],
  [
    "configSources",
    "config_sources",
    "Configuration by authority is not supported yet",
    "use path_config_source",
  ],
  [
    "defaultConfigSource",
    "default_config_source",
    "Configuration by authority is not supported yet",
    "use path_config_source",
  ],
  [
    "xdsDelegateExtension",
    "xds_delegate_extension",
    "No fallback for configuration servers is known",
    "remove the field",
  ],
];

const REPORTED: readonly Entry[] = [
  ["watchdog", "watchdog", "There is no watchdog", ""],
  ["watchdogs", "watchdogs", "There is no watchdog", ""],
  ["tracing", "tracing", "Tracing is not supported yet: no spans are made", ""],
  ["enableDispatcherStats", "enable_dispatcher_stats", "Dispatcher stats are not kept", ""],
  ["fatalActions", "fatal_actions", "Fatal actions are not run", ""],
  ["perfTracingFilePath", "perf_tracing_file_path", "Perfetto tracing is not supported", ""],
  ["memoryAllocatorManager", "memory_allocator_manager", "There is no tcmalloc to manage", ""],
  [
    "certificateProviderInstances",
    "certificate_provider_instances",
    "TLS is not supported yet",
    "",
  ],
  [
    "deferredStatOptions",
    "deferred_stat_options",
    "Stats are always created when first needed",
    "",
  ],
  ["nodeContextParams", "node_context_params", "No configuration server is told of the node", ""],
  ["flagsPath", "flags_path", "Flag files are not read", ""],
  ["defaultSocketInterface", "default_socket_interface", "Sockets are always the platform's", ""],
  [
    "xdsConfigTrackerExtension",
    "xds_config_tracker_extension",
    "No tracker of configuration updates is known",
    "",
  ],
  [
    "applicationLogConfig",
    "application_log_config",
    "The command line alone sets the format of the log",
    "use --log-format",
  ],
  [
    "grpcAsyncClientManagerConfig",
    "grpc_async_client_manager_config",
    "There are no gRPC clients",
    "",
  ],
  ["statsEvictionInterval", "stats_eviction_interval", "Unused stats are kept", ""],
];

type ManagerEntry = readonly [field: keyof ClusterManager, path: string, problem: string];

const OF_CLUSTER_MANAGER: readonly ManagerEntry[] = [
  ["loadStatsConfig", "load_stats_config", "Load reports are not sent yet"],
  [
    "enableDeferredClusterCreation",
    "enable_deferred_cluster_creation",
    "Clusters are always made at once",
  ],
];

/** Where configuration could come from besides files. */
const SOURCES = [
  ["apiConfigSource", "api_config_source"],
  ["ads", "ads"],
  ["self", "self"],
] as const satisfies readonly (readonly [keyof ConfigSource, string])[];

const RE2 = "envoy.extensions.regex_engines.v3.GoogleRE2";

export function reportUnsupportedBootstrap(message: Bootstrap, context: CompileContext): void {
  for (const [field, path, problem, remedy] of REFUSED) {
    if (isSet(message[field])) context.at(path).error(problem, remedy);
  }
  for (const [field, path, problem, remedy] of REPORTED) {
    if (isSet(message[field])) context.at(path).warn(problem, remedy);
  }
  const manager = message.clusterManager ?? {};
  for (const [field, path, problem] of OF_CLUSTER_MANAGER) {
    if (isSet(manager[field])) context.at("cluster_manager").at(path).warn(problem);
  }
  if (message.node?.userAgentBuildVersion !== undefined) {
    context.at("node").at("user_agent_build_version").warn("No configuration server is told of it");
  }
  if (isSet(message.staticResources?.secrets)) {
    context
      .at("static_resources")
      .at("secrets")
      .warn("TLS is not supported yet: secrets are not used");
  }
  reportRegexEngine(message, context.at("default_regex_engine"));
  reportDynamicResources(message.dynamicResources ?? {}, context.at("dynamic_resources"));
}

/** Regular expressions are RE2 everywhere, as Envoy's are unless this field says otherwise. */
function reportRegexEngine(message: Bootstrap, context: CompileContext): void {
  const engine = message.defaultRegexEngine;
  if (engine === undefined || engine.typedConfig?.typeUrl.endsWith(`/${RE2}`) === true) return;
  context.error(`Regex engine "${engine.name ?? ""}" is not supported`, "remove the field");
}

function reportDynamicResources(
  message: Bootstrap_DynamicResources,
  context: CompileContext,
): void {
  if (message.adsConfig !== undefined) {
    context.at("ads_config").error("ADS is not supported yet", "use path_config_source");
  }
  for (const [locator, path] of [
    [message.cdsResourcesLocator, "cds_resources_locator"],
    [message.ldsResourcesLocator, "lds_resources_locator"],
  ] as const) {
    if (!isSet(locator)) continue;
    context.at(path).error("Resources by locator are not supported yet", "use path_config_source");
  }
  reportSource(message.cdsConfig, context.at("cds_config"));
  reportSource(message.ldsConfig, context.at("lds_config"));
}

function reportSource(source: ConfigSource | undefined, context: CompileContext): void {
  if (source === undefined) return;
  if (source.resourceApiVersion === "V2") {
    context.at("resource_api_version").error("Version 2 of the API is gone", "set it to V3");
  }
  if (source.pathConfigSource !== undefined || source.path !== undefined) return;
  const chosen = SOURCES.find(([field]) => source[field] !== undefined);
  const at = chosen === undefined ? context : context.at(chosen[1]);
  at.error("Only files are supported as a source yet", "use path_config_source");
}

function isSet(value: unknown): boolean {
  return (
    value !== undefined &&
    value !== "" &&
    value !== false &&
    !(Array.isArray(value) && value.length === 0)
  );
}
