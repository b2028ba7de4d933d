// hot: per request
/**
 * Chooses a priority by its load, a tier of that priority (healthy, degraded, or all in panic),
 * then lets the policy's picker choose the host. Envoy: `LoadBalancerBase`,
 * `ZoneAwareLoadBalancerBase::hostSourceToUse`. Not here yet: locality weights and zone-aware
 * routing; their place is between tier and picker.
 */
import type { Host } from "./host.ts";
import type { HostSet, PrioritySet } from "./host-set.ts";
import type {
  ClusterLoadBalancer,
  HostPicker,
  LoadBalancerContext,
  LoadBalancerServices,
  PickerFactory,
  PriorityLoads,
} from "./load-balancer.ts";
import { choosePriority, computePriorityLoads, priorityHealth } from "./priority.ts";

const HEALTHY = 0;
const DEGRADED = 1;
const ALL = 2;
const TIERS = 3;

const NO_LOADS: PriorityLoads = { healthy: [100], degraded: [0], panic: [false] };

export class PriorityLoadBalancer implements ClusterLoadBalancer {
  private readonly factory: PickerFactory;
  private readonly services: LoadBalancerServices;
  private sets: readonly HostSet[] = [];
  private loads: PriorityLoads = NO_LOADS;
  /** By priority × TIERS + tier; null where the tier has no host. */
  private pickers: (HostPicker | null)[] = [null, null, null];

  constructor(factory: PickerFactory, services: LoadBalancerServices) {
    this.factory = factory;
    this.services = services;
  }

  update(hosts: PrioritySet, panicThreshold: number): void {
    this.sets = hosts.sets;
    this.loads = computePriorityLoads(hosts.sets.map(priorityHealth), panicThreshold);
    const before = this.pickers;
    const pickers: (HostPicker | null)[] = [];
    for (const set of hosts.sets) {
      for (let tier = HEALTHY; tier < TIERS; tier++) {
        const list = tierHosts(set, tier);
        const previous = before[pickers.length] ?? null;
        pickers.push(
          list.length === 0 ? null : this.factory.createPicker(list, previous, this.services),
        );
      }
    }
    this.pickers = pickers;
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    let host = this.chooseOnce(context);
    for (let left = context.hostSelectionAttempts; left > 0; left--) {
      if (host === null || !context.shouldSelectAnotherHost(host)) return host;
      host = this.chooseOnce(context);
    }
    return host;
  }

  private chooseOnce(context: LoadBalancerContext): Host | null {
    const loads = context.priorityLoads(this.loads, this.sets);
    const count = loads.healthy.length;
    const choice = choosePriority(loads, this.services.random.uint32());
    const degraded = choice >= count;
    const priority = degraded ? choice - count : choice;
    let tier = degraded ? DEGRADED : HEALTHY;
    if (this.loads.panic[priority] === true) {
      this.services.stats.lbHealthyPanic.inc();
      tier = ALL;
    }
    const picker = this.pickers[priority * TIERS + tier] ?? null;
    return picker === null ? null : picker.pick(context);
  }
}

function tierHosts(set: HostSet, tier: number): readonly Host[] {
  if (tier === HEALTHY) return set.healthy;
  return tier === DEGRADED ? set.degraded : set.hosts;
}
