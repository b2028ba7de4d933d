// hot: per request
/**
 * Host normalisation before routing: a trailing dot, a port. Pure. Envoy: `maybeNormalizeHost`,
 * header_utility.cc.
 */
import { portStart } from "../codec/authority.ts";
import type { PathSettings } from "./connection-manager-config.ts";

const COLON = 58;

/** `localPort` is the listener's, for `strip_matching_host_port`. */
export function normalizeHost(host: string, settings: PathSettings, localPort: number): string {
  const dotless = settings.stripTrailingHostDot ? stripTrailingDot(host) : host;
  if (settings.stripPort === "none") return dotless;
  const port = hostPort(dotless);
  if (port < 0 || (settings.stripPort === "matching" && port !== localPort)) return dotless;
  return dotless.slice(0, portStart(dotless));
}

/** `a.com.` becomes `a.com`, `a.com.:443` becomes `a.com:443`. */
export function stripTrailingDot(host: string): string {
  const dot = host.lastIndexOf(".");
  if (dot < 0) return host;
  if (dot === host.length - 1) return host.slice(0, dot);
  return host.charCodeAt(dot + 1) === COLON ? host.slice(0, dot) + host.slice(dot + 1) : host;
}

/** The decimal port of a host, or −1 when it has none. */
export function hostPort(host: string): number {
  const colon = portStart(host);
  if (colon < 0 || colon === host.length - 1) return -1;
  let port = 0;
  for (let at = colon + 1; at < host.length; at++) {
    const digit = host.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9 || port > 0xffff) return -1;
    port = port * 10 + digit;
  }
  return port;
}
