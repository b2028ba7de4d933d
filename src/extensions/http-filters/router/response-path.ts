// hot: per request
/**
 * The head of a response, and what becomes of it: another attempt, or the way to the client. Envoy:
 * `Filter::onUpstreamHeaders` (source/common/router/router.cc).
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { RouteEntry } from "../../../route/route.ts";
import { attemptHead, attemptRetried } from "./attempt-events.ts";
import { followsRedirect } from "./internal-redirect.ts";
import { answer } from "./replies.ts";
import type { RequestStats } from "./request-stats.ts";
import { refused } from "./retry-refusal.ts";
import { RETRY, type RetryState } from "./retry-state.ts";
import type { RouterFilter } from "./router-filter.ts";
import type { UpstreamRequest } from "./upstream-request.ts";
import { handshakeReply, isWebSocket } from "./web-socket.ts";

export function relayHead(
  router: RouterFilter,
  attempt: UpstreamRequest,
  headers: ResponseHeaderMap,
  endStream: boolean,
): void {
  const request = router.headers as RequestHeaderMap;
  const { status } = headers;
  if (status !== 101 && status < 400 && isWebSocket(request)) {
    router.drop(attempt, 0);
    answer(router, handshakeReply(headers));
    return;
  }
  const verdict = router.retry === null ? PASS : judge(router, router.retry, attempt, headers);
  if (verdict === AGAIN) return;
  const redirects = router.entry?.internalRedirects ?? null;
  if (redirects !== null && followsRedirect(router, redirects, headers)) return;
  if (verdict === BAD && waitsForOthers(router, attempt)) return;
  router.endRetries();
  router.responseStarted = true;
  router.responseHeaders = headers;
  router.body = null;
  attemptHead(attempt, router.counts as RequestStats, request, headers, endStream);
  finishHead(router, headers, request);
  router.keepOnly(attempt);
  if (endStream) router.endResponse(attempt);
  router.callbacks.encodeHeaders(headers, endStream);
}

/** The response is passed on. */
const PASS = 0;
/** It goes nowhere: another attempt follows. */
const AGAIN = 1;
/** It calls for another attempt, which is not allowed. */
const BAD = 2;

function judge(
  router: RouterFilter,
  retry: RetryState,
  attempt: UpstreamRequest,
  headers: ResponseHeaderMap,
): number {
  const request = router.headers as RequestHeaderMap;
  if (attempt.retried) return retry.wouldRetry(headers, request) ? BAD : PASS;
  const status = retry.onHeaders(headers, request);
  if (status !== RETRY) return refused(router.callbacks.streamInfo, status) ? BAD : PASS;
  router.pendingRetries++;
  attemptRetried(attempt, router.counts as RequestStats, headers.status);
  router.drop(attempt, 0);
  return AGAIN;
}

/** An attempt under way may do better than this response. */
function waitsForOthers(router: RouterFilter, attempt: UpstreamRequest): boolean {
  if (!router.othersMayAnswer(attempt)) return false;
  attempt.host.stats.requestFailed();
  router.drop(attempt, 0);
  return true;
}

/** What router and route add to the head of the response. */
function finishHead(
  router: RouterFilter,
  headers: ResponseHeaderMap,
  request: RequestHeaderMap,
): void {
  const { streamInfo, dispatcher } = router.callbacks;
  streamInfo.responseCode = headers.status;
  streamInfo.responseCodeDetails = "via_upstream";
  if (!router.services.config.suppressEnvoyHeaders && router.requestEndMs >= 0) {
    const elapsed = Math.floor(dispatcher.nowMs - router.requestEndMs);
    headers.set(Headers.EnvoyUpstreamServiceTime, String(elapsed));
  }
  const entry = router.entry as RouteEntry;
  if (entry.includeAttemptCountInResponse) {
    headers.set(Headers.EnvoyAttemptCount, String(router.attempts));
  }
  entry.finalizeResponseHeaders(headers, request, streamInfo);
  if (router.cookies === null) return;
  for (const cookie of router.cookies) headers.add(Headers.SetCookie, cookie);
}
