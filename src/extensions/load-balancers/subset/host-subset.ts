/**
 * Hosts of a cluster that belong together, with a load balancer of their own. Envoy:
 * `PriorityLbSubset`, `SingleHostLbSubset`, `HostSubsetImpl`.
 */
import type { Host } from "../../../upstream/host.ts";
import type { HostSet, PrioritySet } from "../../../upstream/host-set.ts";
import type { ClusterLoadBalancer, LoadBalancerContext } from "../../../upstream/load-balancer.ts";
import type { HostsByLocality } from "../../../upstream/locality.ts";

export interface HostSubset {
  /** False once no host is left. */
  readonly active: boolean;
  /** Collects the hosts of an update, in the order of the cluster. */
  add(host: Host): void;
  /** All hosts of the update are in. */
  finish(all: PrioritySet, panicThreshold: number): void;
  choose(context: LoadBalancerContext): Host | null;
  close(): void;
}

/** How subsets take the weights of localities. */
export interface LocalityUse {
  readonly aware: boolean;
  readonly scaled: boolean;
}

/** Balances over its hosts as the cluster would. */
export class BalancedSubset implements HostSubset {
  active = false;
  private readonly balancer: ClusterLoadBalancer;
  private readonly locality: LocalityUse;
  private collected = new Set<Host>();

  constructor(balancer: ClusterLoadBalancer, locality: LocalityUse) {
    this.balancer = balancer;
    this.locality = locality;
  }

  add(host: Host): void {
    this.collected.add(host);
  }

  finish(all: PrioritySet, panicThreshold: number): void {
    const chosen = this.collected;
    this.collected = new Set();
    this.active = chosen.size > 0;
    const sets = all.sets.map((set) => restrict(set, chosen, this.locality));
    this.balancer.update({ sets, byIdentity: all.byIdentity }, panicThreshold);
  }

  choose(context: LoadBalancerContext): Host | null {
    return this.balancer.chooseHost(context);
  }

  close(): void {
    this.balancer.close?.();
  }
}

/**
 * `single_host_per_subset`: the first host, whatever its health; cheap with one subset per host.
 */
export class SingleHostSubset implements HostSubset {
  /** Further hosts that wanted the place at the last update. */
  duplicates = 0;
  private host: Host | null = null;
  private next: Host | null = null;
  private nextPriority = -1;
  private rejected = 0;

  get active(): boolean {
    return this.host !== null;
  }

  add(host: Host): void {
    const { priority } = host.description;
    if (priority === this.nextPriority) this.rejected++;
    else if (this.next === null) this.next = host;
    this.nextPriority = priority;
  }

  finish(): void {
    this.host = this.next;
    this.duplicates = this.rejected;
    this.next = null;
    this.nextPriority = -1;
    this.rejected = 0;
  }

  choose(): Host | null {
    return this.host;
  }

  close(): void {
    // There is nothing to end.
  }
}

function restrict(set: HostSet, chosen: ReadonlySet<Host>, locality: LocalityUse): HostSet {
  const only = (hosts: readonly Host[]): readonly Host[] =>
    hosts.filter((host) => chosen.has(host));
  return {
    priority: set.priority,
    hosts: only(set.hosts),
    healthy: only(set.healthy),
    degraded: only(set.degraded),
    excluded: only(set.excluded),
    localities: set.localities.map((group) => restrictLocality(group, only(group.hosts), locality)),
    localityWeightsUnknown: !locality.aware,
    overprovisioningFactor: set.overprovisioningFactor,
    weightedPriorityHealth: set.weightedPriorityHealth,
  };
}

function restrictLocality(
  group: HostsByLocality,
  hosts: readonly Host[],
  { aware, scaled }: LocalityUse,
): HostsByLocality {
  if (!aware) return { locality: group.locality, hosts, weight: 0 };
  const part = scaled ? hosts.length / group.hosts.length : 1;
  return { locality: group.locality, hosts, weight: Math.round(group.weight * part) };
}
