// hot: per request
/** Upgrade requests (RFC 9110 §7.8): `Upgrade` counts only together with `Connection: upgrade`. */
import type { HeaderMap } from "../header-map.ts";
import { type HeaderName, Headers, headerName } from "../header-names.ts";

const HTTP2_SETTINGS: HeaderName = headerName("http2-settings");

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
  return value !== undefined && hasToken(value, token);
}

/** Whether a comma-separated list holds `token` (lower case). */
export function hasToken(list: string, token: string): boolean {
  if (list.length === token.length) return list === token || list.toLowerCase() === token;
  // A single other option is the usual case: `keep-alive`.
  if (list.length < token.length) return false;
  const lower = list.toLowerCase();
  if (!lower.includes(token)) return false;
  return lower.split(",").some((part) => part.trim() === token);
}

/** Takes the upgrade out of a request: it goes on as a plain one. Envoy does so for `h2c`. */
export function removeUpgrade(headers: HeaderMap): void {
  headers.remove(Headers.Upgrade);
  headers.remove(HTTP2_SETTINGS);
  removeConnectionTokens(headers, new Set(["upgrade", "http2-settings"]));
}

/** Takes tokens (lower case) out of the Connection header. */
export function removeConnectionTokens(headers: HeaderMap, tokens: ReadonlySet<string>): void {
  const value = headers.getJoined(Headers.Connection);
  if (value === undefined) return;
  const kept = value
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "" && !tokens.has(token.toLowerCase()));
  if (kept.length === 0) headers.remove(Headers.Connection);
  else headers.set(Headers.Connection, kept.join(","));
}
