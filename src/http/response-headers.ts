// hot: per request
/**
 * What the connection manager does to response headers on their way out.
 * Envoy: `ConnectionManagerUtility::mutateResponseHeaders`,
 * `ConnectionManagerImpl::ActiveStream::encodeHeaders`.
 */

import { isUpgrade } from "../codec/h1/upgrade.ts";
import type { ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { ConnectionManagerConfig } from "./connection-manager-config.ts";
import type { DateProvider } from "./date-provider.ts";

const HOP_BITS =
  Headers.Connection.bit |
  Headers.Upgrade.bit |
  Headers.KeepAlive.bit |
  Headers.ProxyConnection.bit |
  Headers.TransferEncoding.bit;

/** Facts of the stream that decide about response headers. */
export interface ResponseFacts {
  readonly upgradeRequest: boolean;
  /** "" = do not show. */
  readonly requestId: string;
  readonly forceRequestId: boolean;
}

export function mutateResponseHeaders(
  headers: ResponseHeaderMap,
  facts: ResponseFacts,
  config: ConnectionManagerConfig,
  date: DateProvider,
): void {
  if (!headers.has(Headers.Date)) headers.add(Headers.Date, date.now());
  setServer(headers, config);
  if ((headers.seen & HOP_BITS) !== 0) removeHopByHop(headers, facts);
  if (facts.requestId !== "" && (config.requestId.alwaysSetInResponse || facts.forceRequestId)) {
    headers.set(Headers.RequestId, facts.requestId);
  }
  if (config.forwarding.via !== "") headers.append(Headers.Via, config.forwarding.via, ", ");
}

function setServer(headers: ResponseHeaderMap, config: ConnectionManagerConfig): void {
  if (config.serverHeader === "OVERWRITE") headers.set(Headers.Server, config.serverName);
  else if (config.serverHeader === "APPEND_IF_ABSENT" && !headers.has(Headers.Server)) {
    headers.add(Headers.Server, config.serverName);
  }
}

function removeHopByHop(headers: ResponseHeaderMap, facts: ResponseFacts): void {
  if (facts.upgradeRequest && isUpgrade(headers)) {
    const final = headers.status >= 200;
    if (final && !headers.has(Headers.ContentLength) && !headers.has(Headers.TransferEncoding)) {
      headers.add(Headers.ContentLength, "0");
    }
  } else {
    headers.remove(Headers.Connection);
    headers.remove(Headers.Upgrade);
  }
  headers.remove(Headers.TransferEncoding);
  headers.remove(Headers.KeepAlive);
  headers.remove(Headers.ProxyConnection);
}
