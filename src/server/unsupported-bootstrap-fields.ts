/**
 * Fields of Bootstrap that are not obeyed: refused where that would change behaviour, otherwise
 * reported by name.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";

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
];

export function reportUnsupportedBootstrap(message: Bootstrap, context: CompileContext): void {
  for (const [field, path, problem, remedy] of REFUSED) {
    if (isSet(message[field])) context.at(path).error(problem, remedy);
  }
  for (const [field, path, problem] of REPORTED) {
    if (isSet(message[field])) context.at(path).warn(problem);
  }
  if (isSet(message.staticResources?.secrets)) {
    context
      .at("static_resources")
      .at("secrets")
      .warn("TLS is not supported yet: secrets are not used");
  }
  const dynamic = message.dynamicResources;
  if (dynamic?.adsConfig !== undefined) {
    context
      .at("dynamic_resources")
      .at("ads_config")
      .error("ADS is not supported yet", "use path_config_source");
  }
  for (const [source, path] of [
    [dynamic?.cdsConfig, "cds_config"],
    [dynamic?.ldsConfig, "lds_config"],
  ] as const) {
    if (source === undefined || source.pathConfigSource !== undefined || source.path !== undefined)
      continue;
    context
      .at("dynamic_resources")
      .at(path)
      .error("Only files are supported as a source yet", "use path_config_source");
  }
}

function isSet(value: unknown): boolean {
  return (
    value !== undefined &&
    value !== "" &&
    value !== false &&
    !(Array.isArray(value) && value.length === 0)
  );
}
