/** Questions about an IP address in text form. */
import { parseIpv4, parseIpv6 } from "./ip-address.ts";

const words = new Uint32Array(4);

/** True for a complete IPv4 or IPv6 address without brackets, port or zone. */
export function isIpAddress(text: string): boolean {
  return parseIpv4(text) >= 0 || parseIpv6(text, words);
}

/** 127.0.0.1 and ::1: as Envoy, not all of 127.0.0.0/8. */
export function isLoopbackAddress(text: string): boolean {
  return text === "127.0.0.1" || text === "::1";
}
