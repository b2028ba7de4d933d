// hot: per request
/**
 * Begins an attempt of a request on a host: the head as it is now, and what came of the body so
 * far. Envoy: the end of `Filter::decodeHeaders`, `Filter::doRetry`.
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { StreamInfo } from "../../../network/stream-info.ts";
import { updateAuthority } from "../../../route/rewrite.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type { Host } from "../../../upstream/host.ts";
import { keepBody, type RequestBody } from "./request-body.ts";
import type { RouterFilter } from "./router-filter.ts";
import type { Shadows } from "./shadows.ts";
import { replyNoHost } from "./unroutable.ts";
import { clearUpstreamFacts } from "./upstream-facts.ts";
import { UpstreamRequest } from "./upstream-request.ts";

export function startAttempt(router: RouterFilter, cluster: Cluster, host: Host): void {
  const entry = router.entry as RouteEntry;
  const headers = router.headers as RequestHeaderMap;
  const tunnel = entry.connectTerminates && headers.method === "CONNECT";
  if (!tunnel && !cluster.hasHttpPool(host, entry.priority)) {
    replyNoHost(router);
    return;
  }
  const first = router.attempts === 1;
  // Taken now: what is too large to be kept is still sent once.
  const { body } = router;
  router.cluster = cluster;
  rewriteHost(router, host, entry, headers);
  const endStream = first ? router.headersEnd : isBodyless(router);
  const logging = router.services.upstreamLogging;
  const facts = factsOfAttempt(router, first);
  const head = { headers, endStream, logging, facts };
  const attempt = new UpstreamRequest(router, router.callbacks, cluster, host, head);
  attempt.clocks = router.clocks.forAttempt(attempt, cluster.info.maxStreamDurationMs);
  router.add(attempt);
  router.retry?.onHostAttempted(host);
  if (first) prepareFirst(router, entry);
  else for (let pauses = router.responsePauses; pauses > 0; pauses--) attempt.readDisable(true);
  if (tunnel) attempt.startTcp(entry.priority);
  else attempt.start(entry.priority);
  // It may have failed at once.
  if (router.upstream !== attempt) return;
  if (body !== null && !endStream) sendBody(router, attempt, body);
  if (router.trailers !== null) attempt.sendTrailers(router.trailers);
}

/** What happens once per request. */
function prepareFirst(router: RouterFilter, entry: RouteEntry): void {
  router.callbacks.addWatermarkListener(router);
  if (router.shadows !== null) startShadows(router, router.shadows);
  if (router.requestEnded) router.clocks.start();
  router.replays = router.retry?.enabled === true || entry.internalRedirects !== null;
  if (router.replays && !router.headersEnd) keepBody(router, entry);
}

/** Copies get what came while the cluster was not there yet, too. */
function startShadows(router: RouterFilter, shadows: Shadows): void {
  const { headersEnd, body, trailers } = router;
  shadows.start(headersEnd);
  if (body !== null && !headersEnd) body.sendTo(shadows, router.requestEnded && trailers === null);
  if (trailers !== null) shadows.sendTrailers(trailers);
}

/** What came of the body so far; keeps it only where it may be needed again. */
function sendBody(router: RouterFilter, attempt: UpstreamRequest, body: RequestBody): void {
  if (!router.replays) router.body = null;
  if (body.bytes === 0 && !router.requestEnded) return;
  body.sendTo(attempt, router.requestEnded && router.trailers === null);
}

function rewriteHost(
  router: RouterFilter,
  host: Host,
  entry: RouteEntry,
  headers: RequestHeaderMap,
): void {
  const { hostname } = host.description;
  if (!entry.autoHostRewrite || hostname === "") return;
  const keepOld = !router.services.config.suppressEnvoyHeaders;
  updateAuthority(headers, hostname, entry.appendForwardedHost, keepOld);
}

function factsOfAttempt(router: RouterFilter, first: boolean): StreamInfo {
  const { streamInfo, dispatcher } = router.callbacks;
  if (router.hedging) {
    return new StreamInfo(streamInfo.connection, dispatcher.nowMs, dispatcher.wallMs());
  }
  if (!first) clearUpstreamFacts(streamInfo);
  return streamInfo;
}

function isBodyless(router: RouterFilter): boolean {
  const empty = router.body === null || router.body.bytes === 0;
  return router.requestEnded && empty && router.trailers === null;
}
