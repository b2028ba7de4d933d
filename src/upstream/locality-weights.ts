// hot: per request
/**
 * Localities take turns by their weight, lowered as their hosts fail. Envoy:
 * `HostSetImpl::chooseLocality`, `effectiveLocalityWeight`
 * (source/common/upstream/upstream_impl.cc).
 */
import { EdfScheduler, type Weigher } from "./edf-scheduler.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host-set.ts";
import type { HostPicker, LoadBalancerServices } from "./load-balancer.ts";
import { type LocalityHealth, localityHealth, localityKey } from "./locality.ts";

/** Chooses a locality of a priority, as the picker over its hosts. */
export interface LocalityChooser {
  /** Takes new hosts or new health. */
  update(sets: readonly HostSet[], panicThreshold: number): void;
  /** Null leaves the choice to the picker over all hosts of the tier. */
  choose(priority: number, degraded: boolean): HostPicker | null;
}

/** Makes the picker of one locality and tier; `key` is stable over updates. */
export type LocalityPickers = (key: string, hosts: readonly Host[]) => HostPicker;

interface Turn {
  readonly picker: HostPicker;
  readonly weight: number;
}

const BY_WEIGHT: Weigher<Turn> = { weight: (turn: Turn): number => turn.weight };

export class LocalityWeights implements LocalityChooser {
  private readonly services: LoadBalancerServices;
  private readonly pickers: LocalityPickers;
  /** By priority × 2 (+ 1 for degraded); null without usable weights. */
  private schedulers: (EdfScheduler<Turn> | null)[] = [];

  constructor(services: LoadBalancerServices, pickers: LocalityPickers) {
    this.services = services;
    this.pickers = pickers;
  }

  update(sets: readonly HostSet[]): void {
    this.schedulers = [];
    for (const set of sets) {
      const groups = localityHealth(set.localities, this.services.locality);
      this.schedulers.push(this.schedule(set, groups, false), this.schedule(set, groups, true));
    }
  }

  choose(priority: number, degraded: boolean): HostPicker | null {
    const scheduler = this.schedulers[priority * 2 + (degraded ? 1 : 0)] ?? null;
    return scheduler === null ? null : scheduler.pick().picker;
  }

  private schedule(
    set: HostSet,
    groups: readonly LocalityHealth[],
    degraded: boolean,
  ): EdfScheduler<Turn> | null {
    const scheduler = new EdfScheduler<Turn>(BY_WEIGHT);
    for (const group of groups) {
      const eligible = degraded ? group.degraded : group.healthy;
      const weight = effectiveWeight(group, eligible.length, set.overprovisioningFactor);
      if (weight <= 0) continue;
      const key = `${degraded ? "degraded" : "healthy"}\n${localityKey(group.locality, set.priority)}`;
      scheduler.add({ weight, picker: this.pickers(key, eligible) });
    }
    if (scheduler.size === 0) return null;
    scheduler.scatter(this.services.random);
    return scheduler;
  }
}

/** The weight of a locality in proportion to its usable hosts, overprovisioned (in percent). */
export function effectiveWeight(
  group: LocalityHealth,
  eligible: number,
  overprovisioningFactor: number,
): number {
  const hosts = group.hosts.length - group.excluded;
  if (hosts <= 0) return 0;
  return group.weight * Math.min(1, (overprovisioningFactor / 100) * (eligible / hosts));
}
