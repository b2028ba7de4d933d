/**
 * How traffic spreads over priorities, as integer percentages, and which priorities panic. Pure.
 * Envoy: `LoadBalancerBase::recalculatePerPriorityState` and its siblings
 * (source/extensions/load_balancing_policies/common/load_balancer_impl.cc).
 */
import type { Host } from "./host.ts";
import type { HostSet } from "./host-set.ts";
import type { PriorityLoads } from "./load-balancer.ts";

/** What the computation reads of one priority. */
export interface PriorityHealth {
  readonly hosts: number;
  readonly excluded: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Percent of availability: hosts or weights, overprovisioned, at most 100. */
  readonly healthyPercent: number;
  readonly degradedPercent: number;
}

/** Reads one host set. */
export function priorityHealth(set: HostSet): PriorityHealth {
  const measure = set.weightedPriorityHealth ? totalWeight : count;
  const total = measure(set.hosts) - measure(set.excluded);
  return {
    hosts: set.hosts.length,
    excluded: set.excluded.length,
    healthy: set.healthy.length,
    degraded: set.degraded.length,
    healthyPercent: availability(set.overprovisioningFactor, measure(set.healthy), total),
    degradedPercent: availability(set.overprovisioningFactor, measure(set.degraded), total),
  };
}

/** `panicThreshold` in percent; 0 turns panic off. */
export function computePriorityLoads(
  priorities: readonly PriorityHealth[],
  panicThreshold: number,
): PriorityLoads {
  const total = normalizedTotalAvailability(priorities);
  const none = priorities.map(() => 0);
  const calm = priorities.map(() => false);
  if (panicThreshold === 0 && total === 0) {
    return { healthy: allOnFirst(priorities.length), degraded: none, panic: calm };
  }
  const panic = priorities.map((one) => total !== 100 && panics(one, panicThreshold));
  if (panic.every((one) => one)) {
    return { healthy: loadsByHosts(priorities), degraded: none, panic };
  }
  return { ...loadsByHealth(priorities, total), panic };
}

/**
 * Index into healthy loads, or n + index into degraded loads. `hash` is any non-negative integer.
 */
export function choosePriority(loads: PriorityLoads, hash: number): number {
  const point = (hash % 100) + 1;
  const { healthy, degraded } = loads;
  let sum = 0;
  for (let index = 0; index < healthy.length; index++) {
    sum += healthy[index] as number;
    if (point <= sum) return index;
  }
  for (let index = 0; index < degraded.length; index++) {
    sum += degraded[index] as number;
    if (point <= sum) return healthy.length + index;
  }
  return 0;
}

function availability(factor: number, available: number, total: number): number {
  return total <= 0 ? 0 : Math.min(100, Math.floor((factor * available) / total));
}

function normalizedTotalAvailability(priorities: readonly PriorityHealth[]): number {
  let sum = 0;
  for (const one of priorities) sum += one.healthyPercent + one.degradedPercent;
  return Math.min(100, sum);
}

/** True when so few hosts are usable that health says nothing. `threshold` in percent. */
export function isInPanic(set: HostSet, threshold: number): boolean {
  return panics(priorityHealth(set), threshold);
}

function panics(one: PriorityHealth, threshold: number): boolean {
  const hosts = one.hosts - one.excluded;
  const usable = hosts === 0 ? 0 : (100 * (one.healthy + one.degraded)) / hosts;
  return usable < Math.min(100, threshold);
}

/**
 * Healthy first, then what remains to degraded; a rounding remainder goes to the first that can
 * take any.
 */
function loadsByHealth(
  priorities: readonly PriorityHealth[],
  total: number,
): { healthy: readonly number[]; degraded: readonly number[] } {
  const healthyPercents = priorities.map((one) => one.healthyPercent);
  const degradedPercents = priorities.map((one) => one.degradedPercent);
  const healthy = distribute(healthyPercents, 100, total);
  const degraded = distribute(degradedPercents, healthy.left, total);
  const firstHealthy = healthyPercents.findIndex((percent) => percent > 0);
  if (firstHealthy >= 0) (healthy.loads[firstHealthy] as number) += degraded.left;
  else {
    const firstDegraded = degradedPercents.findIndex((percent) => percent > 0);
    if (firstDegraded >= 0) (degraded.loads[firstDegraded] as number) += degraded.left;
  }
  return { healthy: healthy.loads, degraded: degraded.loads };
}

function distribute(
  percents: readonly number[],
  load: number,
  total: number,
): { loads: number[]; left: number } {
  let left = load;
  const loads = percents.map((percent) => {
    const share = Math.min(left, Math.floor((percent * 100) / total));
    left -= share;
    return share;
  });
  return { loads, left };
}

/** In total panic health says nothing: traffic follows the number of hosts. */
function loadsByHosts(priorities: readonly PriorityHealth[]): readonly number[] {
  let hosts = 0;
  for (const one of priorities) hosts += one.hosts;
  if (hosts === 0) return allOnFirst(priorities.length);
  let left = 100;
  const loads = priorities.map((one) => {
    const share = Math.floor((100 * one.hosts) / hosts);
    left -= share;
    return share;
  });
  const first = priorities.findIndex((one) => one.hosts > 0);
  (loads[first] as number) += left;
  return loads;
}

function allOnFirst(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => (index === 0 ? 100 : 0));
}

function count(hosts: readonly Host[]): number {
  return hosts.length;
}

function totalWeight(hosts: readonly Host[]): number {
  let sum = 0;
  for (const host of hosts) sum += host.description.weight;
  return sum;
}
