// hot: per request
/**
 * LEAST_REQUEST: of a few hosts drawn at random the one with the fewest requests in flight, or of
 * all hosts (FULL_SCAN); with unequal weights a schedule whose weights shrink as requests pile up.
 * Envoy: `LeastRequestLoadBalancer`
 * (source/extensions/load_balancing_policies/least_request/least_request_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { RuntimeDouble } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { LeastRequest } from "../../../proto/generated/envoy/extensions/load_balancing_policies/least_request/v3.ts";
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

const CHOICE_COUNT = 2;
const ACTIVE_REQUEST_BIAS = 1;
const NAME = "envoy.load_balancing_policies.least_request";

export const leastRequest: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
  lbPolicy: "LEAST_REQUEST",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    const config = message as LeastRequest;
    reportSlowStart(config.slowStartConfig, context);
    reportLocalityConfig(config.localityLbConfig, context);
    return new LeastRequestPolicy(
      config.choiceCount ?? CHOICE_COUNT,
      bias(config.activeRequestBias, context),
      config.selectionMethod === "FULL_SCAN" || config.enableFullScan === true,
    );
  },
  compileLegacy(cluster: Cluster, context: CompileContext): LoadBalancingPolicy {
    const config = cluster.leastRequestLbConfig ?? {};
    const at = context.at("least_request_lb_config");
    reportSlowStart(config.slowStartConfig, at);
    return new LeastRequestPolicy(
      config.choiceCount ?? CHOICE_COUNT,
      bias(config.activeRequestBias, at),
      false,
    );
  },
};

function bias(message: RuntimeDouble | undefined, context: CompileContext): number {
  if (message === undefined) return ACTIVE_REQUEST_BIAS;
  const value = message.defaultValue ?? 0;
  const at = context.at("active_request_bias");
  if (value < 0) at.error("active_request_bias must not be negative", "use 0 or more");
  if ((message.runtimeKey ?? "") !== "") {
    at.at("runtime_key").warn("The runtime key is not read yet: default_value applies");
  }
  return value;
}

class LeastRequestPolicy implements LoadBalancingPolicy, PickerFactory {
  readonly name = NAME;
  private readonly choices: number;
  private readonly bias: number;
  private readonly fullScan: boolean;

  constructor(choices: number, activeRequestBias: number, fullScan: boolean) {
    this.choices = choices;
    this.bias = activeRequestBias;
    this.fullScan = fullScan;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    return new PriorityLoadBalancer(this, services);
  }

  createPicker(
    hosts: readonly Host[],
    _previous: HostPicker | null,
    { random }: LoadBalancerServices,
  ): HostPicker {
    if (!equalWeights(hosts)) return new WeightedPicker(hosts, this.bias, random);
    if (this.fullScan) return new ScanPicker(hosts, random);
    return new ChoicePicker(hosts, this.choices, random);
  }
}

/** Draws with replacement; ties keep the earlier draw. */
class ChoicePicker implements HostPicker {
  private readonly hosts: readonly Host[];
  private readonly choices: number;
  private readonly random: RandomGenerator;

  constructor(hosts: readonly Host[], choices: number, random: RandomGenerator) {
    this.hosts = hosts;
    this.choices = choices;
    this.random = random;
  }

  pick(): Host {
    let best = this.draw();
    let fewest = best.stats.activeRequests;
    for (let drawn = 1; drawn < this.choices; drawn++) {
      const host = this.draw();
      const active = host.stats.activeRequests;
      if (active < fewest) {
        best = host;
        fewest = active;
      }
    }
    return best;
  }

  private draw(): Host {
    return this.hosts[randomBelow(this.random, this.hosts.length)] as Host;
  }
}

/** Every host is looked at; among ties each has the same chance. */
class ScanPicker implements HostPicker {
  private readonly hosts: readonly Host[];
  private readonly random: RandomGenerator;

  constructor(hosts: readonly Host[], random: RandomGenerator) {
    this.hosts = hosts;
    this.random = random;
  }

  pick(): Host {
    const hosts = this.hosts;
    let best = hosts[0] as Host;
    let fewest = best.stats.activeRequests;
    let ties = 1;
    for (let index = 1; index < hosts.length; index++) {
      const host = hosts[index] as Host;
      const active = host.stats.activeRequests;
      if (active > fewest) continue;
      ties = active < fewest ? 1 : ties + 1;
      if (active < fewest || randomBelow(this.random, ties) === 0) best = host;
      fewest = active;
    }
    return best;
  }
}

class WeightedPicker implements HostPicker, Weigher<Host> {
  private readonly scheduler: EdfScheduler<Host>;
  private readonly bias: number;

  constructor(hosts: readonly Host[], activeRequestBias: number, random: RandomGenerator) {
    this.bias = activeRequestBias;
    this.scheduler = new EdfScheduler<Host>(this);
    for (const host of hosts) this.scheduler.add(host);
    advance(this.scheduler, random);
  }

  weight(host: Host): number {
    const { weight } = host.description;
    if (this.bias === 0) return weight;
    const active = host.stats.activeRequests + 1;
    return weight / (this.bias === 1 ? active : active ** this.bias);
  }

  pick(): Host {
    return this.scheduler.pick();
  }
}
