/**
 * WRR_LOCALITY: localities take turns by weight, client_side_weighted_round_robin chooses within
 * one. Envoy: source/extensions/load_balancing_policies/wrr_locality, which takes no other either.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { WrrLocality } from "../../../proto/generated/envoy/extensions/load_balancing_policies/wrr_locality/v3.ts";
import type {
  LoadBalancerFactory,
  LoadBalancingPolicy,
  PolicyLists,
} from "../../../upstream/load-balancer.ts";

const NAME = "envoy.load_balancing_policies.wrr_locality";

export const wrrLocality: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality",
  lbPolicy: "",
  compile(
    message: unknown,
    context: CompileContext,
    policies: PolicyLists,
  ): LoadBalancingPolicy | null {
    const { endpointPickingPolicy = {} } = message as WrrLocality;
    const at = context.at("endpoint_picking_policy");
    const child = policies.compile(endpointPickingPolicy, at);
    if (child === null) return null;
    if (child.withLocalityWeights !== undefined) return child.withLocalityWeights();
    return at.error(
      "No supported endpoint picking policy.",
      "use client_side_weighted_round_robin",
    );
  },
  compileLegacy: (): LoadBalancingPolicy | null => null,
};
