// hot: per request
/**
 * LEAST_REQUEST: of a few hosts drawn at random the one with the fewest requests in flight, or of
 * all hosts (FULL_SCAN); with unequal weights a schedule whose weights shrink as requests pile up.
 * Envoy: `LeastRequestLoadBalancer`
 * (source/extensions/load_balancing_policies/least_request/least_request_lb.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { RuntimeDouble as RuntimeDoubleMessage } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { LeastRequest } from "../../../proto/generated/envoy/extensions/load_balancing_policies/least_request/v3.ts";
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
  compileRuntimeDouble,
  type RuntimeDouble,
  runtimeDouble,
} from "../../common/runtime-double.ts";
import { compileSlowStart, SlowStart, type SlowStartConfig } from "../../common/slow-start.ts";
import { equalWeights, ScheduledPicker } from "../../common/weighted-hosts.ts";

const CHOICE_COUNT = 2;
const ACTIVE_REQUEST_BIAS = 1;
const NAME = "envoy.load_balancing_policies.least_request";

/** The settings, compiled. */
interface LeastRequestConfig {
  readonly choices: number;
  readonly bias: RuntimeDouble;
  readonly fullScan: boolean;
  readonly slowStart: SlowStartConfig | null;
  readonly locality: LocalityConfig;
}

export const leastRequest: LoadBalancerFactory = {
  name: NAME,
  messageType: "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
  lbPolicy: "LEAST_REQUEST",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    const config = message as LeastRequest;
    return new LeastRequestPolicy({
      choices: config.choiceCount ?? CHOICE_COUNT,
      bias: bias(config.activeRequestBias, context),
      fullScan: config.selectionMethod === "FULL_SCAN" || config.enableFullScan === true,
      slowStart: compileSlowStart(config.slowStartConfig, context),
      locality: compileLocalityConfig(config.localityLbConfig, context.at("locality_lb_config")),
    });
  },
  compileLegacy(cluster: Cluster, context: CompileContext): LoadBalancingPolicy {
    const config = cluster.leastRequestLbConfig ?? {};
    const at = context.at("least_request_lb_config");
    return new LeastRequestPolicy({
      choices: config.choiceCount ?? CHOICE_COUNT,
      bias: bias(config.activeRequestBias, at),
      fullScan: false,
      slowStart: compileSlowStart(config.slowStartConfig, at),
      locality: legacyLocalityConfig(cluster.commonLbConfig),
    });
  },
};

function bias(message: RuntimeDoubleMessage | undefined, context: CompileContext): RuntimeDouble {
  const value = compileRuntimeDouble(message, ACTIVE_REQUEST_BIAS);
  if (value.defaultValue < 0) {
    context
      .at("active_request_bias")
      .error("active_request_bias must not be negative", "use 0 or more");
  }
  return value;
}

class LeastRequestPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly config: LeastRequestConfig;

  constructor(config: LeastRequestConfig) {
    this.config = config;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    const { slowStart, locality } = this.config;
    const start = slowStart === null ? null : new SlowStart(slowStart, services);
    return new PriorityLoadBalancer(
      new LeastRequestPickers(this.config, start, services.runtime),
      services,
      locality,
    );
  }
}

/** With unequal weights or in slow start also the weights of the schedule. */
class LeastRequestPickers implements PickerFactory, Weigher<Host> {
  private readonly config: LeastRequestConfig;
  private readonly slowStart: SlowStart | null;
  private readonly runtime: RuntimeSnapshot;
  private bias = ACTIVE_REQUEST_BIAS;

  constructor(config: LeastRequestConfig, slowStart: SlowStart | null, runtime: RuntimeSnapshot) {
    this.config = config;
    this.slowStart = slowStart;
    this.runtime = runtime;
  }

  onUpdate(sets: readonly HostSet[]): void {
    const value = runtimeDouble(this.config.bias, this.runtime);
    this.bias = value >= 0 ? value : ACTIVE_REQUEST_BIAS;
    this.slowStart?.update(sets);
  }

  createPicker(
    hosts: readonly Host[],
    _previous: HostPicker | null,
    { random }: LoadBalancerServices,
  ): HostPicker {
    const starting = hosts.length > 1 && this.slowStart?.active() === true;
    if (starting || !equalWeights(hosts)) return new ScheduledPicker(hosts, this, random);
    if (this.config.fullScan) return new ScanPicker(hosts, random);
    return new ChoicePicker(hosts, this.config.choices, random);
  }

  weight(host: Host): number {
    let { weight } = host.description;
    if (this.slowStart !== null) weight *= this.slowStart.share(host);
    if (this.bias === 0) return weight;
    const active = host.stats.activeRequests + 1;
    return weight / (this.bias === 1 ? active : active ** this.bias);
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
