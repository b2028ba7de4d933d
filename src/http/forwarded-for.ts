// hot: per request
/**
 * Who the client is: `x-forwarded-for` counted from the right. Envoy:
 * `Utility::getLastAddressFromXFF`, `ConnectionManagerUtility::mutateRequestHeaders`
 * (source/common/http/conn_manager_utility.cc).
 */

import type { CidrRange } from "../base/cidr.ts";
import { isIpAddress } from "../base/ip-kind.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers, headerName } from "../codec/header-names.ts";
import type { OriginalIpDetection } from "./connection-manager-config.ts";

/** More addresses than this are not walked through. */
const TRUSTED_CIDR_WALK_MAX = 20;

/** What detection found. `ip` is null when the socket's address counts. */
export interface DetectedAddress {
  readonly ip: string | null;
  /** Whether "internal" may be derived from it. */
  readonly trusted: boolean;
  /** Status to refuse the request with, 0 = go on. */
  readonly rejectStatus: number;
  readonly skipAppend: boolean;
}

const UNKNOWN: DetectedAddress = { ip: null, trusted: false, rejectStatus: 0, skipAppend: true };

/** The address `skip` places left of the last one; null when missing or no IP address. */
export function addressFromRight(forwardedFor: string, skip: number): string | null {
  let end = forwardedFor.length;
  for (let index = 0; index < skip; index++) {
    end = forwardedFor.lastIndexOf(",", end - 1);
    if (end <= 0) return null;
  }
  const start = forwardedFor.lastIndexOf(",", end - 1) + 1;
  const text = forwardedFor.slice(start, end).trim();
  return isIpAddress(text) ? text : null;
}

/** Runs the detections in order; the first that finds an address or refuses wins. */
export function detectAddress(
  headers: RequestHeaderMap,
  detections: readonly OriginalIpDetection[],
  peerIp: string,
): DetectedAddress {
  for (const detection of detections) {
    const found = detect(headers, detection, peerIp);
    if (found.ip !== null || found.rejectStatus !== 0) return found;
  }
  return UNKNOWN;
}

function detect(
  headers: RequestHeaderMap,
  detection: OriginalIpDetection,
  peerIp: string,
): DetectedAddress {
  if (detection.kind === "custom-header") return detectByHeader(headers, detection);
  const forwardedFor = headers.getJoined(Headers.XForwardedFor);
  if (forwardedFor === undefined) return UNKNOWN;
  if (detection.kind === "xff-cidrs") {
    const ip = firstUntrusted(forwardedFor, detection.trusted, detection.recurse, peerIp);
    return { ip, trusted: false, rejectStatus: 0, skipAppend: detection.skipAppend };
  }
  const ip = addressFromRight(forwardedFor, detection.trustedHops);
  const trusted = ip !== null && detection.trustedHops === 0 && !forwardedFor.includes(",");
  return { ip, trusted, rejectStatus: 0, skipAppend: detection.skipAppend };
}

function detectByHeader(
  headers: RequestHeaderMap,
  detection: Extract<OriginalIpDetection, { kind: "custom-header" }>,
): DetectedAddress {
  const value = headers.get(headerName(detection.headerName));
  if (value === undefined || !isIpAddress(value))
    return { ...UNKNOWN, rejectStatus: detection.rejectStatus };
  return { ip: value, trusted: detection.trusted, rejectStatus: 0, skipAppend: true };
}

/** Walks from the right past trusted proxies. */
function firstUntrusted(
  forwardedFor: string,
  trusted: readonly CidrRange[],
  recurse: boolean,
  peerIp: string,
): string | null {
  if (!trusted.some((range) => range.contains(peerIp))) return null;
  const addresses = forwardedFor.split(",");
  if (addresses.length > TRUSTED_CIDR_WALK_MAX) return null;
  let last: string | null = null;
  for (let index = addresses.length - 1; index >= 0; index--) {
    const ip = (addresses[index] as string).trim();
    if (!isIpAddress(ip)) return null;
    last = ip;
    if (!recurse || !trusted.some((range) => range.contains(ip))) return ip;
  }
  return last;
}
