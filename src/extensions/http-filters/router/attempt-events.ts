// hot: per request
/**
 * What each event of an attempt tells counters and the host that served it: one function per event.
 * Envoy: `chargeUpstreamCode`, `chargeUpstreamAbort`, `handleNon5xxResponseHeaders`,
 * `updateOutlierDetection` (source/common/router/router.cc).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { isGrpc } from "../../../http/local-reply.ts";
import { MonitorResult } from "../../../upstream/host.ts";
import { isGrpcSuccess } from "./grpc-outcome.ts";
import type { RequestStats } from "./request-stats.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

/** The attempt has its upstream stream; the request is about to be written. */
export function attemptStarted(_attempt: UpstreamRequest, counts: RequestStats): void {
  counts.started();
}

/** An informational head came from upstream. */
export function attemptInformational(
  attempt: UpstreamRequest,
  counts: RequestStats,
  headers: ResponseHeaderMap,
): void {
  counts.code(headers.status, headers, attempt.host);
}

/** The response is not passed on: the request is tried again. */
export function attemptRetried(
  attempt: UpstreamRequest,
  counts: RequestStats,
  status: number,
): void {
  attempt.host.stats.requestFailed();
  counts.retriedCode(status);
}

/** The final head came, and goes to the client. */
export function attemptHead(
  attempt: UpstreamRequest,
  counts: RequestStats,
  request: RequestHeaderMap,
  headers: ResponseHeaderMap,
  endStream: boolean,
): void {
  const { host } = attempt;
  counts.code(headers.status, headers, host);
  if (headers.status >= 500) return;
  if (!isGrpc(request)) host.stats.requestSucceeded();
  else if (!endStream) attempt.outcomeInTrailers = true;
  else if (isGrpcSuccess(headers)) host.stats.requestSucceeded();
  else host.stats.requestFailed();
}

/** The response is complete: with trailers, or (null) without. */
export function attemptEnded(attempt: UpstreamRequest, trailers: HeaderMap | null): void {
  if (!attempt.outcomeInTrailers) return;
  attempt.outcomeInTrailers = false;
  if (trailers !== null && isGrpcSuccess(trailers)) attempt.host.stats.requestSucceeded();
  else attempt.host.stats.requestFailed();
}

/** The attempt failed after its response began; true when a success was still open. */
export function attemptResetLate(attempt: UpstreamRequest): boolean {
  if (!attempt.outcomeInTrailers) return false;
  attempt.host.stats.requestFailed();
  return true;
}

/** The time-out of the route ended the attempt; `status` is what the client gets. */
export function attemptTimedOut(attempt: UpstreamRequest, status: number): void {
  attempt.host.stats.requestTimedOut();
  // What was too slow before was told then.
  if (attempt.answered || attempt.slow) return;
  attempt.host.monitor?.onResult(MonitorResult.LocalOriginTimeout, status);
}

/** The time-out of this attempt ended it; `status` is what the client would get. */
export function tryTimedOut(attempt: UpstreamRequest, status: number): void {
  attempt.cluster.info.stats.upstreamRqPerTryTimeout.inc();
  attempt.host.stats.requestTimedOut();
  attempt.host.monitor?.onResult(MonitorResult.LocalOriginTimeout, status);
}

/** Nothing came from upstream for too long; this ended the attempt. */
export function tryIdleTimedOut(attempt: UpstreamRequest, status: number): void {
  attempt.cluster.info.stats.upstreamRqPerTryIdleTimeout.inc();
  attempt.host.stats.requestTimedOut();
  attempt.host.monitor?.onResult(MonitorResult.LocalOriginTimeout, status);
}

/** The attempt took too long, and goes on beside another. */
export function attemptSlow(attempt: UpstreamRequest, status: number): void {
  attempt.slow = true;
  attempt.host.monitor?.onResult(MonitorResult.LocalOriginTimeout, status);
}

/** We answer in the place of an attempt that gave none. */
export function attemptAborted(
  attempt: UpstreamRequest,
  counts: RequestStats,
  status: number,
): void {
  counts.aborted(status, attempt.host);
}
