// hot: per request
/**
 * How long one request may take: route, request headers and gRPC deadlines combined.
 * Envoy: `FilterUtility::finalTimeout` (source/common/router/router.cc).
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers } from "../../../codec/header-names.ts";
import { isGrpc } from "../../../http/local-reply.ts";
import type { RouteEntry } from "../../../route/route.ts";
import { parseGrpcTimeoutMs } from "./grpc-timeout.ts";

const CONTROL_BITS =
  Headers.EnvoyUpstreamRequestTimeoutMs.bit |
  Headers.EnvoyUpstreamRequestPerTryTimeoutMs.bit |
  Headers.EnvoyExpectedRequestTimeoutMs.bit |
  Headers.GrpcTimeout.bit;

/** 0 = no limit. */
export interface RequestTimeouts {
  globalMs: number;
  perTryMs: number;
}

export function finalTimeouts(
  entry: RouteEntry,
  headers: RequestHeaderMap,
  respectExpectedTimeout: boolean,
): RequestTimeouts {
  const timeouts = { globalMs: routeTimeout(entry), perTryMs: Math.max(0, entry.perTryTimeoutMs) };
  if ((headers.seen & CONTROL_BITS) !== 0)
    applyHeaders(timeouts, entry, headers, respectExpectedTimeout);
  if (timeouts.globalMs !== 0 && timeouts.perTryMs >= timeouts.globalMs) timeouts.perTryMs = 0;
  return timeouts;
}

/** `max_stream_duration` on a route switches the default time-out off. */
function routeTimeout(entry: RouteEntry): number {
  if (entry.maxStreamDurationMs >= 0 || entry.grpcTimeoutHeaderMaxMs >= 0) return 0;
  return Math.max(0, entry.timeoutMs);
}

function applyHeaders(
  timeouts: RequestTimeouts,
  entry: RouteEntry,
  headers: RequestHeaderMap,
  respectExpectedTimeout: boolean,
): void {
  if (entry.maxGrpcTimeoutMs >= 0 && isGrpc(headers))
    timeouts.globalMs = grpcTimeout(entry, headers);
  const perTry = takeMilliseconds(headers, Headers.EnvoyUpstreamRequestPerTryTimeoutMs);
  if (perTry >= 0) timeouts.perTryMs = perTry;
  const expected = respectExpectedTimeout
    ? milliseconds(headers.get(Headers.EnvoyExpectedRequestTimeoutMs))
    : -1;
  const global = takeMilliseconds(headers, Headers.EnvoyUpstreamRequestTimeoutMs);
  if (expected >= 0) timeouts.globalMs = expected;
  else if (global >= 0) timeouts.globalMs = global;
}

function grpcTimeout(entry: RouteEntry, headers: RequestHeaderMap): number {
  const asked = parseGrpcTimeoutMs(headers.get(Headers.GrpcTimeout) ?? "");
  let timeoutMs = asked < 0 ? 0 : asked;
  const capMs = entry.maxGrpcTimeoutMs;
  if (capMs > 0 && (timeoutMs === 0 || timeoutMs > capMs)) timeoutMs = capMs;
  const offset = entry.grpcTimeoutOffsetMs;
  return offset > 0 && timeoutMs > offset ? timeoutMs - offset : timeoutMs;
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
