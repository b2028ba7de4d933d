/**
 * Hosts grouped by locality, for zone-aware and locality-weighted balancing and for logs. Envoy:
 * `HostsPerLocality`.
 */
import type { Host, Locality } from "./host.ts";

export const EMPTY_LOCALITY: Locality = { region: "", zone: "", subZone: "" };

/** The hosts of one locality of one priority. */
export interface HostsByLocality {
  readonly locality: Locality;
  readonly hosts: readonly Host[];
  /** `load_balancing_weight` of the locality; 0 when it has none. */
  readonly weight: number;
}

/** A key for maps. Zone names contain no line breaks. */
export function localityKey(locality: Locality, priority: number): string {
  return `${priority}\n${locality.region}\n${locality.zone}\n${locality.subZone}`;
}

/** Groups in order of first appearance. */
export function splitByLocality(
  hosts: readonly Host[],
  weights: ReadonlyMap<string, number>,
): readonly HostsByLocality[] {
  const groups = new Map<string, { locality: Locality; hosts: Host[]; weight: number }>();
  for (const host of hosts) {
    const { locality, priority } = host.description;
    const key = localityKey(locality, priority);
    const group = groups.get(key);
    if (group !== undefined) group.hosts.push(host);
    else groups.set(key, { locality, hosts: [host], weight: weights.get(key) ?? 0 });
  }
  return [...groups.values()];
}
