// hot: per request
/**
 * RANDOM: any usable host with equal chance; weights do not count. Envoy: `RandomLoadBalancer`
 * (source/extensions/load_balancing_policies/random/random_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
import type { Random } from "../../../proto/generated/envoy/extensions/load_balancing_policies/random/v3.ts";
import type { Host } from "../../../upstream/host.ts";
import type {
  ClusterLoadBalancer,
  HostPicker,
  LoadBalancerFactory,
  LoadBalancerServices,
  LoadBalancingPolicy,
  PickerFactory,
} from "../../../upstream/load-balancer.ts";
import { PriorityLoadBalancer } from "../../../upstream/priority-load-balancer.ts";
import { reportLocalityConfig } from "../../common/weighted-hosts.ts";

export const random: LoadBalancerFactory = {
  name: "envoy.load_balancing_policies.random",
  messageType: "envoy.extensions.load_balancing_policies.random.v3.Random",
  lbPolicy: "RANDOM",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    reportLocalityConfig((message as Random).localityLbConfig, context);
    return policy;
  },
  compileLegacy(): LoadBalancingPolicy {
    return policy;
  },
};

const policy: LoadBalancingPolicy & PickerFactory = {
  name: "envoy.load_balancing_policies.random",
  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    return new PriorityLoadBalancer(policy, services);
  },
  createPicker(
    hosts: readonly Host[],
    _previous: HostPicker | null,
    services: LoadBalancerServices,
  ): HostPicker {
    return new RandomPicker(hosts, services.random);
  },
};

class RandomPicker implements HostPicker {
  private readonly hosts: readonly Host[];
  private readonly random: RandomGenerator;

  constructor(hosts: readonly Host[], generator: RandomGenerator) {
    this.hosts = hosts;
    this.random = generator;
  }

  pick(): Host {
    return this.hosts[randomBelow(this.random, this.hosts.length)] as Host;
  }
}
