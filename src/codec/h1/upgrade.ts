// hot: per request
/** Upgrade requests (RFC 9110 §7.8): `Upgrade` counts only together with `Connection: upgrade`. */
import type { HeaderMap } from "../header-map.ts";
import { Headers } from "../header-names.ts";

/** True when the message asks for (or grants) another protocol on this connection. */
export function isUpgrade(headers: HeaderMap): boolean {
  return (
    (headers.seen & Headers.Upgrade.bit) !== 0 &&
    headers.has(Headers.Upgrade) &&
    hasConnectionToken(headers, "upgrade")
  );
}

/** Whether a `Connection` header nominates `token` (lower case). */
export function hasConnectionToken(headers: HeaderMap, token: string): boolean {
  if ((headers.seen & Headers.Connection.bit) === 0) return false;
  const value = headers.getJoined(Headers.Connection);
  if (value === undefined) return false;
  if (value.length === token.length) return value.toLowerCase() === token;
  return value.toLowerCase().split(",").some((part) => part.trim() === token);
}
