// hot: per request
/**
 * What stands between a route and its first attempt: checks that need the cluster, and the headers
 * that the upstream shall see. Envoy: the middle of `Filter::decodeHeaders`
 * (source/common/router/router.cc).
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers, headerName } from "../../../codec/header-names.ts";
import { HTTP2_NOT_SUPPORTED, type LocalReply } from "../../../http/local-reply.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import { dropReply, maintenanceReply, strictCheckReply } from "./replies.ts";
import type { RequestStats } from "./request-stats.ts";
import { retryConditions } from "./retry-conditions.ts";
import { RetryState } from "./retry-state.ts";
import type { RouterFilter } from "./router-filter.ts";
import { makeShadows } from "./shadows.ts";
import { strictCheckFailure } from "./strict-check.ts";
import { finalTimeouts, setTimeoutHeaders, takeStreamDuration } from "./timeouts.ts";

const IS_TIMEOUT_RETRY: HeaderName = headerName("x-envoy-is-timeout-retry");

/** Control headers, HTTP/2, maintenance: the answer of a request that is not forwarded, or null. */
export function refusal(
  filter: RouterFilter,
  cluster: Cluster,
  headers: RequestHeaderMap,
): LocalReply | null {
  const { info } = cluster;
  const { runtime, config } = filter.services;
  const { streamInfo, streamRandom } = filter.callbacks;
  const wrong = strictCheckFailure(headers, config.strictHeaders);
  if (wrong !== null) {
    streamInfo.setFlag(ResponseFlag.InvalidEnvoyRequestHeaders);
    return strictCheckReply(wrong.text, headers.get(wrong) ?? "");
  }
  if (info.wantsHttp2) return HTTP2_NOT_SUPPORTED;
  if (!runtime().featureEnabled(info.maintenanceModeKey, 0, 100, streamRandom)) {
    return cluster.dropOverload === 0 ? null : droppedReply(filter, cluster.dropOverload);
  }
  info.stats.upstreamRqMaintenanceMode.inc();
  streamInfo.setFlag(ResponseFlag.UpstreamOverflow);
  filter.counts?.code(503, null, null);
  return maintenanceReply(!config.suppressEnvoyHeaders);
}

/** Null when neither route nor request ask for retries. Reads control headers: before they go. */
export function openRetries(
  filter: RouterFilter,
  cluster: Cluster,
  entry: RouteEntry,
  headers: RequestHeaderMap,
): RetryState | null {
  const conditions = retryConditions(entry.retryPolicy, headers);
  if (conditions === null) return null;
  const { services, callbacks } = filter;
  const { dispatcher } = callbacks;
  const counts = filter.counts as RequestStats;
  return new RetryState(filter, { services, dispatcher, cluster, entry, counts }, conditions);
}

/** Null when this request may pass. */
function droppedReply(filter: RouterFilter, share: number): LocalReply | null {
  const everything = share >= 1;
  const { streamInfo, dispatcher } = filter.callbacks;
  if (!everything && dispatcher.random.uint32() >= share * 0x1_0000_0000) return null;
  streamInfo.setFlag(
    everything ? ResponseFlag.UnconditionalDropOverload : ResponseFlag.DropOverload,
  );
  filter.counts?.code(503, null, null);
  return dropReply(everything, !filter.services.config.suppressEnvoyHeaders);
}

/** Takes the control headers, sets the time-outs, applies the changes of the route. */
export function prepareHeaders(
  filter: RouterFilter,
  cluster: Cluster,
  entry: RouteEntry,
  headers: RequestHeaderMap,
): void {
  const { config } = filter.services;
  const { clocks } = filter;
  filter.timeoutAltResponse = headers.remove(Headers.EnvoyUpstreamRequestTimeoutAltResponse);
  const timeouts = finalTimeouts(entry, headers, config);
  filter.hedging = timeouts.hedging;
  clocks.timeoutMs = timeouts.globalMs;
  clocks.tryTimeoutMs = timeouts.perTryMs;
  clocks.tryIdleTimeoutMs = entry.retryPolicy === null ? 0 : entry.retryPolicy.perTryIdleTimeoutMs;
  clocks.streamDurationMs = takeStreamDuration(headers);
  setTimeoutHeaders(entry, headers, config, timeouts);
  if (entry.includeAttemptCountInRequest) headers.set(Headers.EnvoyAttemptCount, "1");
  const insertOriginalPath = !config.suppressEnvoyHeaders;
  entry.finalizeRequestHeaders(headers, filter.callbacks.streamInfo, insertOriginalPath);
  if (entry.mirrors !== null) {
    const { services, callbacks } = filter;
    const request = { services, callbacks, cluster };
    filter.shadows = makeShadows(entry.mirrors, headers, timeouts.globalMs, request);
  }
}

/** Headers that differ from attempt to attempt. Envoy: `Filter::doRetry`. */
export function prepareRetry(filter: RouterFilter, entry: RouteEntry, timeout: boolean): void {
  const headers = filter.headers as RequestHeaderMap;
  const { clocks } = filter;
  if (entry.includeAttemptCountInRequest) {
    headers.set(Headers.EnvoyAttemptCount, String(filter.attempts));
  }
  if (entry.includeIsTimeoutRetry) headers.set(IS_TIMEOUT_RETRY, String(timeout));
  const { requestEndMs, callbacks } = filter;
  const elapsedMs = requestEndMs < 0 ? 0 : Math.floor(callbacks.dispatcher.nowMs - requestEndMs);
  setTimeoutHeaders(entry, headers, filter.services.config, {
    globalMs: clocks.timeoutMs,
    perTryMs: clocks.tryTimeoutMs,
    elapsedMs,
    hedging: filter.hedging,
  });
}
