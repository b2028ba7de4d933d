// hot: per request
/**
 * ROUND_ROBIN: hosts in turn; by earliest deadline first when weights differ or hosts are in slow
 * start. Envoy: `RoundRobinLoadBalancer`
 * (source/extensions/load_balancing_policies/round_robin/round_robin_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { RoundRobin } from "../../../proto/generated/envoy/extensions/load_balancing_policies/round_robin/v3.ts";
import type { Weigher } from "../../../upstream/edf-scheduler.ts";
import type { Host } from "../../../upstream/host.ts";
import type { HostSet } from "../../../upstream/host-set.ts";
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
import {
  compileSlowStart,
  SlowStart,
  type SlowStartConfig,
  SlowStartWeigher,
} from "../../common/slow-start.ts";
import { CONFIGURED_WEIGHT, equalWeights, ScheduledPicker } from "../../common/weighted-hosts.ts";

const NAME = "envoy.load_balancing_policies.round_robin";

export const roundRobin: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
  lbPolicy: "ROUND_ROBIN",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    const config = message as RoundRobin;
    return new RoundRobinPolicy(
      compileSlowStart(config.slowStartConfig, context),
      compileLocalityConfig(config.localityLbConfig, context.at("locality_lb_config")),
    );
  },
  compileLegacy(cluster: Cluster, context: CompileContext): LoadBalancingPolicy {
    const { slowStartConfig } = cluster.roundRobinLbConfig ?? {};
    return new RoundRobinPolicy(
      compileSlowStart(slowStartConfig, context.at("round_robin_lb_config")),
      legacyLocalityConfig(cluster.commonLbConfig),
    );
  },
};

class RoundRobinPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly slowStart: SlowStartConfig | null;
  private readonly locality: LocalityConfig;

  constructor(slowStart: SlowStartConfig | null, locality: LocalityConfig) {
    this.slowStart = slowStart;
    this.locality = locality;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    const slowStart = this.slowStart === null ? null : new SlowStart(this.slowStart, services);
    return new PriorityLoadBalancer(new RoundRobinPickers(slowStart), services, this.locality);
  }
}

class RoundRobinPickers implements PickerFactory {
  private readonly slowStart: SlowStart | null;
  private readonly weigher: Weigher<Host>;

  constructor(slowStart: SlowStart | null) {
    this.slowStart = slowStart;
    this.weigher = slowStart === null ? CONFIGURED_WEIGHT : new SlowStartWeigher(slowStart);
  }

  onUpdate(sets: readonly HostSet[]): void {
    this.slowStart?.update(sets);
  }

  createPicker(
    hosts: readonly Host[],
    previous: HostPicker | null,
    { random }: LoadBalancerServices,
  ): HostPicker {
    const starting = hosts.length > 1 && this.slowStart?.active() === true;
    if (starting || !equalWeights(hosts)) return new ScheduledPicker(hosts, this.weigher, random);
    const start = previous instanceof TurnPicker ? previous.turn : random.uint32();
    return new TurnPicker(hosts, start);
  }
}

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
