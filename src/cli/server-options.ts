/** Command-line flags as server options. */
import type { BootstrapSource } from "../config/config-loader.ts";
import type { BootstrapOverrides } from "../server/bootstrap-config.ts";
import type { UnknownDynamicFields } from "../server/filesystem-subscription.ts";
import type { ServerOptions } from "../server/server.ts";
import type { Tag } from "../stats/tags.ts";
import type { ParsedOptions } from "./options.ts";

/** Our default; Envoy's is 600 s. Kubernetes gives a pod 30 s. */
const DRAIN_TIME_S = 10;
const LOG_FLUSH_MS = 10_000;

export function bootstrapSource(options: ParsedOptions): BootstrapSource {
  const yaml = options.get("--config-yaml");
  return {
    files: options.all("--config-path"),
    ...(yaml === undefined ? {} : { yaml }),
    allowUnknownFields: options.has("--allow-unknown-static-fields"),
  };
}

export function overridesOf(options: ParsedOptions): BootstrapOverrides {
  return {
    serviceNode: options.get("--service-node") ?? "",
    serviceCluster: options.get("--service-cluster") ?? "",
    serviceZone: options.get("--service-zone") ?? "",
    statsTags: options.all("--stats-tag").flatMap(parseTag),
  };
}

/** What is wrong with a flag, as a message, or the options. */
export function serverOptions(
  options: ParsedOptions,
): ServerOptions | { readonly problem: string } {
  const concurrency = wholeNumber(options.get("--concurrency"), 1);
  if (concurrency === null) return { problem: "--concurrency takes a whole number" };
  const [badTag] = options.all("--stats-tag").filter((text) => parseTag(text).length === 0);
  if (badTag !== undefined) return { problem: `--stats-tag takes name:value, not ${badTag}` };
  const drainTimeS = wholeNumber(options.get("--drain-time-s"), DRAIN_TIME_S);
  if (drainTimeS === null) return { problem: "--drain-time-s takes a whole number of seconds" };
  const flushMs = wholeNumber(options.get("--file-flush-interval-msec"), LOG_FLUSH_MS);
  if (flushMs === null)
    return { problem: "--file-flush-interval-msec takes a whole number of milliseconds" };
  const strategy = options.get("--drain-strategy") ?? "gradual";
  if (strategy !== "gradual" && strategy !== "immediate")
    return { problem: "--drain-strategy is gradual or immediate" };
  return {
    source: bootstrapSource(options),
    overrides: overridesOf(options),
    dataPlanes: 1,
    drainTimeMs: drainTimeS * 1000,
    drainStrategy: strategy,
    logFlushIntervalMs: flushMs,
    unknownDynamicFields: unknownDynamicFields(options),
  };
}

function unknownDynamicFields(options: ParsedOptions): UnknownDynamicFields {
  if (options.has("--reject-unknown-dynamic-fields")) return "reject";
  return options.has("--ignore-unknown-dynamic-fields") ? "ignore" : "log";
}

/** What to say when more data planes are asked for than this release runs. */
export function concurrencyWarning(options: ParsedOptions): string | null {
  const asked = wholeNumber(options.get("--concurrency"), 1) ?? 1;
  if (asked <= 1) return null;
  return `--concurrency ${asked}: this release runs one data plane, on one thread`;
}

function wholeNumber(text: string | undefined, unset: number): number | null {
  if (text === undefined) return unset;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function parseTag(text: string): Tag[] {
  const colon = text.indexOf(":");
  return colon <= 0 ? [] : [{ name: text.slice(0, colon), value: text.slice(colon + 1) }];
}
