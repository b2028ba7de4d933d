// hot: per request
/** The parts of a Host header or authority (RFC 3986 §3.2.2: IPv6 stands in brackets). */

/** Index of the colon before the port, or -1. Envoy: `HeaderUtility::getPortStart`. */
export function portStart(host: string): number {
  const colon = host.lastIndexOf(":");
  return colon >= 0 && host.lastIndexOf("]") < colon ? colon : -1;
}
