/**
 * Settings that ring hash and Maglev share, from `consistent_hashing_lb_config` in its two places.
 * Envoy: `TypedHashLbConfigBase`, `LoadBalancerConfigHelper::convertHashLbConfigTo`.
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { Cluster_CommonLbConfig } from "../../proto/generated/envoy/config/cluster/v3.ts";
import type { ConsistentHashingLbConfig } from "../../proto/generated/envoy/extensions/load_balancing_policies/common/v3.ts";
import { compileHashPolicy } from "../../route/hash-policy.ts";
import type { HashLoadBalancerConfig } from "./hash-load-balancer.ts";

export interface HashConfig extends HashLoadBalancerConfig {
  readonly useHostname: boolean;
  /** Percent; 0 leaves hosts without bound. */
  readonly balanceFactor: number;
}

export function compileHashConfig(
  message: ConsistentHashingLbConfig | undefined,
  localityWeighted: boolean,
  context: CompileContext,
): HashConfig {
  return {
    useHostname: message?.useHostnameForHashing === true,
    balanceFactor: message?.hashBalanceFactor ?? 0,
    hashPolicy: compileHashPolicy(message?.hashPolicy, context),
    localityWeighted,
  };
}

export function legacyHashConfig(common: Cluster_CommonLbConfig | undefined): HashConfig {
  const message = common?.consistentHashingLbConfig;
  return {
    useHostname: message?.useHostnameForHashing === true,
    balanceFactor: message?.hashBalanceFactor ?? 0,
    hashPolicy: null,
    localityWeighted: common?.localityWeightedLbConfig !== undefined,
  };
}
