// hot: per request
/**
 * How long one request may take: route, request headers and gRPC deadlines combined. Takes the
 * control headers out of the request. Envoy: `FilterUtility::finalTimeout`,
 * `FilterUtility::setTimeoutHeaders` (source/common/router/router.cc).
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers } from "../../../codec/header-names.ts";
import { formatGrpcTimeout, parseGrpcTimeoutMs } from "../../../http/grpc-timeout.ts";
import { isGrpc } from "../../../http/local-reply.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { RouterConfig } from "./config.ts";

/** Read before; the upstream has no business with them. */
const RETRY_CONTROL: readonly HeaderName[] = [
  Headers.EnvoyRetryOn,
  Headers.EnvoyRetryGrpcOn,
  Headers.EnvoyMaxRetries,
  Headers.EnvoyRetriableStatusCodes,
  Headers.EnvoyRetriableHeaderNames,
  Headers.EnvoyHedgeOnPerTryTimeout,
];

const CONTROL_BITS: number = [
  Headers.EnvoyUpstreamRequestTimeoutMs,
  Headers.EnvoyUpstreamRequestPerTryTimeoutMs,
  Headers.EnvoyExpectedRequestTimeoutMs,
  ...RETRY_CONTROL,
].reduce((bits, name) => bits | name.bit, 0);

/** What an attempt that begins `elapsedMs` after the end of the request tells the upstream. */
export interface RequestTimeouts {
  /** 0 = no limit, as below. */
  globalMs: number;
  perTryMs: number;
  elapsedMs: number;
  /** Attempts may go on beside later ones: all have the global time-out. */
  readonly hedging: boolean;
}

/** Those of the first attempt. */
export function finalTimeouts(
  entry: RouteEntry,
  headers: RequestHeaderMap,
  config: RouterConfig,
): RequestTimeouts {
  // The old gRPC style: max_grpc_timeout of the route.
  const oldGrpc = entry.maxGrpcTimeoutMs >= 0 && !entry.usesNewTimeouts && isGrpc(headers);
  const timeouts = {
    globalMs: oldGrpc ? grpcTimeout(entry, headers) : Math.max(0, entry.timeoutMs),
    perTryMs: entry.retryPolicy === null ? 0 : entry.retryPolicy.perTryTimeoutMs,
    elapsedMs: 0,
    hedging: hedges(entry, headers),
  };
  if ((headers.seen & CONTROL_BITS) !== 0) applyHeaders(timeouts, headers, config);
  if (timeouts.globalMs !== 0 && timeouts.perTryMs >= timeouts.globalMs) timeouts.perTryMs = 0;
  return timeouts;
}

/** Envoy: `FilterUtility::setTimeoutHeaders`. */
export function setTimeoutHeaders(
  entry: RouteEntry,
  headers: RequestHeaderMap,
  config: RouterConfig,
  time: RequestTimeouts,
): void {
  const { globalMs, perTryMs } = time;
  let expectedMs = time.hedging || perTryMs === 0 ? globalMs : perTryMs;
  if (expectedMs === 0) return;
  // 0 would mean "as long as you like": what is late gets a millisecond.
  if (globalMs > 0) expectedMs = Math.max(1, Math.min(expectedMs, globalMs - time.elapsedMs));
  if (!config.suppressEnvoyHeaders) {
    headers.set(Headers.EnvoyExpectedRequestTimeoutMs, String(expectedMs));
  }
  if (entry.maxGrpcTimeoutMs >= 0 && !entry.usesNewTimeouts && isGrpc(headers)) {
    headers.set(Headers.GrpcTimeout, formatGrpcTimeout(expectedMs));
  }
}

/** `x-envoy-hedge-on-per-try-timeout` counts before the route. */
export function hedges(entry: RouteEntry, headers: RequestHeaderMap): boolean {
  if ((headers.seen & Headers.EnvoyHedgeOnPerTryTimeout.bit) === 0) {
    return entry.hedgeOnPerTryTimeout;
  }
  const asked = headers.get(Headers.EnvoyHedgeOnPerTryTimeout);
  if (asked === "true") return true;
  return asked === "false" ? false : entry.hedgeOnPerTryTimeout;
}

/** `x-envoy-upstream-stream-duration-ms`; −1 when absent. */
export function takeStreamDuration(headers: RequestHeaderMap): number {
  if ((headers.seen & Headers.EnvoyUpstreamStreamDurationMs.bit) === 0) return -1;
  return takeMilliseconds(headers, Headers.EnvoyUpstreamStreamDurationMs);
}

function applyHeaders(
  timeouts: RequestTimeouts,
  headers: RequestHeaderMap,
  config: RouterConfig,
): void {
  const perTry = takeMilliseconds(headers, Headers.EnvoyUpstreamRequestPerTryTimeoutMs);
  if (perTry >= 0) timeouts.perTryMs = perTry;
  const expected = config.respectExpectedTimeout
    ? milliseconds(headers.get(Headers.EnvoyExpectedRequestTimeoutMs))
    : -1;
  const global = takeMilliseconds(headers, Headers.EnvoyUpstreamRequestTimeoutMs);
  if (expected >= 0) timeouts.globalMs = expected;
  else if (global >= 0) timeouts.globalMs = global;
  for (const name of RETRY_CONTROL) headers.remove(name);
}

function grpcTimeout(entry: RouteEntry, headers: RequestHeaderMap): number {
  let timeoutMs = Math.max(0, parseGrpcTimeoutMs(headers.get(Headers.GrpcTimeout)));
  const offset = entry.grpcTimeoutOffsetMs;
  // Without a rest there would be no limit at all: 0 means infinite.
  if (offset > 0 && offset < timeoutMs) timeoutMs -= offset;
  const capMs = entry.maxGrpcTimeoutMs;
  return capMs > 0 && (timeoutMs === 0 || timeoutMs > capMs) ? capMs : timeoutMs;
}

function takeMilliseconds(headers: RequestHeaderMap, name: HeaderName): number {
  const value = milliseconds(headers.get(name));
  headers.remove(name);
  return value;
}

/** −1 when absent or not a whole number. */
function milliseconds(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : -1;
}
