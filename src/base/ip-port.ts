/** `ip:port` and `[ip]:port` as text. Envoy: `parseInternetAddressAndPortNoThrow`. */
import { parseIpv4 } from "./ip-address.ts";
import { canonicalIpv6 } from "./ipv6-text.ts";

export interface IpPort {
  /** IPv6 in its canonical form, without brackets. */
  readonly ip: string;
  readonly port: number;
}

const PORT_MAX = 65535;

/** Null when the text is anything else: a name, an address alone, a port too large. */
export function parseIpPort(text: string): IpPort | null {
  const colon = text.lastIndexOf(":");
  const digits = text.slice(colon + 1);
  if (colon <= 0 || !/^\d{1,5}$/.test(digits)) return null;
  const port = Number(digits);
  if (port > PORT_MAX) return null;
  const host = text.slice(0, colon);
  if (host.startsWith("[") && host.endsWith("]")) {
    const ip = canonicalIpv6(host.slice(1, -1));
    return ip === null ? null : { ip, port };
  }
  return parseIpv4(host) >= 0 ? { ip: host, port } : null;
}
