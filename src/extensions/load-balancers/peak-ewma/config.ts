/**
 * Settings of peak EWMA. There is no message for them in Envoy's API: they come as a TypedStruct of
 * the policy's name, or not at all.
 */
import { nearestName } from "../../../base/nearest-name.ts";
import type { CompileContext } from "../../../config/compile-context.ts";

export interface PeakEwmaConfig {
  /** `decay_time`: after so long an old latency counts 1/e. Default 10s. */
  readonly decayTimeMs: number;
  /** `failure_penalty`: a failed request or a 5xx counts as at least so slow. Default 1s. */
  readonly failurePenaltyMs: number;
  /** `probe_interval`: a host that was not chosen for so long is tried again. Default 1s. */
  readonly probeIntervalMs: number;
  /** `probe_percent`: at most so many of a hundred requests try hosts again. Default 0.25. */
  readonly probePercent: number;
}

const DURATIONS = {
  decay_time: ["decayTimeMs", 10_000],
  failure_penalty: ["failurePenaltyMs", 1000],
  probe_interval: ["probeIntervalMs", 1000],
} as const;
const PROBE_PERCENT = "probe_percent";
const PROBE_PERCENT_DEFAULT = 0.25;
const NAMES: readonly string[] = [...Object.keys(DURATIONS), PROBE_PERCENT];

/** Null after an error was reported. */
export function compilePeakEwma(
  message: Readonly<Record<string, unknown>>,
  context: CompileContext,
): PeakEwmaConfig | null {
  let ok = true;
  for (const name of Object.keys(message)) {
    if (NAMES.includes(name)) continue;
    const nearest = nearestName(name, NAMES);
    const remedy = `use ${nearest ?? NAMES.join(", ")}`;
    context.at(name).error(`peak_ewma has no field ${name}`, remedy);
    ok = false;
  }
  const config = {
    decayTimeMs: 0,
    failurePenaltyMs: 0,
    probeIntervalMs: 0,
    probePercent: PROBE_PERCENT_DEFAULT,
  };
  for (const [name, [field, unset]] of Object.entries(DURATIONS)) {
    const value = message[name];
    const durationMs = value === undefined ? unset : parseDuration(value);
    config[field] = durationMs;
    if (durationMs > 0) continue;
    context
      .at(name)
      .error(`${name} must be a duration longer than 0`, 'write a text such as "10s" or "0.5s"');
    ok = false;
  }
  const percent = message[PROBE_PERCENT];
  if (percent !== undefined) {
    config.probePercent = toNumber(percent);
    if (!(config.probePercent >= 0 && config.probePercent <= 100)) {
      context
        .at(PROBE_PERCENT)
        .error("probe_percent must be a number from 0 to 100", "write a number such as 0.5");
      ok = false;
    }
  }
  return ok ? Object.freeze(config) : null;
}

/** In a Struct from YAML a fraction is text, as in Envoy; NaN for anything else. */
function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
}

/** As JSON writes google.protobuf.Duration; 0 for anything else. */
function parseDuration(value: unknown): number {
  if (typeof value !== "string" || !/^\d{1,9}(?:\.\d{1,9})?s$/.test(value)) return 0;
  return Number(value.slice(0, -1)) * 1000;
}
