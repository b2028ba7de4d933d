/**
 * MAGLEV: as ring hash, with a table in place of the ring: evener and faster to look up, moves more
 * requests when hosts change. Envoy: `MaglevLoadBalancer`
 * (source/extensions/load_balancing_policies/maglev/maglev_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { Maglev } from "../../../proto/generated/envoy/extensions/load_balancing_policies/maglev/v3.ts";
import { createMaglevStats, type MaglevStats } from "../../../stats/groups/maglev-stats.ts";
import type {
  ClusterLoadBalancer,
  LoadBalancerFactory,
  LoadBalancerServices,
  LoadBalancingPolicy,
} from "../../../upstream/load-balancer.ts";
import { BoundedLoad, type WeightedHosts } from "../../common/bounded-load.ts";
import { compileHashConfig, type HashConfig, legacyHashConfig } from "../../common/hash-config.ts";
import {
  HashLoadBalancer,
  type HashTable,
  type HashTableFactory,
} from "../../common/hash-load-balancer.ts";
import { MaglevTable } from "./maglev-table.ts";

const NAME = "envoy.load_balancing_policies.maglev";
const TABLE_SIZE = 65_537;

export const maglev: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.maglev.v3.Maglev",
  lbPolicy: "MAGLEV",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy | null {
    const { tableSize, consistentHashingLbConfig, localityWeightedLbConfig } = message as Maglev;
    const at = context.at("consistent_hashing_lb_config");
    const weighted = localityWeightedLbConfig !== undefined;
    return policy(tableSize, compileHashConfig(consistentHashingLbConfig, weighted, at), context);
  },
  compileLegacy(cluster: Cluster, context: CompileContext): LoadBalancingPolicy | null {
    const at = context.at("maglev_lb_config");
    return policy(cluster.maglevLbConfig?.tableSize, legacyHashConfig(cluster.commonLbConfig), at);
  },
};

function policy(
  tableSize: number | bigint | undefined,
  hashing: HashConfig,
  context: CompileContext,
): LoadBalancingPolicy | null {
  const size = Number(tableSize ?? TABLE_SIZE);
  if (!isPrime(size)) {
    return context
      .at("table_size")
      .error(
        "The table size of maglev must be prime number",
        "use a prime such as 65537 or 655373",
      );
  }
  return new MaglevPolicy(hashing, size);
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}

class MaglevPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly hashing: HashConfig;
  private readonly tableSize: number;

  constructor(hashing: HashConfig, tableSize: number) {
    this.hashing = hashing;
    this.tableSize = tableSize;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    const stats = createMaglevStats(services.configurationScope.scope("maglev_lb"));
    const { balanceFactor, useHostname } = this.hashing;
    const bounded = balanceFactor === 0 ? null : new BoundedLoad(balanceFactor, services);
    const tables = new Tables(this.tableSize, useHostname, stats);
    return new HashLoadBalancer(this.hashing, tables, bounded, services);
  }
}

class Tables implements HashTableFactory {
  private readonly size: number;
  private readonly useHostname: boolean;
  private readonly stats: MaglevStats;

  constructor(size: number, useHostname: boolean, stats: MaglevStats) {
    this.size = size;
    this.useHostname = useHostname;
    this.stats = stats;
  }

  createTable(source: WeightedHosts): HashTable {
    const table = new MaglevTable(source, this.size, this.useHostname);
    if (source.hosts.length > 0) {
      this.stats.minEntriesPerHost.set(table.minEntriesPerHost);
      this.stats.maxEntriesPerHost.set(table.maxEntriesPerHost);
    }
    return table;
  }
}
