/** The four forms of a request target (RFC 9112 §3.2) become `path`, `authority` and `scheme`. */
import { isValidAuthority, portStart } from "../authority.ts";
import type { RequestHeaderMap } from "../header-map.ts";
import { CODEC_ERROR, type Http1Error, INVALID_SCHEME, INVALID_URL } from "./protocol-error.ts";

const SLASH = 47;

/** Null, or what is wrong with the target. */
export function splitTarget(
  headers: RequestHeaderMap,
  target: string,
  allowAbsoluteUrl: boolean,
): Http1Error | null {
  if (headers.method === "CONNECT") return splitAuthority(headers, target);
  if (target.charCodeAt(0) === SLASH) {
    headers.path = target;
    return null;
  }
  if (target === "*") {
    headers.path = target;
    return headers.method === "OPTIONS" ? null : INVALID_URL;
  }
  if (allowAbsoluteUrl) return splitAbsolute(headers, target);
  headers.path = target;
  return null;
}

/** CONNECT: host and port, nothing else, and both (RFC 9112 §3.2.3, RFC 9110 §9.3.6). */
function splitAuthority(headers: RequestHeaderMap, target: string): Http1Error | null {
  if (!isValidAuthority(target) || portStart(target) < 0) return INVALID_URL;
  headers.authority = target;
  return null;
}

/**
 * The target's host replaces the Host header (RFC 9112 §3.2.2). User information is refused (RFC
 * 9110 §4.2.4): two readers might take different hosts from it.
 */
function splitAbsolute(headers: RequestHeaderMap, target: string): Http1Error | null {
  const schemeEnd = target.indexOf("://");
  if (schemeEnd <= 0) return CODEC_ERROR;
  const scheme = target.slice(0, schemeEnd).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return INVALID_SCHEME;
  const authorityStart = schemeEnd + 3;
  const authorityLength = target.slice(authorityStart).search(/[/?#]/);
  const authorityEnd = authorityLength < 0 ? target.length : authorityStart + authorityLength;
  const authority = target.slice(authorityStart, authorityEnd);
  if (authority === "" || authority.includes("%") || !isValidAuthority(authority))
    return INVALID_URL;
  headers.scheme = scheme;
  headers.authority = authority;
  headers.path = authorityEnd === target.length ? "/" : target.slice(authorityEnd);
  return null;
}
