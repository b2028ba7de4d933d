/** Name resolution as an input. */

/** One resolved address. `ttlMs` is 0 when the source (hosts file, system resolver) knows none. */
export interface ResolvedAddress {
  readonly ip: string;
  readonly ttlMs: number;
}

export type DnsFamily = "v4" | "v6";

/** `not-found` is an authoritative empty answer; `failure` covers time-outs and broken servers. */
export type DnsAnswer =
  | { readonly kind: "resolved"; readonly addresses: readonly ResolvedAddress[] }
  | { readonly kind: "not-found" }
  | { readonly kind: "failure"; readonly code: string };

export interface DnsResolver {
  /**
   * Honours the hosts file and the search domains. Calls back exactly once, never synchronously.
   */
  resolve(name: string, family: DnsFamily, callback: (answer: DnsAnswer) => void): void;
  /** The same with other servers, each `ip:port` or `[ip]:port`. */
  withServers(servers: readonly string[]): DnsResolver;
}
