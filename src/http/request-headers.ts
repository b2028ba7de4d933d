// hot: per request
/**
 * What the connection manager does to request headers before routing, in Envoy's order.
 * Envoy: `ConnectionManagerUtility::mutateRequestHeaders`
 * (source/common/http/conn_manager_utility.cc).
 */
import { isLoopbackAddress } from "../base/ip-kind.ts";
import { isUpgrade } from "../codec/h1/upgrade.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { type HeaderName, Headers } from "../codec/header-names.ts";
import type { ConnectionInfo } from "../network/stream-info.ts";
import type { RandomGenerator } from "../platform/random.ts";
import type { ConnectionManagerConfig, ForwardingSettings } from "./connection-manager-config.ts";
import { addressFromRight, detectAddress } from "./forwarded-for.ts";
import { ensureRequestId } from "./request-id.ts";

/** What the mutation found out. */
export interface RequestFacts {
  /** The trusted client address. */
  readonly clientIp: string;
  readonly internal: boolean;
  readonly edge: boolean;
  readonly requestId: string;
  /** Detection refused the request with this status; 0 = go on. */
  readonly rejectStatus: number;
}

const HOP_BITS =
  Headers.Connection.bit |
  Headers.Upgrade.bit |
  Headers.Te.bit |
  Headers.KeepAlive.bit |
  Headers.ProxyConnection.bit |
  Headers.TransferEncoding.bit |
  Headers.EnvoyInternal.bit |
  Headers.Referer.bit;

/** Removed from requests that come from outside the mesh's edge. */
const EDGE_ONLY: readonly HeaderName[] = [
  Headers.EnvoyDecoratorOperation,
  Headers.EnvoyDownstreamServiceCluster,
  Headers.EnvoyDownstreamServiceNode,
  Headers.EnvoyOriginalPath,
  Headers.EnvoyOriginalHost,
];

/** Removed from every request that is not internal: they steer the router. */
const EXTERNAL: readonly HeaderName[] = [
  Headers.EnvoyRetriableStatusCodes,
  Headers.EnvoyRetriableHeaderNames,
  Headers.EnvoyRetryOn,
  Headers.EnvoyRetryGrpcOn,
  Headers.EnvoyMaxRetries,
  Headers.EnvoyUpstreamAltStatName,
  Headers.EnvoyUpstreamRequestTimeoutMs,
  Headers.EnvoyUpstreamRequestPerTryTimeoutMs,
  Headers.EnvoyUpstreamRequestTimeoutAltResponse,
  Headers.EnvoyExpectedRequestTimeoutMs,
  Headers.EnvoyForceTrace,
  Headers.EnvoyIpTags,
  Headers.EnvoyOriginalUrl,
  Headers.EnvoyHedgeOnPerTryTimeout,
];

const EDGE_ONLY_BITS: number = bits(EDGE_ONLY);
const EXTERNAL_BITS: number = bits(EXTERNAL);

function bits(names: readonly HeaderName[]): number {
  return names.reduce((union, name) => union | name.bit, 0);
}

export function mutateRequestHeaders(
  headers: RequestHeaderMap,
  connection: ConnectionInfo,
  config: ConnectionManagerConfig,
  internalOnlyHeaders: readonly HeaderName[],
  random: RandomGenerator,
): RequestFacts {
  if ((headers.seen & HOP_BITS) !== 0) removeHopByHop(headers);
  const forwarding = config.forwarding;
  // No client certificate is possible without TLS: all modes but ALWAYS_FORWARD_ONLY remove it.
  if (!forwarding.keepsClientCert) headers.remove(Headers.ForwardedClientCert);
  if ((headers.seen & Headers.XForwardedFor.bit) !== 0) joinLines(headers, Headers.XForwardedFor);
  const client = forwarding.useRemoteAddress
    ? clientFromPeer(headers, connection, forwarding)
    : clientFromDetection(headers, connection, forwarding);
  setProtocolHeaders(headers, connection, forwarding);
  const internal = client.trusted && isInternal(client.ip, connection, forwarding);
  const edge = !internal && forwarding.useRemoteAddress;
  if (internal) headers.set(Headers.EnvoyInternal, "true");
  else removeExternal(headers, edge, internalOnlyHeaders);
  addIdentity(headers, forwarding, edge, client.ip);
  const requestId = ensureRequestId(headers, edge, config.requestId, random);
  return { clientIp: client.ip, internal, edge, requestId, rejectStatus: client.rejectStatus };
}

function removeHopByHop(headers: RequestHeaderMap): void {
  if (!isUpgrade(headers)) {
    headers.remove(Headers.Connection);
    headers.remove(Headers.Upgrade);
    sanitizeTe(headers);
  }
  headers.remove(Headers.EnvoyInternal);
  headers.remove(Headers.KeepAlive);
  headers.remove(Headers.ProxyConnection);
  headers.remove(Headers.TransferEncoding);
  sanitizeReferer(headers);
}

/** Envoy keeps a header that its own code reads as one line, joined by commas. */
function joinLines(headers: RequestHeaderMap, name: HeaderName): void {
  if (headers.count(name) > 1) headers.set(name, headers.getJoined(name) as string);
}

/** Only `trailers` may pass (RFC 9110 §10.1.4). */
function sanitizeTe(headers: RequestHeaderMap): void {
  const te = headers.getJoined(Headers.Te);
  if (te === undefined) return;
  const trailers = te
    .split(",")
    .some((part) => part.trim().toLowerCase().split(";")[0] === "trailers");
  if (trailers) headers.set(Headers.Te, "trailers");
  else headers.remove(Headers.Te);
}

/**
 * A referer with user information or a fragment, or that is no URL, is dropped (RFC 9110 §10.1.3).
 * Envoy: `Utility::isValidRefererValue`.
 */
function sanitizeReferer(headers: RequestHeaderMap): void {
  if ((headers.seen & Headers.Referer.bit) === 0) return;
  joinLines(headers, Headers.Referer);
  if (!isValidReferer(headers.get(Headers.Referer) as string)) headers.remove(Headers.Referer);
}

function isValidReferer(referer: string): boolean {
  // Nearly all are like this, and need no closer look.
  if (/^https?:\/\/[^@#]*$/.test(referer)) return true;
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)([^#]*)(#)?/i.exec(referer);
  if (absolute !== null) return absolute[3] === undefined && !absolute[1]!.includes("@");
  // Relative: URL characters only, and no colon in the first segment.
  return /^[\w\-.~!$&'()*+,;=@%?]*(\/[\w\-.~!$&'()*+,;=@%?:/]*)?$/.test(referer);
}

interface Client {
  readonly ip: string;
  readonly trusted: boolean;
  readonly rejectStatus: number;
}

function clientFromPeer(
  headers: RequestHeaderMap,
  connection: ConnectionInfo,
  forwarding: ForwardingSettings,
): Client {
  const forwardedFor = headers.getJoined(Headers.XForwardedFor);
  const peer = connection.remoteAddress.ip;
  let ip = peer;
  if (forwarding.xffTrustedHops > 0 && forwardedFor !== undefined) {
    ip = addressFromRight(forwardedFor, forwarding.xffTrustedHops - 1) ?? peer;
  }
  if (!forwarding.skipXffAppend) appendPeer(headers, peer, forwarding);
  if (forwarding.xffTrustedHops === 0 || !headers.has(Headers.XForwardedProto)) {
    headers.set(Headers.XForwardedProto, connection.secure ? "https" : "http");
  }
  if (
    forwarding.appendForwardedPort &&
    (forwarding.xffTrustedHops === 0 || !headers.has(Headers.XForwardedPort))
  ) {
    headers.set(Headers.XForwardedPort, String(connection.localAddress.port));
  }
  return { ip, trusted: forwardedFor === undefined, rejectStatus: 0 };
}

function appendPeer(headers: RequestHeaderMap, peer: string, forwarding: ForwardingSettings): void {
  if (peer === "") return;
  const ip =
    isLoopbackAddress(peer) && forwarding.localAddress !== "" ? forwarding.localAddress : peer;
  headers.append(Headers.XForwardedFor, ip, ",");
}

function clientFromDetection(
  headers: RequestHeaderMap,
  connection: ConnectionInfo,
  forwarding: ForwardingSettings,
): Client {
  const peer = connection.remoteAddress.ip;
  if ((headers.seen & Headers.XForwardedFor.bit) === 0 && forwarding.detections.length === 1) {
    const only = forwarding.detections[0];
    if (only !== undefined && only.kind !== "custom-header")
      return { ip: peer, trusted: false, rejectStatus: 0 };
  }
  const found = detectAddress(headers, forwarding.detections, peer);
  if (!found.skipAppend) appendPeer(headers, peer, forwarding);
  return { ip: found.ip ?? peer, trusted: found.trusted, rejectStatus: found.rejectStatus };
}

function setProtocolHeaders(
  headers: RequestHeaderMap,
  connection: ConnectionInfo,
  forwarding: ForwardingSettings,
): void {
  const transport = connection.secure ? "https" : "http";
  let forwardedProto = headers.get(Headers.XForwardedProto);
  if (forwardedProto === undefined) {
    forwardedProto = transport;
    headers.add(Headers.XForwardedProto, transport);
  }
  if (forwarding.appendForwardedPort && !headers.has(Headers.XForwardedPort)) {
    headers.add(Headers.XForwardedPort, String(connection.localAddress.port));
  }
  if (forwarding.schemeToOverwrite !== "") {
    headers.scheme = forwarding.schemeToOverwrite;
    headers.set(Headers.XForwardedProto, forwarding.schemeToOverwrite);
  } else if (headers.scheme === "") {
    headers.scheme =
      forwardedProto === "http" || forwardedProto === "https" ? forwardedProto : transport;
  }
}

function isInternal(
  ip: string,
  connection: ConnectionInfo,
  forwarding: ForwardingSettings,
): boolean {
  if (connection.remoteAddress.path !== undefined) return forwarding.internalUnixSockets;
  return forwarding.internalRanges.some((range) => range.contains(ip));
}

function removeExternal(
  headers: RequestHeaderMap,
  edge: boolean,
  internalOnly: readonly HeaderName[],
): void {
  if (edge && (headers.seen & EDGE_ONLY_BITS) !== 0)
    for (const name of EDGE_ONLY) headers.remove(name);
  if ((headers.seen & EXTERNAL_BITS) !== 0) for (const name of EXTERNAL) headers.remove(name);
  for (let index = 0; index < internalOnly.length; index++)
    headers.remove(internalOnly[index] as HeaderName);
}

function addIdentity(
  headers: RequestHeaderMap,
  forwarding: ForwardingSettings,
  edge: boolean,
  clientIp: string,
): void {
  if (forwarding.addUserAgent) {
    headers.set(Headers.EnvoyDownstreamServiceCluster, forwarding.serviceCluster);
    if ((headers.get(Headers.UserAgent) ?? "") === "")
      headers.set(Headers.UserAgent, forwarding.serviceCluster);
    if (forwarding.serviceNode !== "")
      headers.set(Headers.EnvoyDownstreamServiceNode, forwarding.serviceNode);
  }
  if (forwarding.via !== "") headers.append(Headers.Via, forwarding.via, ", ");
  if (edge && clientIp !== "") headers.set(Headers.EnvoyExternalAddress, clientIp);
}
