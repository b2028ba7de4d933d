// hot: per request
/** Host headers and authorities (RFC 3986 §3.2.2: IPv6 stands in brackets). */
import { parseIpv6 } from "../base/ip-address.ts";

const PLAIN = 1;
/** A colon or a bracket: what follows is a port, or stands around an IPv6 address. */
const STRUCTURE = 2;
const COLON = 58;
const OPEN = 91;
const PORT_DIGITS_MAX = 5;
const PORT_MAX = 65535;

/**
 * What a byte of a host means, 0 = not allowed: RFC 3986 §3.2.2 without escapes. User information
 * ("@") has no place in a Host header (RFC 9110 §4.2.4); Envoy lets it pass.
 */
const HOST: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (":[]".includes(character)) return STRUCTURE;
  return /^[0-9A-Za-z!$%&'()*+,\-.;=_~]$/.test(character) ? PLAIN : 0;
});

const words = new Uint32Array(4);

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; a port may be empty (RFC 3986 §3.2.3). */
export function isValidAuthority(authority: string): boolean {
  for (let index = 0; index < authority.length; index++) {
    const meaning = HOST[authority.charCodeAt(index) & 255]!;
    if (meaning === 0) return false;
    if (meaning === STRUCTURE) return hasValidEnd(authority, index);
  }
  return true;
}

function hasValidEnd(authority: string, index: number): boolean {
  const code = authority.charCodeAt(index);
  if (code === COLON) return isPort(authority, index + 1);
  const close = authority.indexOf("]");
  if (code !== OPEN || index > 0 || !parseIpv6(authority.slice(1, Math.max(1, close)), words))
    return false;
  const end = close + 1;
  return (
    end === authority.length || (authority.charCodeAt(end) === COLON && isPort(authority, end + 1))
  );
}

function isPort(authority: string, start: number): boolean {
  if (authority.length - start > PORT_DIGITS_MAX) return false;
  let port = 0;
  for (let index = start; index < authority.length; index++) {
    const digit = authority.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= PORT_MAX;
}

/** Index of the colon before the port, or -1. Envoy: `HeaderUtility::getPortStart`. */
export function portStart(host: string): number {
  const colon = host.lastIndexOf(":");
  return colon >= 0 && host.lastIndexOf("]") < colon ? colon : -1;
}
