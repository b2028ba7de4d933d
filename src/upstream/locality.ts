/**
 * Hosts grouped by locality, for zone-aware and locality-weighted balancing and for logs. Envoy:
 * `HostsPerLocality`.
 */
import { coarseHealth, type Host, isExcluded, type Locality } from "./host.ts";

export const EMPTY_LOCALITY: Locality = { region: "", zone: "", subZone: "" };

/** The hosts of one locality of one priority. */
export interface HostsByLocality {
  readonly locality: Locality;
  readonly hosts: readonly Host[];
  /** `load_balancing_weight` of the locality; 0 when it has none. */
  readonly weight: number;
}

/** As `HostsByLocality`, split by health. */
export interface LocalityHealth extends HostsByLocality {
  readonly healthy: readonly Host[];
  readonly degraded: readonly Host[];
  /** Number of hosts that count in no total. */
  readonly excluded: number;
}

/** A key for maps. Zone names contain no line breaks. */
export function localityKey(locality: Locality, priority: number): string {
  return `${priority}\n${locality.region}\n${locality.zone}\n${locality.subZone}`;
}

export function sameLocality(a: Locality, b: Locality): boolean {
  return a.region === b.region && a.zone === b.zone && a.subZone === b.subZone;
}

/** Groups in order of first appearance. */
export function splitByLocality(
  hosts: readonly Host[],
  weights: ReadonlyMap<string, number>,
): readonly HostsByLocality[] {
  const groups = new Map<string, { locality: Locality; hosts: Host[]; weight: number }>();
  // Hosts of one group of endpoints share the object: most need no key.
  const byObject = new Map<Locality, Host[]>();
  for (const host of hosts) {
    const { locality, priority } = host.description;
    const list = byObject.get(locality);
    if (list !== undefined) {
      list.push(host);
      continue;
    }
    const key = localityKey(locality, priority);
    let group = groups.get(key);
    if (group === undefined) {
      group = { locality, hosts: [], weight: weights.get(key) ?? 0 };
      groups.set(key, group);
    }
    group.hosts.push(host);
    byObject.set(locality, group.hosts);
  }
  return [...groups.values()];
}

/** Splits groups by health: that of `local` comes first, the others follow by name. */
export function localityHealth(
  groups: readonly HostsByLocality[],
  local: Locality,
): readonly LocalityHealth[] {
  return groups.map(splitByHealth).sort((a, b) => {
    const aLocal = sameLocality(a.locality, local);
    if (aLocal !== sameLocality(b.locality, local)) return aLocal ? -1 : 1;
    return compareLocalities(a.locality, b.locality);
  });
}

function splitByHealth(group: HostsByLocality): LocalityHealth {
  const healthy: Host[] = [];
  const degraded: Host[] = [];
  let excluded = 0;
  for (const host of group.hosts) {
    const flags = host.healthFlags();
    const health = coarseHealth(flags);
    if (isExcluded(flags)) excluded++;
    if (health === "healthy") healthy.push(host);
    else if (health === "degraded") degraded.push(host);
  }
  return { ...group, healthy, degraded, excluded };
}

function compareLocalities(a: Locality, b: Locality): number {
  if (a.region !== b.region) return a.region < b.region ? -1 : 1;
  if (a.zone !== b.zone) return a.zone < b.zone ? -1 : 1;
  if (a.subZone === b.subZone) return 0;
  return a.subZone < b.subZone ? -1 : 1;
}
