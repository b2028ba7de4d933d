/**
 * CLIENT_SIDE_WEIGHTED_ROUND_ROBIN: hosts in turn by weights that follow the load reports in their
 * responses (ORCA, gRFC A58). Envoy: `ClientSideWeightedRoundRobinLoadBalancer`. Not here: reports
 * out of band, which need a gRPC stream to each host.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { Timer } from "../../../platform/time.ts";
import type { ClientSideWeightedRoundRobin } from "../../../proto/generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3.ts";
import type { Weigher } from "../../../upstream/edf-scheduler.ts";
import type { Host } from "../../../upstream/host.ts";
import type { HostSet, PrioritySet } from "../../../upstream/host-set.ts";
import { EMPTY_PRIORITY_SET } from "../../../upstream/host-set.ts";
import type {
  ClusterLoadBalancer,
  HostPicker,
  LoadBalancerContext,
  LoadBalancerFactory,
  LoadBalancerServices,
  LoadBalancingPolicy,
  PickerFactory,
} from "../../../upstream/load-balancer.ts";
import { DEFAULT_LOCALITY_CONFIG } from "../../../upstream/locality-config.ts";
import { PriorityLoadBalancer } from "../../../upstream/priority-load-balancer.ts";
import { compileSlowStart, SlowStart, type SlowStartConfig } from "../../common/slow-start.ts";
import { ScheduledPicker } from "../../common/weighted-hosts.ts";
import { LoadReports, type LoadWeightConfig, updateWeights } from "./load-weights.ts";

const NAME = "envoy.load_balancing_policies.client_side_weighted_round_robin";
const BLACKOUT_MS = 10_000;
const EXPIRATION_MS = 180_000;
const UPDATE_MS = 1000;
/** Shorter periods count as this. Envoy: the same. */
const UPDATE_MIN_MS = 100;
const ERROR_PENALTY = 1;

export const clientSideWeightedRoundRobin: LoadBalancerFactory = {
  name: NAME,
  messageType:
    "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
  lbPolicy: "",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy {
    const config = message as ClientSideWeightedRoundRobin;
    reportOutOfBand(config, context);
    const weights = {
      blackoutMs: durationMs(config.blackoutPeriod, BLACKOUT_MS),
      expirationMs: durationMs(config.weightExpirationPeriod, EXPIRATION_MS),
      updateMs: Math.max(UPDATE_MIN_MS, durationMs(config.weightUpdatePeriod, UPDATE_MS)),
      errorPenalty: config.errorUtilizationPenalty ?? ERROR_PENALTY,
      metricNames: config.metricNamesForComputingUtilization ?? [],
    };
    return new WeightedPolicy(weights, compileSlowStart(config.slowStartConfig, context), false);
  },
  compileLegacy: (): LoadBalancingPolicy | null => null,
};

function reportOutOfBand(message: ClientSideWeightedRoundRobin, context: CompileContext): void {
  const problem = "Out-of-band load reports are not fetched: only those in responses count";
  if (message.enableOobLoadReport === true) context.at("enable_oob_load_report").warn(problem);
  if (message.oobReportingPeriod !== undefined) context.at("oob_reporting_period").warn(problem);
}

class WeightedPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly weights: LoadWeightConfig;
  private readonly slowStart: SlowStartConfig | null;
  private readonly byLocality: boolean;

  constructor(weights: LoadWeightConfig, slowStart: SlowStartConfig | null, byLocality: boolean) {
    this.weights = weights;
    this.slowStart = slowStart;
    this.byLocality = byLocality;
  }

  withLocalityWeights(): LoadBalancingPolicy {
    return new WeightedPolicy(this.weights, this.slowStart, true);
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    const slowStart = this.slowStart === null ? null : new SlowStart(this.slowStart, services);
    const pickers = new ReportedWeights(this.weights, slowStart, services);
    const locality = { ...DEFAULT_LOCALITY_CONFIG, weighted: this.byLocality };
    const inner = new PriorityLoadBalancer(pickers, services, locality);
    return new ReportedLoadBalancer(inner, this.weights.updateMs, services);
  }
}

/** Makes schedules by the weights of the hosts' reports. */
class ReportedWeights implements PickerFactory, Weigher<Host> {
  private readonly config: LoadWeightConfig;
  private readonly slowStart: SlowStart | null;
  private readonly services: LoadBalancerServices;

  constructor(
    config: LoadWeightConfig,
    slowStart: SlowStart | null,
    services: LoadBalancerServices,
  ) {
    this.config = config;
    this.slowStart = slowStart;
    this.services = services;
  }

  onUpdate(sets: readonly HostSet[]): void {
    const { dispatcher } = this.services;
    for (const { hosts } of sets) {
      for (const host of hosts) host.feedback ??= new LoadReports(this.config, dispatcher);
      updateWeights(hosts, dispatcher.monotonicMs());
    }
    this.slowStart?.update(sets);
  }

  createPicker(
    hosts: readonly Host[],
    _previous: HostPicker | null,
    { random }: LoadBalancerServices,
  ): HostPicker {
    return new ScheduledPicker(hosts, this, random);
  }

  weight(host: Host): number {
    const { weight } = host.feedback as LoadReports;
    return this.slowStart === null ? weight : weight * this.slowStart.share(host);
  }
}

/** Looks at the reports from time to time, and schedules anew when weights changed. */
class ReportedLoadBalancer implements ClusterLoadBalancer {
  private readonly inner: PriorityLoadBalancer;
  private readonly services: LoadBalancerServices;
  private readonly timer: Timer;
  private hosts: PrioritySet = EMPTY_PRIORITY_SET;
  private panicThreshold = 0;

  constructor(inner: PriorityLoadBalancer, updateMs: number, services: LoadBalancerServices) {
    this.inner = inner;
    this.services = services;
    this.timer = services.dispatcher.create({ onTimer: () => this.refresh(updateMs) }, 0);
    this.timer.arm(updateMs);
  }

  update(hosts: PrioritySet, panicThreshold: number): void {
    this.hosts = hosts;
    this.panicThreshold = panicThreshold;
    this.inner.update(hosts, panicThreshold);
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    return this.inner.chooseHost(context);
  }

  close(): void {
    this.timer.close();
  }

  private refresh(updateMs: number): void {
    this.timer.arm(updateMs);
    const nowMs = this.services.dispatcher.monotonicMs();
    let changed = false;
    for (const { hosts } of this.hosts.sets) changed = updateWeights(hosts, nowMs) || changed;
    if (changed) this.inner.update(this.hosts, this.panicThreshold);
  }
}
