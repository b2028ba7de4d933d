/**
 * Attempts that end without a response, or are too slow: another attempt, or an answer of ours.
 * Envoy: `Filter::onUpstreamReset`, `onPerTryTimeoutCommon`, `onResponseTimeout`,
 * `onStreamMaxDurationReached` (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import {
  attemptAborted,
  attemptResetLate,
  attemptSlow,
  attemptTimedOut,
  tryIdleTimedOut,
  tryTimedOut,
} from "./attempt-events.ts";
import { answer, resetReply } from "./replies.ts";
import type { RequestStats } from "./request-stats.ts";
import { resetDetails, resetFlag, resetStatus } from "./reset-reason.ts";
import { refused } from "./retry-refusal.ts";
import { RETRY } from "./retry-state.ts";
import type { RouterFilter } from "./router-filter.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

/** No connection, or the upstream stream broke. */
export function attemptFailed(
  router: RouterFilter,
  attempt: UpstreamRequest,
  reason: StreamResetReason,
  transportFailure: string,
): void {
  attempt.facts.upstreamTransportFailureReason = transportFailure;
  router.remove(attempt);
  if (triesAgain(router, attempt, reason, false)) return;
  abort(router, attempt, resetStatus(reason));
  if (router.othersMayAnswer(null)) return;
  const { streamInfo } = router.callbacks;
  streamInfo.setFlag(resetFlag(reason));
  router.cleanUp();
  if (router.responseHeaders !== null) {
    const prefix = "upstream_reset_after_response_started";
    streamInfo.responseCodeDetails = resetDetails(prefix, reason, transportFailure);
    router.callbacks.resetStream();
    return;
  }
  answer(
    router,
    resetReply({
      reason,
      transportFailure,
      retried: router.attempts > 1,
      started: router.responseStarted,
      announce: !router.services.config.suppressEnvoyHeaders,
    }),
  );
}

/** The upstream did not begin to answer in time. Later the time-out of the route is in charge. */
export function attemptTooSlow(router: RouterFilter, attempt: UpstreamRequest): void {
  if (router.responseStarted) return;
  if (router.hedging) {
    hedge(router, attempt);
    return;
  }
  tryTimedOut(attempt, timeoutStatus(router));
  endSlow(router, attempt, ResponseFlag.UpstreamRequestTimeout, "upstream_per_try_timeout");
}

/** The upstream sent nothing for `per_try_idle_timeout`. */
export function attemptIdle(router: RouterFilter, attempt: UpstreamRequest): void {
  if (router.hedging) {
    hedge(router, attempt);
    return;
  }
  tryIdleTimedOut(attempt, timeoutStatus(router));
  endSlow(router, attempt, ResponseFlag.StreamIdleTimeout, "upstream_per_try_idle_timeout");
}

/** `max_stream_duration` of the upstream. */
export function streamTooOld(router: RouterFilter, attempt: UpstreamRequest): void {
  const flag = ResponseFlag.UpstreamMaxStreamDurationReached;
  attempt.cluster.info.stats.upstreamRqMaxDurationReached.inc();
  router.drop(attempt, flag);
  if (triesAgain(router, attempt, "local reset", false)) return;
  router.cleanUp();
  router.callbacks.streamInfo.setFlag(flag);
  answer(router, {
    status: router.requestEnded ? 504 : 408,
    body: "upstream max stream duration reached",
    details: "upstream_max_stream_duration_reached",
  });
}

/** The route's time-out ran out, whatever attempts there are. */
export function routeTimedOut(router: RouterFilter): void {
  const counts = router.counts as RequestStats;
  for (let attempt = router.upstream; attempt !== null; attempt = router.upstream) {
    counts.timedOut();
    attemptTimedOut(attempt, timeoutStatus(router));
    if (!attempt.answered) abort(router, attempt, timeoutStatus(router));
    router.drop(attempt, 0);
  }
  replyTimeout(router, "response_timeout");
}

/** The attempt goes on; another begins beside it. */
function hedge(router: RouterFilter, attempt: UpstreamRequest): void {
  const { retry } = router;
  attemptSlow(attempt, timeoutStatus(router));
  if (router.responseStarted || retry === null || attempt.retried) return;
  const status = retry.onHedge();
  if (status === RETRY) {
    router.pendingRetries++;
    attempt.retried = true;
  } else refused(router.callbacks.streamInfo, status);
}

function endSlow(
  router: RouterFilter,
  attempt: UpstreamRequest,
  flag: number,
  details: string,
): void {
  router.drop(attempt, flag);
  if (triesAgain(router, attempt, "local reset", true)) return;
  abort(router, attempt, timeoutStatus(router));
  replyTimeout(router, details);
}

function triesAgain(
  router: RouterFilter,
  attempt: UpstreamRequest,
  reason: StreamResetReason,
  timeout: boolean,
): boolean {
  const { retry } = router;
  if (router.responseStarted || retry === null || attempt.retried) return false;
  const status = retry.onReset(reason, router.requestStarted, timeout);
  if (status !== RETRY) {
    refused(router.callbacks.streamInfo, status);
    return false;
  }
  router.pendingRetries++;
  attempt.host.stats.requestFailed();
  return true;
}

/** Counts what the attempt was to us. */
function abort(router: RouterFilter, attempt: UpstreamRequest, status: number): void {
  if (!router.responseStarted) {
    attemptAborted(attempt, router.counts as RequestStats, status);
  } else if (attemptResetLate(attempt)) {
    router.services.stats.rqResetAfterDownstreamResponseStarted.inc();
  }
}

function timeoutStatus(router: RouterFilter): number {
  return router.timeoutAltResponse ? 204 : 504;
}

function replyTimeout(router: RouterFilter, details: string): void {
  router.callbacks.streamInfo.setFlag(ResponseFlag.UpstreamRequestTimeout);
  router.cleanUp();
  const body = router.timeoutAltResponse ? "" : "upstream request timeout";
  answer(router, { status: timeoutStatus(router), body, details });
}
