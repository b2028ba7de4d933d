// hot: per request
/**
 * Consistent hashing with bounded loads (arXiv:1608.01350): no host gets more than
 * `hash_balance_factor` percent of its share of the requests in flight; what is over goes to others
 * in an order that depends on the hash alone. Envoy: `BoundedLoadHashingLoadBalancer`.
 */
import { MersenneTwister } from "../../base/mersenne-twister.ts";
import type { Host, HostDescription } from "../../upstream/host.ts";
import type { LoadBalancerServices } from "../../upstream/load-balancer.ts";
import type { Hash64 } from "./hash64.ts";

/** Hosts with weights that sum to 1. */
export interface WeightedHosts {
  readonly hosts: readonly Host[];
  readonly weights: readonly number[];
  /** What is known of each host when the table is made. */
  readonly descriptions: readonly HostDescription[];
  /** Smallest and largest of `weights`; 1 and 0 when there are none. */
  readonly min: number;
  readonly max: number;
}

export class BoundedLoad {
  private readonly factor: number;
  private readonly services: LoadBalancerServices;
  private readonly twister: MersenneTwister = new MersenneTwister();
  /** A permutation, made anew per search. */
  private order: Uint32Array = new Uint32Array(0);

  /** `factor` in percent, at least 100. */
  constructor(factor: number, services: LoadBalancerServices) {
    this.factor = factor;
    this.services = services;
  }

  /** The host at `first` unless it is full; then another, or the least full. Indexes. */
  choose(first: number, source: WeightedHosts, hash: Hash64): number {
    const active = (source.hosts[first] as Host).stats.activeRequests;
    // Every host has a slot, whatever the total: the total is not needed.
    if (active <= 1) return first;
    const slots = Math.floor(((this.services.activeRequests() + 1) * this.factor + 99) / 100);
    const load = active / hostSlots(slots, source.weights[first] as number);
    return load <= 1 ? first : this.search(first, load, slots, source, hash);
  }

  private search(
    first: number,
    firstLoad: number,
    slots: number,
    source: WeightedHosts,
    hash: Hash64,
  ): number {
    const count = source.hosts.length;
    if (this.order.length < count) this.order = new Uint32Array(count);
    const { order, twister } = this;
    for (let index = 0; index < count; index++) order[index] = index;
    twister.seed(hash.low);
    let best = first;
    let least = firstLoad;
    for (let index = 0; index < count; index++) {
      const other = index + this.below(count - index);
      const candidate = order[other] as number;
      order[other] = order[index] as number;
      order[index] = candidate;
      if (candidate === first) continue;
      const active = (source.hosts[candidate] as Host).stats.activeRequests;
      const load = active / hostSlots(slots, source.weights[candidate] as number);
      if (load <= 1) return candidate;
      if (load < least) {
        best = candidate;
        least = load;
      }
    }
    return best;
  }

  /** Uniform in 0 … bound−1, the same for the same seed everywhere. */
  private below(bound: number): number {
    const width = Math.floor(4294967296 / bound);
    let value = bound;
    while (value >= bound) value = Math.floor(this.twister.uint32() / width);
    return value;
  }
}

function hostSlots(slots: number, weight: number): number {
  return Math.max(1, Math.ceil(slots * weight));
}
