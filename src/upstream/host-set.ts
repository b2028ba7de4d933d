/**
 * The hosts of a cluster as frozen values: one set per priority, split by health. A change makes
 * new values; the old ones stay true for whoever still holds them. Envoy: `HostSet`, `PrioritySet`
 * (envoy/upstream/upstream.h).
 */

import { sameJson } from "../base/same-json.ts";
import type { ClusterMembershipStats } from "../stats/groups/cluster-membership-stats.ts";
import {
  coarseHealth,
  type Host,
  type HostDescription,
  healthCheckKey,
  isExcluded,
} from "./host.ts";
import { type HostsByLocality, splitByLocality } from "./locality.ts";
import type { UpstreamHost } from "./upstream-host.ts";

/** The hosts of one priority. */
export interface HostSet {
  readonly priority: number;
  readonly hosts: readonly Host[];
  readonly healthy: readonly Host[];
  readonly degraded: readonly Host[];
  /** Hosts that wait for their first health check: in no total. */
  readonly excluded: readonly Host[];
  readonly localities: readonly HostsByLocality[];
  /** A part of a set that takes no locality weights: hash tables then weigh hosts only. */
  readonly localityWeightsUnknown?: boolean;
  /** Percent; Envoy's default is 140. */
  readonly overprovisioningFactor: number;
  /** Health is a share of weights, not of hosts. */
  readonly weightedPriorityHealth: boolean;
}

/** What discovery knows of all members: the complete list, each with its priority. */
export interface Membership {
  readonly hosts: readonly HostDescription[];
  /** By locality text; absent localities have no weight. */
  readonly localityWeights: ReadonlyMap<string, number>;
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  /** Share of requests that are refused at once, 0 … 1; 0 when absent. */
  readonly dropOverload?: number;
}

export const EMPTY_MEMBERSHIP: Membership = {
  hosts: [],
  localityWeights: new Map(),
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
};

/** Hosts of the same health get the same share of requests with either. */
export function samePolicy(a: Membership, b: Membership): boolean {
  if (
    a.overprovisioningFactor !== b.overprovisioningFactor ||
    a.weightedPriorityHealth !== b.weightedPriorityHealth ||
    a.localityWeights.size !== b.localityWeights.size
  )
    return false;
  for (const [key, weight] of a.localityWeights) {
    if (b.localityWeights.get(key) !== weight) return false;
  }
  return true;
}

/** All hosts of a cluster on one data plane. */
export interface PrioritySet {
  readonly sets: readonly HostSet[];
  /** By identity. */
  readonly byIdentity: ReadonlyMap<string, UpstreamHost>;
}

export const EMPTY_PRIORITY_SET: PrioritySet = { sets: [], byIdentity: new Map() };

/** What a transition did. */
export interface MembershipChange {
  readonly next: PrioritySet;
  readonly added: readonly UpstreamHost[];
  readonly removed: readonly UpstreamHost[];
  /** Priorities that gained or lost a host. */
  readonly changedPriorities: number;
  /** False when nothing at all is different. */
  readonly changed: boolean;
}

/**
 * Hosts with the same identity and locality keep their object, numbers and pools and take the new
 * weight, health, metadata and priority; others are made anew. Of two endpoints with one identity
 * in one list the first counts (Envoy: the same).
 */
export function applyMembership(
  current: PrioritySet,
  membership: Membership,
  createHost: (description: HostDescription) => UpstreamHost,
): MembershipChange {
  const byIdentity = new Map<string, UpstreamHost>();
  const lists: UpstreamHost[][] = [];
  const added: UpstreamHost[] = [];
  const touched = new Set<number>();
  let updated = false;
  for (const description of membership.hosts) {
    if (byIdentity.has(description.identity)) continue;
    const known = current.byIdentity.get(description.identity);
    const keep = known !== undefined && sameHost(known.description, description);
    const host = keep ? known : createHost(description);
    if (!keep) {
      added.push(host);
      touched.add(description.priority);
    } else if (host.description.priority !== description.priority) {
      touched.add(description.priority).add(host.description.priority);
    }
    if (!sameDescription(host.description, description)) {
      host.update(description);
      updated = true;
    }
    byIdentity.set(description.identity, host);
    while (lists.length <= description.priority) lists.push([]);
    (lists[description.priority] as UpstreamHost[]).push(host);
  }
  const removed = [...current.byIdentity.values()].filter(
    (host) => byIdentity.get(host.description.identity) !== host,
  );
  for (const host of removed) touched.add(host.description.priority);
  // A priority that lost all its hosts stays, empty: loads are computed over it.
  while (lists.length < Math.max(1, current.sets.length)) lists.push([]);
  const sets = lists.map((hosts, priority) => makeHostSet(priority, hosts, membership));
  const changed = updated || touched.size > 0;
  return { next: { sets, byIdentity }, added, removed, changedPriorities: touched.size, changed };
}

/** Hosts of one priority, without localities. */
export function singlePriority(byIdentity: ReadonlyMap<string, UpstreamHost>): PrioritySet {
  return { sets: [makeHostSet(0, [...byIdentity.values()], EMPTY_MEMBERSHIP)], byIdentity };
}

/** The same hosts after their health changed. */
export function refreshHealth(current: PrioritySet, membership: Membership): PrioritySet {
  const sets = current.sets.map((set) =>
    makeHostSet(set.priority, set.hosts as readonly UpstreamHost[], membership),
  );
  return { sets, byIdentity: current.byIdentity };
}

function makeHostSet(
  priority: number,
  hosts: readonly UpstreamHost[],
  membership: Membership,
): HostSet {
  const healthy: UpstreamHost[] = [];
  const degraded: UpstreamHost[] = [];
  const excluded: UpstreamHost[] = [];
  for (const host of hosts) {
    const flags = host.healthFlags();
    const health = coarseHealth(flags);
    if (isExcluded(flags)) excluded.push(host);
    if (health === "healthy") healthy.push(host);
    else if (health === "degraded") degraded.push(host);
  }
  return Object.freeze({
    priority,
    hosts: Object.freeze(hosts),
    healthy: Object.freeze(healthy),
    degraded: Object.freeze(degraded),
    excluded: Object.freeze(excluded),
    localities: splitByLocality(hosts, membership.localityWeights),
    overprovisioningFactor: membership.overprovisioningFactor,
    weightedPriorityHealth: membership.weightedPriorityHealth,
  });
}

/** Compared as they are: `addressText` stands for the address. */
const PLAIN_FIELDS = [
  "addressText",
  "identity",
  "hostname",
  "weight",
  "priority",
  "health",
  "canary",
] as const;
const COMPOSED_FIELDS = ["locality", "metadata", "additionalAddresses", "healthCheck"] as const;

function sameDescription(a: HostDescription, b: HostDescription): boolean {
  if (a === b) return true;
  for (const field of PLAIN_FIELDS) if (a[field] !== b[field]) return false;
  return COMPOSED_FIELDS.every((field) => sameJson(a[field], b[field]));
}

/**
 * Identity alone does not make the same host: a move to another locality, or another place where it
 * is checked, replaces it.
 */
function sameHost(a: HostDescription, b: HostDescription): boolean {
  return (
    a.locality.region === b.locality.region &&
    a.locality.zone === b.locality.zone &&
    a.locality.subZone === b.locality.subZone &&
    healthCheckKey(a.healthCheck) === healthCheckKey(b.healthCheck)
  );
}

/**
 * Shows how many members there are and how they are. `hostsVary`: discovery may change them, so
 * their greatest weight is told, too.
 */
export function showHostSets(
  stats: ClusterMembershipStats,
  sets: readonly HostSet[],
  hostsVary: boolean,
): void {
  let total = 0;
  let healthy = 0;
  let degraded = 0;
  let excluded = 0;
  // Envoy looks at one priority after the other, and the last one stays.
  let heaviest = 1;
  for (const set of sets) {
    total += set.hosts.length;
    healthy += set.healthy.length;
    degraded += set.degraded.length;
    excluded += set.excluded.length;
    heaviest = 1;
    for (const host of set.hosts) heaviest = Math.max(heaviest, host.description.weight);
  }
  stats.membershipTotal.set(total);
  stats.membershipHealthy.set(healthy);
  stats.membershipDegraded.set(degraded);
  stats.membershipExcluded.set(excluded);
  if (hostsVary) stats.maxHostWeight.set(heaviest);
}
