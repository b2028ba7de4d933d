// hot: per request
/**
 * What ring hash and Maglev share: one table of hosts per priority, made when hosts change; the
 * request's hash chooses priority and host. Envoy: `ThreadAwareLoadBalancerBase`
 * (source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc).
 */
import { RequestHeaderMap } from "../../codec/header-map.ts";
import type { HashPolicy } from "../../route/hash-policy.ts";
import type { Host, HostDescription } from "../../upstream/host.ts";
import type { HostSet, PrioritySet } from "../../upstream/host-set.ts";
import type {
  ClusterLoadBalancer,
  LoadBalancerContext,
  LoadBalancerServices,
  PriorityLoads,
} from "../../upstream/load-balancer.ts";
import { localityHealth } from "../../upstream/locality.ts";
import { choosePriority, computePriorityLoads, priorityHealth } from "../../upstream/priority.ts";
import type { BoundedLoad, WeightedHosts } from "./bounded-load.ts";
import { Hash64 } from "./hash64.ts";

/** Finds hosts by hash. */
export interface HashTable {
  readonly source: WeightedHosts;
  /**
   * Index into the hosts of `source`, −1 in an empty table. `attempt` counts from 0; further
   * attempts look elsewhere.
   */
  choose(hash: Hash64, attempt: number): number;
}

/** Makes tables; `previous` served the same priority before. */
export interface HashTableFactory {
  createTable(source: WeightedHosts, previous: HashTable | null): HashTable;
}

/** Settings that both policies have. */
export interface HashLoadBalancerConfig {
  readonly localityWeighted: boolean;
  /** Hashes the request instead of the route's policy; null to ask the route. */
  readonly hashPolicy: HashPolicy | null;
}

const NO_HEADERS = new RequestHeaderMap();
const NO_LOADS: PriorityLoads = { healthy: [100], degraded: [0], panic: [false] };

export class HashLoadBalancer implements ClusterLoadBalancer {
  private readonly config: HashLoadBalancerConfig;
  private readonly factory: HashTableFactory;
  private readonly services: LoadBalancerServices;
  /** Null without a hash_balance_factor. */
  private readonly bounded: BoundedLoad | null;
  private readonly hash: Hash64 = new Hash64();
  private loads: PriorityLoads = NO_LOADS;
  /** By priority. */
  private tables: readonly HashTable[] = [];

  constructor(
    config: HashLoadBalancerConfig,
    factory: HashTableFactory,
    bounded: BoundedLoad | null,
    services: LoadBalancerServices,
  ) {
    this.config = config;
    this.factory = factory;
    this.bounded = bounded;
    this.services = services;
  }

  update(hosts: PrioritySet, panicThreshold: number): void {
    const loads = computePriorityLoads(hosts.sets.map(priorityHealth), panicThreshold);
    const before = this.tables;
    this.loads = loads;
    this.tables = hosts.sets.map((set, priority) => {
      const source = this.weigh(set, loads.panic[priority] === true);
      const previous = before[priority] ?? null;
      if (previous !== null && sameHosts(previous.source, source)) return previous;
      return this.factory.createTable(source, previous);
    });
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    const { hash, loads, tables } = this;
    this.readHash(context);
    const choice = choosePriority(loads, hash.remainder(100));
    const count = loads.healthy.length;
    const priority = choice >= count ? choice - count : choice;
    if (loads.panic[priority] === true) this.services.stats.lbHealthyPanic.inc();
    const table = tables[priority];
    if (table === undefined) return null;
    let host = this.chooseFrom(table, 0);
    for (let attempt = 1; attempt <= context.hostSelectionAttempts; attempt++) {
      if (host === null || !context.shouldSelectAnotherHost(host)) return host;
      host = this.chooseFrom(table, attempt);
    }
    return host;
  }

  private chooseFrom(table: HashTable, attempt: number): Host | null {
    const { source } = table;
    let index = table.choose(this.hash, attempt);
    if (index < 0) return null;
    if (this.bounded !== null) index = this.bounded.choose(index, source, this.hash);
    return source.hosts[index] as Host;
  }

  /** Without anything to hash any host will do. */
  private readHash(context: LoadBalancerContext): void {
    const { hashPolicy } = this.config;
    const value = hashPolicy === null ? context.hash : hashOf(hashPolicy, context);
    const { random } = this.services;
    if (value === null) this.hash.takeHalves(random.uint32(), random.uint32());
    else this.hash.take(value);
  }

  /** Only healthy hosts, or all in panic; in proportion to locality weights when they count. */
  private weigh(set: HostSet, panic: boolean): WeightedHosts {
    const normalizer = new Normalizer();
    if (!this.config.localityWeighted || set.localityWeightsUnknown === true) {
      normalizer.add(panic ? set.hosts : set.healthy, 1);
      return normalizer;
    }
    let sum = 0;
    for (const group of set.localities) sum += group.weight;
    for (const group of localityHealth(set.localities, this.services.locality)) {
      if (group.weight === 0) continue;
      normalizer.add(panic ? group.hosts : group.healthy, group.weight / sum);
    }
    return normalizer;
  }
}

class Normalizer implements WeightedHosts {
  readonly hosts: Host[] = [];
  readonly weights: number[] = [];
  readonly descriptions: HostDescription[] = [];
  min = 1;
  max = 0;

  add(hosts: readonly Host[], part: number): void {
    let sum = 0;
    for (const host of hosts) sum += host.description.weight;
    for (const host of hosts) {
      const weight = (host.description.weight * part) / sum;
      this.hosts.push(host);
      this.weights.push(weight);
      this.descriptions.push(host.description);
      this.min = Math.min(this.min, weight);
      this.max = Math.max(this.max, weight);
    }
  }
}

/** An update may leave the usable hosts of a priority as they were: the table stays. */
function sameHosts(a: WeightedHosts, b: WeightedHosts): boolean {
  if (a.hosts.length !== b.hosts.length) return false;
  for (let index = 0; index < a.hosts.length; index++) {
    if (a.hosts[index] !== b.hosts[index]) return false;
    if (a.descriptions[index] !== b.descriptions[index]) return false;
    if (a.weights[index] !== b.weights[index]) return false;
  }
  return true;
}

function hashOf(policy: HashPolicy, context: LoadBalancerContext): bigint | null {
  const { streamInfo, requestHeaders } = context;
  if (streamInfo === null) return null;
  return policy.hash(requestHeaders ?? NO_HEADERS, streamInfo, (setCookie) =>
    context.addCookie(setCookie),
  );
}
