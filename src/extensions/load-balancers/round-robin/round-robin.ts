// hot: per request
/**
 * ROUND_ROBIN: hosts in turn; by earliest deadline first when weights differ. Envoy:
 * `RoundRobinLoadBalancer`
 * (source/extensions/load_balancing_policies/round_robin/round_robin_lb.cc). Slow start is
 * reported, not obeyed yet.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { RandomGenerator } from "../../../platform/random.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { RoundRobin } from "../../../proto/generated/envoy/extensions/load_balancing_policies/round_robin/v3.ts";
import { EdfScheduler, type Weigher } from "../../../upstream/edf-scheduler.ts";
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
import {
  advance,
  equalWeights,
  reportLocalityConfig,
  reportSlowStart,
} from "../../common/weighted-hosts.ts";

export const roundRobin: LoadBalancerFactory = {
  name: "envoy.load_balancing_policies.round_robin",
  messageType: "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
  lbPolicy: "ROUND_ROBIN",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    const config = message as RoundRobin;
    reportSlowStart(config.slowStartConfig, context);
    reportLocalityConfig(config.localityLbConfig, context);
    return policy;
  },
  compileLegacy(cluster: Cluster, context: CompileContext): LoadBalancingPolicy {
    reportSlowStart(
      cluster.roundRobinLbConfig?.slowStartConfig,
      context.at("round_robin_lb_config"),
    );
    return policy;
  },
};

const policy: LoadBalancingPolicy & PickerFactory = {
  name: "envoy.load_balancing_policies.round_robin",
  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    return new PriorityLoadBalancer(policy, services);
  },
  createPicker(
    hosts: readonly Host[],
    previous: HostPicker | null,
    { random }: LoadBalancerServices,
  ): HostPicker {
    if (!equalWeights(hosts)) return new WeightedPicker(hosts, random);
    const start = previous instanceof TurnPicker ? previous.turn : random.uint32();
    return new TurnPicker(hosts, start);
  },
};

/** An update goes on where the previous list stopped. */
class TurnPicker implements HostPicker {
  turn: number;
  private readonly hosts: readonly Host[];

  constructor(hosts: readonly Host[], turn: number) {
    this.hosts = hosts;
    this.turn = turn % hosts.length;
  }

  pick(): Host {
    const hosts = this.hosts;
    const host = hosts[this.turn] as Host;
    this.turn++;
    if (this.turn === hosts.length) this.turn = 0;
    return host;
  }
}

class WeightedPicker implements HostPicker, Weigher<Host> {
  private readonly scheduler: EdfScheduler<Host>;

  constructor(hosts: readonly Host[], random: RandomGenerator) {
    this.scheduler = new EdfScheduler<Host>(this);
    for (const host of hosts) this.scheduler.add(host);
    advance(this.scheduler, random);
  }

  weight(host: Host): number {
    return host.description.weight;
  }

  pick(): Host {
    return this.scheduler.pick();
  }
}
