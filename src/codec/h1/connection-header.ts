/**
 * Headers that `Connection` nominates belong to this hop and are taken out of a request (RFC 9110
 * §7.6.1). Nominating headers that tell where a request came from is an attack and refused. Envoy:
 * `Utility::sanitizeConnectionHeader` (source/common/http/utility.cc).
 */
import type { RequestHeaderMap } from "../header-map.ts";
import { type HeaderName, Headers } from "../header-names.ts";
import { hasToken, removeConnectionTokens } from "./upgrade.ts";

/** This many nominations or more are refused. */
const NOMINATIONS_MAX = 10;
const TE_LENGTH_MAX = 256;

/** Tokens that are no header names, or whose header is dealt with elsewhere. */
const OPTIONS: ReadonlySet<string> = new Set(["close", "http2-settings", "keep-alive", "upgrade"]);

const PROTECTED: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** False when the request must be refused. */
export function sanitizeConnection(headers: RequestHeaderMap): boolean {
  const value = headers.getJoined(Headers.Connection);
  if (value === undefined) return true;
  const tokens = value.split(",").filter((token) => token !== "");
  if (tokens.length === 1 && OPTIONS.has(value.toLowerCase())) return true;
  if (tokens.length >= NOMINATIONS_MAX) return false;
  const removed = new Set<string>();
  for (const token of tokens) {
    const name = token.trim().toLowerCase();
    if (OPTIONS.has(name) || name === "") continue;
    if (PROTECTED.has(name) || name.startsWith(":")) return false;
    // The Host header is gone from the list already; without a host the request is refused.
    if (name === "host") headers.authority = "";
    const nominated = headers.names.find(({ text }) => text === name);
    if (nominated !== undefined && !remove(headers, nominated, removed)) return false;
  }
  if (removed.size > 0) removeConnectionTokens(headers, removed);
  return true;
}

/** Removes a nominated header; `te: trailers` may stay. False when it is too long to judge. */
function remove(headers: RequestHeaderMap, name: HeaderName, removed: Set<string>): boolean {
  if (name === Headers.Te) {
    const value = headers.getJoined(name) as string;
    if (value.length >= TE_LENGTH_MAX) return false;
    if (hasToken(value, "trailers")) {
      headers.set(Headers.Te, "trailers");
      return true;
    }
  }
  removed.add(name.text);
  headers.remove(name);
  return true;
}
