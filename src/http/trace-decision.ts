// hot: per request
/**
 * Whether a request is to be traced, told onwards by one digit of its id. Only with `tracing`
 * configured. Envoy: `ConnectionManagerUtility::mutateTracingRequestHeader`
 * (source/common/http/conn_manager_utility.cc).
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { Counter } from "../stats/counter.ts";
import type { TracingStats } from "../stats/groups/tracing-stats.ts";

/** Shares of 10 000. */
export interface TracingSettings {
  readonly client: number;
  readonly random: number;
  readonly overall: number;
  /** False: every request counts as sampled, whatever its id. */
  readonly samplesById: boolean;
  /** The decision is written into the id. */
  readonly packs: boolean;
}

const UUID_LENGTH = 36;
const REASON_INDEX = 14;
const SHARES = 10_000;

const NONE = "4";
const SAMPLED = "9";
const SERVICE_FORCED = "a";
const CLIENT_FORCED = "b";

/** Decides, counts, and returns the request's id as it is from now on. */
export function decideTrace(
  headers: RequestHeaderMap,
  settings: TracingSettings,
  runtime: RuntimeSnapshot,
  stats: TracingStats,
  healthCheck: boolean,
): string {
  const id = headers.get(Headers.RequestId) ?? "";
  const sample = /^[0-9a-fA-F]{8}/.test(id) ? Number.parseInt(id.slice(0, 8), 16) % SHARES : -1;
  const before = id.length === UUID_LENGTH ? (id[REASON_INDEX] as string) : NONE;
  const reason = settings.samplesById
    ? reasonOf(headers, settings, runtime, sample, before)
    : SAMPLED;
  (healthCheck ? stats.healthCheck : counterOf(reason, stats)).inc();
  const writes = settings.samplesById && settings.packs && sample >= 0;
  if (!writes || id.length !== UUID_LENGTH || !changes(before, reason)) return id;
  const decided = id.slice(0, REASON_INDEX) + reason + id.slice(REASON_INDEX + 1);
  headers.set(Headers.RequestId, decided);
  return decided;
}

function reasonOf(
  headers: RequestHeaderMap,
  settings: TracingSettings,
  runtime: RuntimeSnapshot,
  sample: number,
  before: string,
): string {
  if (sample < 0) return NONE;
  let reason = isReason(before) ? before : NONE;
  if (reason === NONE) {
    const { client, random } = settings;
    if (
      headers.has(Headers.ClientTraceId) &&
      runtime.featureEnabled("tracing.client_enabled", client, SHARES, sample)
    ) {
      reason = CLIENT_FORCED;
    } else if (headers.has(Headers.EnvoyForceTrace)) reason = SERVICE_FORCED;
    else if (runtime.featureEnabled("tracing.random_sampling", random, SHARES, sample)) {
      reason = SAMPLED;
    }
  }
  if (reason === NONE) return NONE;
  const enabled = runtime.featureEnabled(
    "tracing.global_enabled",
    settings.overall,
    SHARES,
    sample,
  );
  return enabled ? reason : NONE;
}

function isReason(digit: string): boolean {
  return digit === SAMPLED || digit === SERVICE_FORCED || digit === CLIENT_FORCED;
}

/** An id that says nothing is left alone when there is nothing to say. */
function changes(before: string, reason: string): boolean {
  return before !== reason && (reason !== NONE || isReason(before));
}

function counterOf(reason: string, stats: TracingStats): Counter {
  if (reason === SAMPLED) return stats.randomSampling;
  if (reason === SERVICE_FORCED) return stats.serviceForced;
  return reason === CLIENT_FORCED ? stats.clientEnabled : stats.notTraceable;
}
