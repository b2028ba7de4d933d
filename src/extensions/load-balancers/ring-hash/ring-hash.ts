/**
 * RING_HASH: requests with the same hash go to the same host, and most still do after hosts come or
 * go. Envoy: `RingHashLoadBalancer`
 * (source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { RingHash } from "../../../proto/generated/envoy/extensions/load_balancing_policies/ring_hash/v3.ts";
import { createRingHashStats, type RingHashStats } from "../../../stats/groups/ring-hash-stats.ts";
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
import { Ring, type RingSettings } from "./ring.ts";

const NAME = "envoy.load_balancing_policies.ring_hash";
const MIN_RING_SIZE = 1024;
const MAX_RING_SIZE = 8_388_608;

export const ringHash: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash",
  lbPolicy: "RING_HASH",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy | null {
    const config = message as RingHash;
    const at = context.at("consistent_hashing_lb_config");
    // The two older fields count only while the newer message is absent.
    const hashing = config.consistentHashingLbConfig ?? {
      useHostnameForHashing: config.useHostnameForHashing === true,
      hashBalanceFactor: config.hashBalanceFactor ?? 0,
    };
    const weighted = config.localityWeightedLbConfig !== undefined;
    return policy(config, compileHashConfig(hashing, weighted, at), context);
  },
  compileLegacy(cluster: Cluster, context: CompileContext): LoadBalancingPolicy | null {
    const at = context.at("ring_hash_lb_config");
    return policy(cluster.ringHashLbConfig ?? {}, legacyHashConfig(cluster.commonLbConfig), at);
  },
};

interface RingFields {
  readonly hashFunction?: string;
  readonly minimumRingSize?: number | bigint;
  readonly maximumRingSize?: number | bigint;
}

function policy(
  fields: RingFields,
  hashing: HashConfig,
  context: CompileContext,
): LoadBalancingPolicy | null {
  const minSize = Number(fields.minimumRingSize ?? MIN_RING_SIZE);
  const maxSize = Number(fields.maximumRingSize ?? MAX_RING_SIZE);
  if (minSize > maxSize) {
    return context
      .at("minimum_ring_size")
      .error(
        `ring hash: minimum_ring_size (${minSize}) > maximum_ring_size (${maxSize})`,
        "make minimum_ring_size the smaller one",
      );
  }
  const murmur = fields.hashFunction === "MURMUR_HASH_2";
  return new RingHashPolicy(hashing, {
    minSize,
    maxSize,
    murmur,
    useHostname: hashing.useHostname,
  });
}

class RingHashPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly hashing: HashConfig;
  private readonly settings: RingSettings;

  constructor(hashing: HashConfig, settings: RingSettings) {
    this.hashing = hashing;
    this.settings = settings;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    const stats = createRingHashStats(services.configurationScope.scope("ring_hash_lb"));
    const { balanceFactor } = this.hashing;
    const bounded = balanceFactor === 0 ? null : new BoundedLoad(balanceFactor, services);
    return new HashLoadBalancer(this.hashing, new Rings(this.settings, stats), bounded, services);
  }
}

class Rings implements HashTableFactory {
  private readonly settings: RingSettings;
  private readonly stats: RingHashStats;

  constructor(settings: RingSettings, stats: RingHashStats) {
    this.settings = settings;
    this.stats = stats;
  }

  createTable(source: WeightedHosts, previous: HashTable | null): HashTable {
    const ring = new Ring(source, this.settings, previous instanceof Ring ? previous : null);
    if (source.hosts.length > 0) {
      this.stats.size.set(ring.size);
      this.stats.minHashesPerHost.set(ring.minHashesPerHost);
      this.stats.maxHashesPerHost.set(ring.maxHashesPerHost);
    }
    return ring;
  }
}
