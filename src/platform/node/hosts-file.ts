/**
 * The hosts file: names with fixed addresses, which every resolver honours before it asks a server
 * (hosts(5)).
 */
import net from "node:net";
import type { DnsFamily } from "../dns.ts";

/** Names in lower case. */
export type HostsTable = ReadonlyMap<string, readonly { ip: string; family: DnsFamily }[]>;

export function parseHosts(text: string): HostsTable {
  const table = new Map<string, { ip: string; family: DnsFamily }[]>();
  for (const line of text.split("\n")) {
    const [ip, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const version = ip === undefined ? 0 : net.isIP(ip);
    if (ip === undefined || version === 0 || ip.includes("%")) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const addresses = table.get(key) ?? [];
      addresses.push({ ip, family: version === 6 ? "v6" : "v4" });
      table.set(key, addresses);
    }
  }
  return table;
}
