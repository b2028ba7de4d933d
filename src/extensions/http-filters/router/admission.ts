// hot: per request
/**
 * What stands between a route and its first attempt: checks that need the cluster, and the headers
 * that the upstream shall see. Envoy: the middle of `Filter::decodeHeaders`
 * (source/common/router/router.cc).
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import { HTTP2_NOT_SUPPORTED, type LocalReply } from "../../../http/local-reply.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import { maintenanceReply, strictCheckReply } from "./replies.ts";
import type { RouterFilter } from "./router-filter.ts";
import { strictCheckFailure } from "./strict-check.ts";
import { finalTimeouts, takeStreamDuration } from "./timeouts.ts";

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
  if (!runtime().featureEnabled(info.maintenanceModeKey, 0, 100, streamRandom)) return null;
  info.stats.upstreamRqMaintenanceMode.inc();
  streamInfo.setFlag(ResponseFlag.UpstreamOverflow);
  filter.counts?.code(503, null, null);
  return maintenanceReply(!config.suppressEnvoyHeaders);
}

/** Takes the control headers, sets the time-outs, applies the changes of the route. */
export function prepareHeaders(
  filter: RouterFilter,
  entry: RouteEntry,
  headers: RequestHeaderMap,
): void {
  const { config } = filter.services;
  const { clocks } = filter;
  filter.timeoutAltResponse = headers.remove(Headers.EnvoyUpstreamRequestTimeoutAltResponse);
  const timeouts = finalTimeouts(entry, headers, config);
  clocks.timeoutMs = timeouts.globalMs;
  clocks.tryTimeoutMs = timeouts.perTryMs;
  clocks.streamDurationMs = takeStreamDuration(headers);
  if (entry.includeAttemptCountInRequest) headers.set(Headers.EnvoyAttemptCount, "1");
  const insertOriginalPath = !config.suppressEnvoyHeaders;
  entry.finalizeRequestHeaders(headers, filter.callbacks.streamInfo, insertOriginalPath);
}
