/** The four forms of a request target (RFC 9112 §3.2) become `path`, `authority` and `scheme`. */
import type { RequestHeaderMap } from "../header-map.ts";

const SLASH = 47;

/** False when the target has no valid form. */
export function splitTarget(headers: RequestHeaderMap, target: string, allowAbsoluteUrl: boolean): boolean {
  if (target.charCodeAt(0) === SLASH) {
    headers.path = target;
    return true;
  }
  if (headers.method === "CONNECT") return splitAuthority(headers, target);
  if (target === "*") {
    headers.path = target;
    return headers.method === "OPTIONS";
  }
  if (allowAbsoluteUrl) return splitAbsolute(headers, target);
  headers.path = target;
  return true;
}

/** CONNECT: host and port, nothing else (RFC 9112 §3.2.3). */
function splitAuthority(headers: RequestHeaderMap, target: string): boolean {
  if (/[/?#@]/.test(target)) return false;
  headers.authority = target;
  return true;
}

/** The target's host replaces the Host header (RFC 9112 §3.2.2). */
function splitAbsolute(headers: RequestHeaderMap, target: string): boolean {
  const schemeEnd = target.indexOf("://");
  if (schemeEnd <= 0) return false;
  const scheme = target.slice(0, schemeEnd).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return false;
  const authorityStart = schemeEnd + 3;
  const authorityLength = target.slice(authorityStart).search(/[/?#]/);
  const authorityEnd = authorityLength < 0 ? target.length : authorityStart + authorityLength;
  const authority = target.slice(authorityStart, authorityEnd);
  if (authority === "" || authority.includes("@")) return false;
  headers.scheme = scheme;
  headers.authority = authority;
  const rest = target.slice(authorityEnd);
  headers.path = rest.charCodeAt(0) === SLASH ? rest : `/${rest}`;
  return true;
}
