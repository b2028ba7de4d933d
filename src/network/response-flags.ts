// hot: per request
/**
 * Names of response flags, short as `%RESPONSE_FLAGS%` prints them and long as
 * `%RESPONSE_FLAGS_LONG%` does, in bit order. Envoy: `ResponseFlagUtils`
 * (source/common/stream_info/utility.cc).
 */

const SHORT: readonly string[] = [
  "LH",
  "UH",
  "UT",
  "LR",
  "UR",
  "UF",
  "UC",
  "UO",
  "NR",
  "DI",
  "FI",
  "RL",
  "UAEX",
  "RLSE",
  "DC",
  "URX",
  "SI",
  "IH",
  "DPE",
  "UMSDR",
  "RFCF",
  "NFCF",
  "DT",
  "UPE",
  "NC",
  "OM",
  "DF",
  "DO",
  "DR",
  "UDO",
];

const LONG: readonly string[] = [
  "FailedLocalHealthCheck",
  "NoHealthyUpstream",
  "UpstreamRequestTimeout",
  "LocalReset",
  "UpstreamRemoteReset",
  "UpstreamConnectionFailure",
  "UpstreamConnectionTermination",
  "UpstreamOverflow",
  "NoRouteFound",
  "DelayInjected",
  "FaultInjected",
  "RateLimited",
  "UnauthorizedExternalService",
  "RateLimitServiceError",
  "DownstreamConnectionTermination",
  "UpstreamRetryLimitExceeded",
  "StreamIdleTimeout",
  "InvalidEnvoyRequestHeaders",
  "DownstreamProtocolError",
  "UpstreamMaxStreamDurationReached",
  "ResponseFromCacheFilter",
  "NoFilterConfigFound",
  "DurationTimeout",
  "UpstreamProtocolError",
  "NoClusterFound",
  "OverloadManagerTerminated",
  "DnsResolutionFailed",
  "DropOverload",
  "DownstreamRemoteReset",
  "UnconditionalDropOverload",
];

/** `UF,URX`; "-" when no bit is set. */
export function shortFlags(flags: number): string {
  return flags === 0 ? "-" : join(flags, SHORT);
}

/** `UpstreamConnectionFailure,…`; "-" when no bit is set. */
export function longFlags(flags: number): string {
  return flags === 0 ? "-" : join(flags, LONG);
}

/** The bit of a short name; 0 when there is no such flag. */
export function flagOfShortName(name: string): number {
  const index = SHORT.indexOf(name);
  return index < 0 ? 0 : 1 << index;
}

/** For remedies: every short name. */
export const SHORT_FLAG_NAMES: readonly string[] = SHORT;

function join(flags: number, names: readonly string[]): string {
  let text = "";
  for (let index = 0; index < names.length; index++) {
    if ((flags & (1 << index)) === 0) continue;
    text = text === "" ? names[index]! : `${text},${names[index]!}`;
  }
  return text;
}
