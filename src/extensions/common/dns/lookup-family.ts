/**
 * Which address families are asked for a name, and one answer out of up to two questions. Envoy:
 * `Cluster.DnsLookupFamily`.
 */
import type { DnsAnswer, DnsFamily, DnsResolver, ResolvedAddress } from "../../../platform/dns.ts";

/** AUTO: IPv6, and IPv4 when there is none. ALL: both. */
export type LookupFamily = "AUTO" | "V4_ONLY" | "V6_ONLY" | "V4_PREFERRED" | "ALL";

/** One answer out of up to two questions. */
export function resolveFamilies(
  dns: DnsResolver,
  name: string,
  family: LookupFamily,
  callback: (answer: DnsAnswer) => void,
): void {
  switch (family) {
    case "V4_ONLY":
      dns.resolve(name, "v4", callback);
      break;
    case "V6_ONLY":
      dns.resolve(name, "v6", callback);
      break;
    case "AUTO":
      resolveInTurn(dns, name, ["v6", "v4"], callback);
      break;
    case "V4_PREFERRED":
      resolveInTurn(dns, name, ["v4", "v6"], callback);
      break;
    case "ALL":
      resolveBoth(dns, name, callback);
      break;
  }
}

/** The second family is asked only when the first gives no address. */
function resolveInTurn(
  dns: DnsResolver,
  name: string,
  families: readonly [DnsFamily, DnsFamily],
  callback: (answer: DnsAnswer) => void,
): void {
  dns.resolve(name, families[0], (first) => {
    if (first.kind === "resolved") callback(first);
    else dns.resolve(name, families[1], callback);
  });
}

/**
 * Addresses of both families, alternating from IPv6 (RFC 8305 §4); a failure only when both fail.
 */
function resolveBoth(dns: DnsResolver, name: string, callback: (answer: DnsAnswer) => void): void {
  dns.resolve(name, "v6", (v6) => {
    dns.resolve(name, "v4", (v4) => {
      const addresses = alternate(addressesOf(v6), addressesOf(v4));
      if (addresses.length > 0) callback({ kind: "resolved", addresses });
      else callback(v4.kind === "failure" ? v4 : v6);
    });
  });
}

function addressesOf(answer: DnsAnswer): readonly ResolvedAddress[] {
  return answer.kind === "resolved" ? answer.addresses : [];
}

function alternate(
  first: readonly ResolvedAddress[],
  second: readonly ResolvedAddress[],
): ResolvedAddress[] {
  const all: ResolvedAddress[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const a = first[index];
    const b = second[index];
    if (a !== undefined) all.push(a);
    if (b !== undefined) all.push(b);
  }
  return all;
}
