/**
 * The active health of one host: thresholds, flags, counters, events, and when the next check is
 * due. Envoy: `HealthCheckerImplBase::ActiveHealthCheckSession`
 * (source/extensions/health_checkers/common/health_checker_base_impl.cc).
 */
import type { SocketAddress } from "../../platform/sockets.ts";
import type { Timer, TimerOwner } from "../../platform/time.ts";
import type { ClusterInfo } from "../cluster.ts";
import { type HealthSlot, HostFact, HostWord } from "../health-slots.ts";
import { type HealthCheckMonitor, HealthFlag, type HostDescription } from "../host.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import { CheckState } from "./check-state.ts";
import type { HealthCheckConfig } from "./health-check-config.ts";
import type { HealthTransition } from "./health-check-interval.ts";
import type { HealthEventDetail } from "./health-events.ts";
import type {
  HealthFailure,
  HealthProbe,
  HealthProbeListener,
  HealthProbeServices,
  HealthProbeTarget,
} from "./health-probe.ts";

/** What a session asks of the health checker of its cluster. */
export interface HealthCheckSessionOwner {
  readonly config: HealthCheckConfig;
  readonly cluster: ClusterInfo;
  readonly probeServices: HealthProbeServices;
  nextDelayMs(success: boolean, transition: HealthTransition): number;
  initialDelayMs(): number;
  log(host: HostDescription, detail: HealthEventDetail): void;
  /** A check ended; may close the session. */
  onHostChecked(host: UpstreamHost, transition: HealthTransition): void;
}

export class HealthCheckSession
  implements TimerOwner, HealthProbeListener, HealthProbeTarget, HealthCheckMonitor
{
  readonly host: UpstreamHost;
  readonly cluster: ClusterInfo;
  /** Survives this data plane: its successor goes on from here. */
  private readonly slot: HealthSlot;
  private readonly owner: HealthCheckSessionOwner;
  private readonly probe: HealthProbe;
  /** Waits for the next check, or for the end of the one under way. */
  private readonly timer: Timer;
  private checking = false;
  private closed = false;
  /** Our own view; the host's flags are its publication. */
  private healthy: boolean;
  private degraded: boolean;

  constructor(owner: HealthCheckSessionOwner, host: UpstreamHost, slot: HealthSlot) {
    this.owner = owner;
    this.host = host;
    this.slot = slot;
    this.cluster = owner.cluster;
    const flags = host.healthFlags();
    this.healthy = (flags & HealthFlag.FailedActiveHealthCheck) === 0;
    this.degraded = (flags & HealthFlag.DegradedActiveHealthCheck) !== 0;
    const { stats } = owner.probeServices;
    if (this.healthy) stats.healthy.inc();
    if (this.degraded) stats.degraded.inc();
    this.timer = owner.probeServices.dispatcher.create(this, 0);
    this.probe = owner.config.probe.create(this, owner.probeServices, this);
  }

  get description(): HostDescription {
    return this.host.description;
  }

  address(): SocketAddress {
    const { address, healthCheck } = this.host.description;
    return healthCheck?.address ?? address;
  }

  hostname(): string {
    return this.host.description.healthCheck?.hostname ?? "";
  }

  start(): void {
    const delayMs = this.owner.initialDelayMs();
    if (delayMs > 0) this.timer.arm(delayMs);
    else this.check();
  }

  /** The host or its cluster goes away. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.timer.close();
    this.probe.close();
    const { stats } = this.owner.probeServices;
    if (this.healthy) stats.healthy.dec();
    if (this.degraded) stats.degraded.dec();
  }

  onTimer(): void {
    this.takeReport();
    if (this.closed) return;
    if (!this.checking) {
      this.check();
      return;
    }
    this.probe.giveUp();
    this.fail("NETWORK_TIMEOUT", false);
  }

  onCheckPassed(degraded: boolean): void {
    this.takeReport();
    if (this.closed) return;
    this.slot.store(HostWord.CheckFailures, 0);
    const transition = this.markDegraded(degraded, this.recover());
    this.owner.probeServices.stats.success.inc();
    if (this.healthy) this.host.monitor?.onActiveHealthCheckSuccess();
    this.finish(true, transition);
  }

  onCheckFailed(failure: "ACTIVE" | "NETWORK", retriable: boolean): void {
    this.takeReport();
    if (!this.closed) this.fail(failure, retriable);
  }

  onImmediateFail(): void {
    this.host.setHealthFlag(HealthFlag.ExcludedByImmediateHealthCheckFail);
  }

  /** A response to ordinary traffic said that the host must get no more. */
  onImmediateHealthCheckFail(): void {
    if (this.closed) return;
    this.onImmediateFail();
    this.owner.onHostChecked(this.host, this.worsen("PASSIVE", false));
  }

  /** Takes over what another data plane was told by the host. */
  takeReport(): void {
    const { Checked, Reported } = CheckState;
    if (this.closed || !this.slot.exchange(HostWord.CheckState, Reported, Checked)) return;
    this.owner.onHostChecked(this.host, this.worsen("PASSIVE", false));
  }

  private check(): void {
    this.checking = true;
    this.timer.arm(this.owner.config.timeoutMs);
    this.owner.probeServices.stats.attempt.inc();
    this.probe.check();
  }

  private fail(failure: HealthFailure, retriable: boolean): void {
    this.finish(false, this.worsen(failure, retriable));
  }

  private finish(success: boolean, transition: HealthTransition): void {
    this.checking = false;
    this.timer.arm(this.owner.nextDelayMs(success, transition));
    this.owner.onHostChecked(this.host, transition);
  }

  /** A success towards health. */
  private recover(): HealthTransition {
    const { owner, host } = this;
    const firstCheck = this.isFirstCheck();
    let transition: HealthTransition = "unchanged";
    if (!this.healthy) {
      const successes = this.slot.add(HostWord.CheckSuccesses, 1);
      if (firstCheck || successes === owner.config.healthyThreshold) {
        this.becomeHealthy();
        transition = "changed";
        owner.log(host.description, { kind: "add_healthy", firstCheck });
      } else {
        transition = "pending";
      }
      this.slot.setFact(HostFact.CheckChangedAtMs, owner.probeServices.dispatcher.monotonicMs());
    }
    if (transition !== "changed" && owner.config.alwaysLogSuccess) {
      owner.log(host.description, { kind: "success" });
    }
    return this.markChecked(transition);
  }

  private becomeHealthy(): void {
    this.healthy = true;
    this.host.clearHealthFlag(
      HealthFlag.FailedActiveHealthCheck |
        HealthFlag.ActiveHealthCheckTimeout |
        HealthFlag.ExcludedByImmediateHealthCheckFail,
    );
    this.owner.probeServices.stats.healthy.inc();
  }

  private markDegraded(degraded: boolean, transition: HealthTransition): HealthTransition {
    if (degraded === this.degraded) return transition;
    const { host, owner } = this;
    this.degraded = degraded;
    if (degraded) {
      host.setHealthFlag(HealthFlag.DegradedActiveHealthCheck);
      owner.probeServices.stats.degraded.inc();
      owner.log(host.description, { kind: "degraded" });
    } else {
      host.clearHealthFlag(HealthFlag.DegradedActiveHealthCheck);
      owner.probeServices.stats.degraded.dec();
      owner.log(host.description, { kind: "no_longer_degraded" });
    }
    return transition === "unchanged" ? "changed" : transition;
  }

  /** A failure towards being unhealthy. */
  private worsen(failure: HealthFailure, retriable: boolean): HealthTransition {
    const { host, owner } = this;
    const firstCheck = this.isFirstCheck();
    const network = failure === "NETWORK" || failure === "NETWORK_TIMEOUT";
    this.slot.store(HostWord.CheckSuccesses, 0);
    let transition: HealthTransition = "unchanged";
    if (this.healthy) transition = this.loseHealth(failure, network || retriable);
    if (failure === "NETWORK_TIMEOUT" && !this.healthy) {
      host.setHealthFlag(HealthFlag.ActiveHealthCheckTimeout);
    } else {
      host.clearHealthFlag(HealthFlag.ActiveHealthCheckTimeout);
    }
    transition = this.markChecked(transition);
    if (firstCheck || owner.config.alwaysLogFailures) {
      owner.log(host.description, { kind: "failure", failure, firstCheck });
    }
    const { stats } = owner.probeServices;
    stats.failure.inc();
    if (network) stats.networkFailure.inc();
    else if (failure === "PASSIVE") stats.passiveFailure.inc();
    return transition;
  }

  private loseHealth(failure: HealthFailure, tolerated: boolean): HealthTransition {
    const { owner, host } = this;
    if (tolerated) {
      const failures = this.slot.add(HostWord.CheckFailures, 1);
      if (failures !== owner.config.unhealthyThreshold) return "pending";
    }
    this.healthy = false;
    host.setHealthFlag(HealthFlag.FailedActiveHealthCheck);
    owner.probeServices.stats.healthy.dec();
    owner.log(host.description, { kind: "eject_unhealthy", failure });
    return "changed";
  }

  private isFirstCheck(): boolean {
    return this.slot.load(HostWord.CheckState) < CheckState.Checked;
  }

  /** The host's first result takes it out of the excluded ones, whatever the result. */
  private markChecked(transition: HealthTransition): HealthTransition {
    if (this.isFirstCheck()) this.slot.store(HostWord.CheckState, CheckState.Checked);
    const waited = this.host.healthFlags() & HealthFlag.PendingActiveHealthCheck;
    if (waited === 0) return transition;
    this.host.clearHealthFlag(HealthFlag.PendingActiveHealthCheck);
    return "changed";
  }
}
