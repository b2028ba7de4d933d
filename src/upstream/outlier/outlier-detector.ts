/**
 * Ejects the hosts of one cluster that do worse than they should, and lets them back. Any data
 * plane may find an outlier; decisions are taken one at a time over shared memory, so that limits
 * hold for the cluster; what happens once per interval is the leader's. Envoy: `DetectorImpl`
 * (source/common/upstream/outlier_detection_impl.cc).
 */
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { Dispatcher } from "../../platform/dispatcher.ts";
import { randomBelow } from "../../platform/random.ts";
import type { Timer, TimerOwner } from "../../platform/time.ts";
import type { OutlierDetectionStats } from "../../stats/groups/outlier-detection-stats.ts";
import {
  ClusterWord,
  decodeTime,
  encodeRate,
  encodeTime,
  type HealthSlot,
  HostFact,
  HostWord,
} from "../health-slots.ts";
import { HealthFlag } from "../host.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import { countDetected, countEnforced } from "./ejection-counts.ts";
import { EXTERNAL_ORIGIN, LOCAL_ORIGIN, type Origin, takeSample } from "./origin.ts";
import {
  type Detector,
  ENFORCING_KEYS,
  type OutlierConfig,
  type OutlierSettings,
  readOutlierSettings,
} from "./outlier-config.ts";
import type { OutlierEventLog } from "./outlier-event-log.ts";
import { OutlierMonitor, type OutlierMonitorOwner } from "./outlier-monitor.ts";
import { type HostSample, successRate, successRateThreshold } from "./success-rate.ts";

export interface OutlierServices {
  readonly dispatcher: Dispatcher;
  readonly runtime: RuntimeSnapshot;
  readonly stats: OutlierDetectionStats;
  /** The cluster's shared words. */
  readonly cluster: HealthSlot;
  /** Number of this data plane. */
  readonly dataPlane: number;
  readonly leader: boolean;
  /** Null when nobody reads of ejections. */
  readonly log: OutlierEventLog | null;
}

/** Success rates over the cluster for the admin page: percent, −1 = not known. */
export interface OutlierRates {
  readonly average: number;
  readonly threshold: number;
  readonly localAverage: number;
  readonly localThreshold: number;
}

type Sample = HostSample<OutlierMonitor>;

export class OutlierDetector implements OutlierMonitorOwner, TimerOwner {
  settings: OutlierSettings;
  private readonly config: OutlierConfig;
  private readonly services: OutlierServices;
  private readonly monitors = new Map<UpstreamHost, OutlierMonitor>();
  private readonly timer: Timer | null;

  constructor(config: OutlierConfig, services: OutlierServices) {
    this.config = config;
    this.services = services;
    this.settings = readOutlierSettings(config.settings, services.runtime);
    this.timer = services.leader ? services.dispatcher.create(this, 0) : null;
    this.timer?.arm(this.settings.intervalMs);
    this.show();
  }

  /** Hosts that came and went. A host that returns later starts anew. */
  updateHosts(added: readonly UpstreamHost[], removed: readonly UpstreamHost[]): void {
    for (const host of added) this.watch(host);
    for (const host of removed) this.forget(host);
    if (removed.length > 0) this.show();
  }

  /** Runtime values changed. */
  refresh(): void {
    this.settings = readOutlierSettings(this.config.settings, this.services.runtime);
  }

  /** Brings the gauge up to date: another data plane may have decided. */
  show(): void {
    this.services.stats.ejectionsActive.set(this.services.cluster.load(ClusterWord.Ejected));
  }

  rates(): OutlierRates {
    const { cluster } = this.services;
    const rate = (fact: number): number => encodeRate(cluster.fact(fact));
    return {
      average: rate(EXTERNAL_ORIGIN.averageFact),
      threshold: rate(EXTERNAL_ORIGIN.thresholdFact),
      localAverage: rate(LOCAL_ORIGIN.averageFact),
      localThreshold: rate(LOCAL_ORIGIN.thresholdFact),
    };
  }

  /** The cluster goes away. What is shared stays for others that still have it. */
  close(): void {
    this.timer?.close();
    for (const monitor of this.monitors.values()) monitor.removed = true;
    this.services.stats.ejectionsActive.set(0);
  }

  onFailuresInRow(monitor: OutlierMonitor, detector: Detector): void {
    this.decide(() => {
      if (isEjected(monitor)) return;
      countDetected(this.services.stats, detector);
      this.tryEject(monitor, detector);
      this.resetRow(monitor, detector);
    });
  }

  onActiveHealthCheckSuccess(monitor: OutlierMonitor): void {
    if (!this.config.successfulActiveHealthCheckUnejectHost || !isEjected(monitor)) return;
    this.decide(() => {
      if (isEjected(monitor)) this.uneject(monitor);
    });
  }

  /** One interval is over. */
  onTimer(): void {
    const nowMs = this.services.dispatcher.monotonicMs();
    const external: Sample[] = [];
    const local: Sample[] = [];
    for (const monitor of this.monitors.values()) {
      this.checkEjected(monitor, nowMs);
      external.push(takeSample(monitor, EXTERNAL_ORIGIN));
      local.push(takeSample(monitor, LOCAL_ORIGIN));
    }
    this.compareHosts(external, EXTERNAL_ORIGIN);
    this.compareHosts(local, LOCAL_ORIGIN);
    for (const monitor of this.monitors.values()) this.decayBackoff(monitor, nowMs);
    this.timer?.arm(this.settings.intervalMs);
  }

  private watch(host: UpstreamHost): void {
    const { health } = host;
    // Without a slot nothing is known of it: it is never ejected.
    if (health === null || !health.held) return;
    const { splitExternalLocalOriginErrors } = this.config;
    const monitor = new OutlierMonitor(this, host, health, splitExternalLocalOriginErrors);
    this.monitors.set(host, monitor);
    host.monitor = monitor;
  }

  private forget(host: UpstreamHost): void {
    const monitor = this.monitors.get(host);
    if (monitor === undefined) return;
    monitor.removed = true;
    this.monitors.delete(host);
    this.decide(() => {
      const { slot } = monitor;
      if (slot.exchange(HostWord.Ejected, 1, 0)) {
        this.services.cluster.add(ClusterWord.Ejected, -1);
        host.clearHealthFlag(HealthFlag.FailedOutlierCheck);
      }
      resetRows(slot);
      slot.clear(HostWord.Ejections);
      slot.clear(HostWord.EjectionBackoff);
      slot.setFact(HostFact.EjectedAtMs, 0);
      slot.setFact(HostFact.UnejectedAtMs, 0);
    });
  }

  private tryEject(monitor: OutlierMonitor, detector: Detector): void {
    const { stats, cluster, runtime, dispatcher, log } = this.services;
    const { maxEjectionPercent } = this.settings;
    const ejected = cluster.load(ClusterWord.Ejected);
    const percent = (100 * (ejected + 1)) / this.monitors.size;
    const first = this.config.alwaysEjectOneHost && ejected === 0;
    if (!first && percent > Math.min(100, maxEjectionPercent)) {
      stats.ejectionsOverflow.inc();
      return;
    }
    if (detector === "CONSECUTIVE_5XX" || detector === "SUCCESS_RATE") stats.ejectionsTotal.inc();
    const share = this.config.enforcing[detector];
    const random = dispatcher.random.uint32();
    const enforced = runtime.featureEnabled(ENFORCING_KEYS[detector], share, 100, random);
    if (enforced) this.eject(monitor, detector);
    log?.ejected(monitor, detector, enforced, cluster);
  }

  private eject(monitor: OutlierMonitor, detector: Detector): void {
    const { stats, cluster, dispatcher } = this.services;
    const { baseEjectionTimeMs, maxEjectionTimeMs, maxEjectionTimeJitterMs } = this.settings;
    const { slot, host } = monitor;
    slot.store(HostWord.Ejected, 1);
    cluster.add(ClusterWord.Ejected, 1);
    countEnforced(stats, detector);
    slot.add(HostWord.Ejections, 1);
    slot.setFact(HostFact.EjectedAtMs, encodeTime(dispatcher.monotonicMs()));
    const jitterMs = randomBelow(dispatcher.random, maxEjectionTimeJitterMs + 1);
    slot.setFact(HostFact.EjectionJitterMs, jitterMs);
    const backoff = slot.load(HostWord.EjectionBackoff);
    if (backoff * baseEjectionTimeMs < maxEjectionTimeMs + baseEjectionTimeMs) {
      slot.store(HostWord.EjectionBackoff, backoff + 1);
    }
    host.setHealthFlag(HealthFlag.FailedOutlierCheck);
    this.show();
  }

  private checkEjected(monitor: OutlierMonitor, nowMs: number): void {
    if (!isEjected(monitor)) return;
    this.decide(() => {
      const { slot } = monitor;
      const { baseEjectionTimeMs, maxEjectionTimeMs } = this.settings;
      const backoff = slot.load(HostWord.EjectionBackoff);
      const jitterMs = slot.fact(HostFact.EjectionJitterMs);
      const lastsMs = Math.min(baseEjectionTimeMs * backoff, maxEjectionTimeMs) + jitterMs;
      if (lastsMs <= nowMs - decodeTime(slot.fact(HostFact.EjectedAtMs))) this.uneject(monitor);
    });
  }

  private uneject(monitor: OutlierMonitor): void {
    const { cluster, dispatcher, log } = this.services;
    const { slot, host } = monitor;
    if (!slot.exchange(HostWord.Ejected, 1, 0)) return;
    cluster.add(ClusterWord.Ejected, -1);
    resetRows(slot);
    slot.setFact(HostFact.UnejectedAtMs, encodeTime(dispatcher.monotonicMs()));
    host.clearHealthFlag(HealthFlag.FailedOutlierCheck);
    this.show();
    log?.unejected(monitor);
  }

  /** Who has been back for an interval is trusted a little more. */
  private decayBackoff(monitor: OutlierMonitor, nowMs: number): void {
    const { slot } = monitor;
    const returned = slot.fact(HostFact.UnejectedAtMs);
    if (returned === 0 || isEjected(monitor)) return;
    if (nowMs - decodeTime(returned) < this.settings.intervalMs) return;
    const backoff = slot.load(HostWord.EjectionBackoff);
    if (backoff > 0) slot.exchange(HostWord.EjectionBackoff, backoff, backoff - 1);
  }

  /** Looks for hosts that did worse than the others in the last interval. */
  private compareHosts(samples: readonly Sample[], origin: Origin): void {
    const { settings } = this;
    const { cluster } = this.services;
    cluster.setFact(origin.averageFact, encodeRate(-1));
    cluster.setFact(origin.thresholdFact, encodeRate(-1));
    for (const { host } of samples) host.slot.setFact(origin.rateFact, encodeRate(-1));
    const hosts = this.monitors.size;
    const { successRateMinimumHosts, failurePercentageMinimumHosts } = settings;
    if (hosts < successRateMinimumHosts && hosts < failurePercentageMinimumHosts) return;
    const { successRateRequestVolume, failurePercentageRequestVolume } = settings;
    const volume = Math.min(successRateRequestVolume, failurePercentageRequestVolume);
    const rated = samples.filter(({ host, total }) => total > 0 && !isEjected(host));
    for (const sample of rated) {
      if (sample.total < volume) continue;
      sample.host.slot.setFact(origin.rateFact, encodeRate(successRate(sample)));
    }
    this.checkSuccessRates(
      rated.filter(({ total }) => total >= successRateRequestVolume),
      origin,
    );
    this.checkFailures(
      rated.filter(({ total }) => total >= failurePercentageRequestVolume),
      origin,
    );
  }

  private checkSuccessRates(samples: readonly Sample[], origin: Origin): void {
    const { cluster, stats } = this.services;
    const { successRateMinimumHosts, successRateStdevFactor } = this.settings;
    const rates = samples.map(successRate);
    const limit = successRateThreshold(rates, successRateMinimumHosts, successRateStdevFactor);
    if (limit === null) return;
    cluster.setFact(origin.averageFact, encodeRate(limit.average));
    cluster.setFact(origin.thresholdFact, encodeRate(limit.threshold));
    for (const sample of samples) {
      if (successRate(sample) >= limit.threshold) continue;
      stats.ejectionsSuccessRate.inc();
      this.found(sample.host, origin.successRate);
    }
  }

  private checkFailures(samples: readonly Sample[], origin: Origin): void {
    const { failurePercentageMinimumHosts, failurePercentageThreshold } = this.settings;
    if (samples.length < failurePercentageMinimumHosts) return;
    for (const sample of samples) {
      if (100 - successRate(sample) < failurePercentageThreshold) continue;
      this.found(sample.host, origin.failurePercentage);
    }
  }

  /** A host that another detector has just ejected is only counted. */
  private found(monitor: OutlierMonitor, detector: Detector): void {
    this.decide(() => {
      countDetected(this.services.stats, detector);
      if (!isEjected(monitor)) this.tryEject(monitor, detector);
    });
  }

  /** Counted anew, whether or not the host was ejected for it. */
  private resetRow({ slot }: OutlierMonitor, detector: Detector): void {
    if (detector === "CONSECUTIVE_5XX") {
      this.services.stats.ejectionsConsecutive5xx.inc();
      slot.clear(HostWord.Consecutive5xx);
    } else if (detector === "CONSECUTIVE_GATEWAY_FAILURE") {
      slot.clear(HostWord.ConsecutiveGatewayFailure);
    } else {
      slot.clear(HostWord.ConsecutiveLocalOriginFailure);
    }
  }

  /**
   * One decision at a time in the whole process: a few hundred instructions, and rare. Nothing
   * inside may decide again.
   */
  private decide(decision: () => void): void {
    const { cluster, dataPlane } = this.services;
    while (!cluster.exchange(ClusterWord.Decider, 0, dataPlane + 1));
    try {
      decision();
    } finally {
      cluster.store(ClusterWord.Decider, 0);
    }
  }
}

function isEjected({ slot }: OutlierMonitor): boolean {
  return slot.load(HostWord.Ejected) === 1;
}

function resetRows(slot: HealthSlot): void {
  slot.clear(HostWord.Consecutive5xx);
  slot.clear(HostWord.ConsecutiveGatewayFailure);
  slot.clear(HostWord.ConsecutiveLocalOriginFailure);
}
