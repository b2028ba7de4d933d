/**
 * The `proxy-status` response header (RFC 9209): which proxy failed, and how. Envoy:
 * `StreamInfo::ProxyStatusUtils` (source/common/stream_info/utility.cc).
 */
import type { ResponseHeaderMap } from "../codec/header-map.ts";
import { type HeaderName, headerName } from "../codec/header-names.ts";
import { shortFlags } from "../network/response-flags.ts";
import { ResponseFlag, type StreamInfo } from "../network/stream-info.ts";

export interface ProxyStatusSettings {
  readonly proxyName: string;
  readonly details: boolean;
  readonly terminationDetails: boolean;
  readonly responseFlags: boolean;
  /** The status that the RFC recommends replaces the response's own. */
  readonly recommendedStatus: boolean;
}

const PROXY_STATUS: HeaderName = headerName("proxy-status");

/** Flag, error and recommended status (0 = none); the first flag that is set counts. */
const ERRORS: readonly (readonly [flag: number, error: string, status: number])[] = [
  [ResponseFlag.FailedLocalHealthCheck, "destination_unavailable", 503],
  [ResponseFlag.NoHealthyUpstream, "destination_unavailable", 503],
  [ResponseFlag.UpstreamRequestTimeout, "http_response_timeout", 504],
  [ResponseFlag.LocalReset, "connection_timeout", 504],
  [ResponseFlag.UpstreamRemoteReset, "connection_terminated", 502],
  [ResponseFlag.UpstreamConnectionFailure, "connection_refused", 502],
  [ResponseFlag.UpstreamConnectionTermination, "connection_terminated", 502],
  [ResponseFlag.UpstreamOverflow, "connection_limit_reached", 503],
  [ResponseFlag.NoRouteFound, "destination_not_found", 500],
  [ResponseFlag.RateLimited, "connection_limit_reached", 503],
  [ResponseFlag.RateLimitServiceError, "connection_limit_reached", 503],
  [ResponseFlag.UpstreamRetryLimitExceeded, "destination_unavailable", 503],
  [ResponseFlag.StreamIdleTimeout, "http_response_timeout", 504],
  [ResponseFlag.InvalidEnvoyRequestHeaders, "http_request_error", 0],
  [ResponseFlag.DownstreamProtocolError, "http_request_error", 0],
  [ResponseFlag.UpstreamMaxStreamDurationReached, "http_response_timeout", 504],
  [ResponseFlag.NoFilterConfigFound, "proxy_configuration_error", 500],
  [ResponseFlag.UpstreamProtocolError, "http_protocol_error", 502],
  [ResponseFlag.NoClusterFound, "destination_unavailable", 503],
  [ResponseFlag.DnsResolutionFailed, "dns_error", 502],
];

/** Adds the header to a response that tells of a failure; others stay as they are. */
export function addProxyStatus(
  headers: ResponseHeaderMap,
  info: StreamInfo,
  settings: ProxyStatusSettings,
): void {
  if (info.responseFlags === 0) return;
  const found = ERRORS.find(([flag]) => info.hasFlag(flag));
  if (found === undefined) return;
  // Without a connection it is the connecting that took too long.
  const connecting =
    found[0] === ResponseFlag.UpstreamRequestTimeout && info.upstreamConnectEndMs < 0;
  const error = connecting ? "connection_timeout" : found[1];
  const text = `${settings.proxyName}; error=${error}${details(info, settings)}`;
  headers.append(PROXY_STATUS, text, ", ");
  if (settings.recommendedStatus && found[2] !== 0) headers.status = found[2];
}

function details(info: StreamInfo, settings: ProxyStatusSettings): string {
  if (!settings.details || info.responseCodeDetails === "") return "";
  const parts = [info.responseCodeDetails];
  const { connectionTerminationDetails: termination } = info;
  if (settings.terminationDetails && termination !== "") parts.push(termination);
  if (settings.responseFlags) parts.push(shortFlags(info));
  return `; details="${parts.join("; ").replace(/["\\]/g, "\\$&")}"`;
}
