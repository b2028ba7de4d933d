/**
 * CLUSTER_PROVIDED: the cluster chooses its hosts itself (ORIGINAL_DST, aggregate, dynamic forward
 * proxy). Envoy: source/extensions/load_balancing_policies/cluster_provided/config.cc.
 */
import type {
  ClusterLoadBalancer,
  LoadBalancerFactory,
  LoadBalancingPolicy,
} from "./load-balancer.ts";

const NAME = "envoy.load_balancing_policies.cluster_provided";

export const clusterProvided: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided",
  lbPolicy: "CLUSTER_PROVIDED",
  compile: (): LoadBalancingPolicy => policy,
  compileLegacy: (): LoadBalancingPolicy => policy,
};

/** Never asked: the discovery's own load balancer is used. */
const policy: LoadBalancingPolicy = {
  name: NAME,
  createBalancer: (): ClusterLoadBalancer => ({
    update: (): void => undefined,
    chooseHost: () => null,
  }),
};
