// hot: per request
/** Host headers and authorities (RFC 3986 §3.2.2: IPv6 stands in brackets). */

/**
 * 1 where a byte may stand in an authority: RFC 3986 §3.2 without escapes. Envoy:
 * `HeaderUtility::authorityIsValid`.
 */
const AUTHORITY: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  /^[0-9A-Za-z!$%&'()*+,\-.:;=@[\]_~]$/.test(String.fromCharCode(code)) ? 1 : 0,
);

export function isValidAuthority(authority: string): boolean {
  for (let index = 0; index < authority.length; index++) {
    if (AUTHORITY[authority.charCodeAt(index) & 255] === 0) return false;
  }
  return true;
}

/** Index of the colon before the port, or -1. Envoy: `HeaderUtility::getPortStart`. */
export function portStart(host: string): number {
  const colon = host.lastIndexOf(":");
  return colon >= 0 && host.lastIndexOf("]") < colon ? colon : -1;
}
