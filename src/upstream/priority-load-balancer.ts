// hot: per request
/**
 * Chooses a priority by its load, a tier of that priority (healthy, degraded, or all in panic), a
 * locality when they matter, then lets the policy's picker choose the host. Envoy:
 * `LoadBalancerBase`, `ZoneAwareLoadBalancerBase::hostSourceToUse`.
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
import { DEFAULT_LOCALITY_CONFIG, type LocalityConfig } from "./locality-config.ts";
import { type LocalityChooser, LocalityWeights } from "./locality-weights.ts";
import { choosePriority, computePriorityLoads, priorityHealth } from "./priority.ts";
import { ZoneRouting } from "./zone-routing.ts";

const HEALTHY = 0;
const DEGRADED = 1;
const ALL = 2;
const TIERS = 3;

const NO_LOADS: PriorityLoads = { healthy: [100], degraded: [0], panic: [false] };

export class PriorityLoadBalancer implements ClusterLoadBalancer {
  private readonly factory: PickerFactory;
  private readonly services: LoadBalancerServices;
  private readonly failTrafficOnPanic: boolean;
  /** Null when localities do not matter. */
  private readonly localities: LocalityChooser | null;
  private sets: readonly HostSet[] = [];
  private loads: PriorityLoads = NO_LOADS;
  /** By priority × TIERS + tier; null where the tier has no host. */
  private pickers: (HostPicker | null)[] = [null, null, null];
  /** Pickers of localities by key, and those before: an update goes on where a list stopped. */
  private localityPickers = new Map<string, HostPicker>();
  private earlierPickers = new Map<string, HostPicker>();

  constructor(
    factory: PickerFactory,
    services: LoadBalancerServices,
    locality: LocalityConfig = DEFAULT_LOCALITY_CONFIG,
  ) {
    this.factory = factory;
    this.services = services;
    this.failTrafficOnPanic = locality.zoneAware.failTrafficOnPanic;
    this.localities = this.createChooser(locality);
  }

  update(hosts: PrioritySet, panicThreshold: number): void {
    this.sets = hosts.sets;
    this.loads = computePriorityLoads(hosts.sets.map(priorityHealth), panicThreshold);
    this.factory.onUpdate?.(hosts.sets);
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
    if (this.localities === null) return;
    this.earlierPickers = this.localityPickers;
    this.localityPickers = new Map();
    this.localities.update(this.sets, panicThreshold);
    this.earlierPickers.clear();
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
    let picker: HostPicker | null = null;
    let tier = degraded ? DEGRADED : HEALTHY;
    if (this.loads.panic[priority] === true) {
      this.services.stats.lbHealthyPanic.inc();
      if (this.failTrafficOnPanic) return null;
      tier = ALL;
    } else if (this.localities !== null) {
      picker = this.localities.choose(priority, degraded);
    }
    if (picker === null) picker = this.pickers[priority * TIERS + tier] ?? null;
    return picker === null ? null : picker.pick(context);
  }

  private createChooser({ weighted, zoneAware }: LocalityConfig): LocalityChooser | null {
    const make = (key: string, hosts: readonly Host[]): HostPicker =>
      this.localityPicker(key, hosts);
    if (weighted) return new LocalityWeights(this.services, make);
    const { localCluster } = this.services;
    return localCluster === null
      ? null
      : new ZoneRouting(zoneAware, this.services, localCluster, make);
  }

  private localityPicker(key: string, hosts: readonly Host[]): HostPicker {
    const previous = this.earlierPickers.get(key) ?? null;
    const picker = this.factory.createPicker(hosts, previous, this.services);
    this.localityPickers.set(key, picker);
    return picker;
  }
}

function tierHosts(set: HostSet, tier: number): readonly Host[] {
  if (tier === HEALTHY) return set.healthy;
  return tier === DEGRADED ? set.degraded : set.hosts;
}
