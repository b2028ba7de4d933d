// hot: per request
/**
 * RANDOM: any usable host with equal chance; weights do not count. Envoy: `RandomLoadBalancer`
 * (source/extensions/load_balancing_policies/random/random_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
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
import {
  compileLocalityConfig,
  type LocalityConfig,
  legacyLocalityConfig,
} from "../../../upstream/locality-config.ts";
import { PriorityLoadBalancer } from "../../../upstream/priority-load-balancer.ts";

const NAME = "envoy.load_balancing_policies.random";

export const random: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.random.v3.Random",
  lbPolicy: "RANDOM",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    const { localityLbConfig } = message as Random;
    const at = context.at("locality_lb_config");
    return new RandomPolicy(compileLocalityConfig(localityLbConfig, at));
  },
  compileLegacy(cluster: Cluster): LoadBalancingPolicy {
    return new RandomPolicy(legacyLocalityConfig(cluster.commonLbConfig));
  },
};

class RandomPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly locality: LocalityConfig;

  constructor(locality: LocalityConfig) {
    this.locality = locality;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    return new PriorityLoadBalancer(RANDOM_PICKERS, services, this.locality);
  }
}

const RANDOM_PICKERS: PickerFactory = {
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
