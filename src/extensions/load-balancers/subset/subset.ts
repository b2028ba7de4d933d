/**
 * Subsets of a cluster's hosts by metadata, over any other policy: `lb_subset_config` or the typed
 * policy. Envoy: source/extensions/load_balancing_policies/subset/config.cc.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { Subset } from "../../../proto/generated/envoy/extensions/load_balancing_policies/subset/v3.ts";
import type {
  ClusterLoadBalancer,
  LoadBalancerFactory,
  LoadBalancerServices,
  LoadBalancingPolicy,
  PolicyLists,
} from "../../../upstream/load-balancer.ts";
import { compileSubsetConfig, type SubsetConfig } from "./config.ts";
import { SubsetLoadBalancer } from "./subset-load-balancer.ts";

const NAME = "envoy.load_balancing_policies.subset";

export const subset: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.subset.v3.Subset",
  lbPolicy: "",
  compile(
    message: unknown,
    context: CompileContext,
    policies: PolicyLists,
  ): LoadBalancingPolicy | null {
    const fields = message as Subset;
    const config = compileSubsetConfig(fields, context);
    const child = policies.compile(fields.subsetLbPolicy ?? {}, context.at("subset_lb_policy"));
    return config === null || child === null ? null : new SubsetPolicy(config, child);
  },
  compileLegacy: (): LoadBalancingPolicy | null => null,
  wrapLegacy(
    cluster: Cluster,
    policy: LoadBalancingPolicy,
    context: CompileContext,
  ): LoadBalancingPolicy | null {
    const message = cluster.lbSubsetConfig ?? {};
    const weighted = cluster.commonLbConfig?.localityWeightedLbConfig !== undefined;
    if (message.localityWeightAware === true && !weighted) {
      return context
        .at("locality_weight_aware")
        .error(
          `Locality weight aware subset LB requires that a locality_weighted_lb_config be set in ${cluster.name ?? ""}`,
          "set common_lb_config.locality_weighted_lb_config",
        );
    }
    const config = compileSubsetConfig(message, context);
    return config === null ? null : new SubsetPolicy(config, policy);
  },
};

class SubsetPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly config: SubsetConfig;
  private readonly child: LoadBalancingPolicy;

  constructor(config: SubsetConfig, child: LoadBalancingPolicy) {
    this.config = config;
    this.child = child;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    return new SubsetLoadBalancer(this.config, this.child, services);
  }
}
