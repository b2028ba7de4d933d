/**
 * How a policy treats localities: by weight, by zone, or not at all. Compiles `locality_lb_config`
 * of typed policies and its older place in `common_lb_config`. Envoy: `LocalityLbConfig`,
 * `LoadBalancerConfigHelper::localityLbConfigFromCommonLbConfig`.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Cluster_CommonLbConfig } from "../proto/generated/envoy/config/cluster/v3.ts";
import type {
  LocalityLbConfig,
  LocalityLbConfig_ZoneAwareLbConfig,
} from "../proto/generated/envoy/extensions/load_balancing_policies/common/v3.ts";

/** Zone-aware routing; takes effect only with a local cluster. */
export interface ZoneAwareConfig {
  /** Percent of requests; runtime `upstream.zone_routing.enabled`. */
  readonly routingEnabled: number;
  /** Healthy upstream hosts; runtime `upstream.zone_routing.min_cluster_size`. */
  readonly minClusterSize: number;
  /** In panic no host is chosen, instead of any. */
  readonly failTrafficOnPanic: boolean;
  /**
   * With so many healthy hosts in our own zone all requests stay there; 0 for proportions. Runtime
   * `upstream.zone_routing.force_local_zone.min_size`.
   */
  readonly forceLocalZoneMinSize: number;
  /** Shares are of the hosts' weights, not of their number. */
  readonly byWeight: boolean;
}

export interface LocalityConfig {
  /** Localities take turns by their weight; then zones do not matter. */
  readonly weighted: boolean;
  readonly zoneAware: ZoneAwareConfig;
}

/** What holds when nothing is configured. */
export const DEFAULT_LOCALITY_CONFIG: LocalityConfig = Object.freeze({
  weighted: false,
  zoneAware: Object.freeze({
    routingEnabled: 100,
    minClusterSize: 6,
    failTrafficOnPanic: false,
    forceLocalZoneMinSize: 0,
    byWeight: false,
  }),
});

export function compileLocalityConfig(
  message: LocalityLbConfig | undefined,
  context: CompileContext,
): LocalityConfig {
  if (message === undefined) return DEFAULT_LOCALITY_CONFIG;
  const weighted = message.localityWeightedLbConfig !== undefined;
  const zoneAware = message.zoneAwareLbConfig;
  if (zoneAware === undefined) return { ...DEFAULT_LOCALITY_CONFIG, weighted };
  return { weighted, zoneAware: compileZoneAware(zoneAware, context.at("zone_aware_lb_config")) };
}

/** From `common_lb_config`, for policies named by `lb_policy`. */
export function legacyLocalityConfig(message: Cluster_CommonLbConfig | undefined): LocalityConfig {
  if (message?.localityWeightedLbConfig !== undefined) {
    return { ...DEFAULT_LOCALITY_CONFIG, weighted: true };
  }
  const legacy = message?.zoneAwareLbConfig;
  if (legacy === undefined) return DEFAULT_LOCALITY_CONFIG;
  return { weighted: false, zoneAware: commonZoneAware(legacy) };
}

type CommonZoneAware = Pick<
  LocalityLbConfig_ZoneAwareLbConfig,
  "routingEnabled" | "minClusterSize" | "failTrafficOnPanic"
>;

function commonZoneAware(message: CommonZoneAware): ZoneAwareConfig {
  const { routingEnabled, minClusterSize, failTrafficOnPanic } = message;
  const base = DEFAULT_LOCALITY_CONFIG.zoneAware;
  return {
    ...base,
    // A present Percent message without value means 0.
    routingEnabled:
      routingEnabled === undefined ? base.routingEnabled : Math.round(routingEnabled.value ?? 0),
    minClusterSize: Number(minClusterSize ?? base.minClusterSize),
    failTrafficOnPanic: failTrafficOnPanic === true,
  };
}

function compileZoneAware(
  message: LocalityLbConfig_ZoneAwareLbConfig,
  context: CompileContext,
): ZoneAwareConfig {
  const { forceLocalZone, forceLocalityDirectRouting } = message;
  if (forceLocalityDirectRouting === true && forceLocalZone !== undefined) {
    context
      .at("force_locality_direct_routing")
      .warn("force_local_zone is set too, and counts", "remove force_locality_direct_routing");
  }
  const forced = forceLocalityDirectRouting === true ? 1 : 0;
  return {
    ...commonZoneAware(message),
    forceLocalZoneMinSize: forceLocalZone === undefined ? forced : (forceLocalZone.minSize ?? 1),
    byWeight: message.localityBasis === "HEALTHY_HOSTS_WEIGHT",
  };
}
