// hot: per request
/**
 * Names of response flags, short as `%RESPONSE_FLAGS%` prints them and long as
 * `%RESPONSE_FLAGS_LONG%` does. Envoy: `ResponseFlagUtils`
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

/** What is printed of a stream. */
export interface FlagHolder {
  readonly responseFlags: number;
  /** Null when there is one flag at most. */
  readonly flagOrder: readonly number[] | null;
}

/** `URX,UF`, in the order in which they were set; "-" when none was. */
export function shortFlags(info: FlagHolder): string {
  return join(info, SHORT);
}

/** As `shortFlags`, with long names: `UpstreamConnectionFailure,…`. */
export function longFlags(info: FlagHolder): string {
  return join(info, LONG);
}

/** The bit of a short name; 0 when there is no such flag. */
export function flagOfShortName(name: string): number {
  const index = SHORT.indexOf(name);
  return index < 0 ? 0 : 1 << index;
}

/** For remedies: every short name. */
export const SHORT_FLAG_NAMES: readonly string[] = SHORT;

function join({ responseFlags, flagOrder }: FlagHolder, names: readonly string[]): string {
  if (flagOrder !== null) return flagOrder.map((flag) => nameOf(flag, names)).join(",");
  return responseFlags === 0 ? "-" : nameOf(responseFlags, names);
}

function nameOf(flag: number, names: readonly string[]): string {
  return names[31 - Math.clz32(flag)] as string;
}
