// hot: per request
/**
 * `outrigger.load_balancing_policies.peak_ewma`: of two hosts drawn at random the one that is
 * expected to answer sooner. Our own policy; the idea is Finagle's and Linkerd's.
 *
 * A host's cost is `latency × (outstanding + 1) / weight`. `latency` is a moving average of the
 * time to the response head: a slower answer than the average replaces it at once (peak), a faster
 * one is mixed in by `1 − e^(−t / decay_time)`, t being the time since the last answer; without
 * answers it fades as `e^(−t / decay_time)`. It is at least the mean age of the requests that wait
 * for a head now, so that a host that stopped answering is left at once, and at least 1 ms, below
 * which differences are noise. A failure or a 5xx counts as `failure_penalty` or more; a request
 * that was given up as the time it waited. A host that nothing is known of is taken to be as fast
 * as the other draw.
 *
 * A slow host must be tried again, but its answers must not show: at most `probe_percent` of all
 * requests go to hosts that nobody chose for `probe_interval`. A good answer to such a probe counts
 * half, and is followed by the next one, so that a host that recovered is back within seconds.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
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
import { compilePeakEwma, type PeakEwmaConfig } from "./config.ts";
import { LatencyTracker } from "./latency-tracker.ts";

const NAME = "outrigger.load_balancing_policies.peak_ewma";

export const peakEwma: LoadBalancerFactory = {
  name: NAME,
  messageType: "",
  lbPolicy: "",
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy | null {
    const config = compilePeakEwma(message as Readonly<Record<string, unknown>>, context);
    return config === null ? null : new PeakEwmaPolicy(config);
  },
  compileLegacy: (): LoadBalancingPolicy | null => null,
};

class PeakEwmaPolicy implements LoadBalancingPolicy {
  readonly name = NAME;
  private readonly config: PeakEwmaConfig;

  constructor(config: PeakEwmaConfig) {
    this.config = config;
  }

  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer {
    return new PriorityLoadBalancer(new PeakEwmaPickers(this.config), services);
  }
}

class PeakEwmaPickers implements PickerFactory {
  private readonly config: PeakEwmaConfig;

  constructor(config: PeakEwmaConfig) {
    this.config = config;
  }

  createPicker(
    hosts: readonly Host[],
    _previous: HostPicker | null,
    services: LoadBalancerServices,
  ): HostPicker {
    const trackers = hosts.map((host) => this.track(host, services.dispatcher));
    return new PeakEwmaPicker(trackers, this.config, services);
  }

  /** One tracker per host, in whatever lists it stands. */
  private track(host: Host, dispatcher: Dispatcher): LatencyTracker {
    if (host.feedback instanceof LatencyTracker) return host.feedback;
    const tracker = new LatencyTracker(host, this.config, dispatcher);
    host.feedback = tracker;
    return tracker;
  }
}

class PeakEwmaPicker implements HostPicker {
  private readonly trackers: readonly LatencyTracker[];
  private readonly dispatcher: Dispatcher;
  private readonly random: RandomGenerator;
  /** What each request adds to the budget of probes; a probe costs 1. */
  private readonly probeShare: number;
  private budget = 0;
  /** Whom the next request looks at. */
  private cursor = 0;

  constructor(
    trackers: readonly LatencyTracker[],
    config: PeakEwmaConfig,
    { dispatcher, random }: LoadBalancerServices,
  ) {
    this.trackers = trackers;
    this.dispatcher = dispatcher;
    this.random = random;
    this.probeShare = config.probePercent / 100;
  }

  pick(): Host {
    const { trackers } = this;
    const count = trackers.length;
    if (count === 1) return (trackers[0] as LatencyTracker).host;
    const nowMs = this.dispatcher.monotonicMs();
    const probed = this.probe(nowMs);
    if (probed !== null) return probed;
    const first = randomBelow(this.random, count);
    let second = randomBelow(this.random, count - 1);
    if (second >= first) second++;
    return this.cheaper(
      trackers[first] as LatencyTracker,
      trackers[second] as LatencyTracker,
      nowMs,
    );
  }

  private cheaper(a: LatencyTracker, b: LatencyTracker, nowMs: number): Host {
    let latencyA = a.expectedMs(nowMs);
    let latencyB = b.expectedMs(nowMs);
    if (latencyA < 0) latencyA = latencyB < 0 ? 1 : latencyB;
    if (latencyB < 0) latencyB = latencyA;
    const costA = (latencyA * (a.outstanding + 1)) / a.host.description.weight;
    const costB = (latencyB * (b.outstanding + 1)) / b.host.description.weight;
    return costB < costA ? b.host : a.host;
  }

  /** One host is looked at per request; null when none is tried now. */
  private probe(nowMs: number): Host | null {
    this.budget = Math.min(1, this.budget + this.probeShare);
    if (this.budget < 1) return null;
    this.cursor = this.cursor + 1 < this.trackers.length ? this.cursor + 1 : 0;
    const tracker = this.trackers[this.cursor] as LatencyTracker;
    if (!tracker.wantsProbe(nowMs)) return null;
    this.budget = 0;
    tracker.beginProbe();
    return tracker.host;
  }
}
