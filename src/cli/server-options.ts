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
/** Each worker takes memory, and a listening socket per address. */
const CONCURRENCY_MAX = 128;

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
  processors: number = 1,
): ServerOptions | { readonly problem: string } {
  const dataPlanes = concurrency(options, processors);
  if (dataPlanes === null)
    return { problem: `--concurrency takes a whole number up to ${CONCURRENCY_MAX}, or auto` };
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
    dataPlanes,
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

/**
 * Data planes of this process. One unless more are asked for: a sidecar is small (Envoy: one per
 * processor). 0 is 1, as in Envoy.
 */
function concurrency(options: ParsedOptions, processors: number): number | null {
  const asked = options.get("--concurrency") ?? (options.has("--cpuset-threads") ? "auto" : "1");
  if (asked === "auto") return Math.min(processors, CONCURRENCY_MAX);
  const count = wholeNumber(asked, 1);
  return count === null || count > CONCURRENCY_MAX ? null : Math.max(1, count);
}

/** What to say when threads outnumber processors; null when they do not. */
export function concurrencyWarning(dataPlanes: number, processors: number): string | null {
  if (dataPlanes === 1 || dataPlanes <= processors) return null;
  return `--concurrency ${dataPlanes}: there are ${processors} processors; more threads than processors only take memory`;
}

function wholeNumber(text: string | undefined, unset: number): number | null {
  if (text === undefined) return unset;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function parseTag(text: string): Tag[] {
  const colon = text.indexOf(":");
  return colon <= 0 ? [] : [{ name: text.slice(0, colon), value: text.slice(colon + 1) }];
}
