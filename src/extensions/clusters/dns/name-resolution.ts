/**
 * Resolves one name again and again: by refresh rate, TTL and jitter after a success, by back-off
 * after a failure. Envoy: `StrictDnsClusterImpl::ResolveTarget`, `LogicalDnsCluster::startResolve`.
 */
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { DnsAnswer, DnsResolver, ResolvedAddress } from "../../../platform/dns.ts";
import { randomBelow } from "../../../platform/random.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { ClusterMembershipStats } from "../../../stats/groups/cluster-membership-stats.ts";
import { FailureBackOff } from "../../common/dns/failure-back-off.ts";
import { resolveFamilies } from "../../common/dns/lookup-family.ts";
import type { DnsSettings } from "./dns-settings.ts";

export interface NameResolutionServices {
  readonly dispatcher: Dispatcher;
  readonly dns: DnsResolver;
  readonly stats: ClusterMembershipStats;
}

export interface NameResolutionListener {
  /** An answer; the name may exist without any address. */
  onAddresses(ips: readonly string[]): void;
  /** The first attempt ended, well or not; and every later one. */
  onAttemptDone(): void;
}

export class NameResolution implements TimerOwner {
  private readonly name: string;
  private readonly settings: DnsSettings;
  private readonly services: NameResolutionServices;
  private readonly dns: DnsResolver;
  private readonly listener: NameResolutionListener;
  private readonly timer: Timer;
  private readonly failures: FailureBackOff;
  private closed = false;

  constructor(
    name: string,
    settings: DnsSettings,
    services: NameResolutionServices,
    listener: NameResolutionListener,
  ) {
    this.name = name;
    this.settings = settings;
    this.services = services;
    this.listener = listener;
    this.dns =
      settings.servers.length === 0 ? services.dns : services.dns.withServers(settings.servers);
    this.timer = services.dispatcher.create(this, 0);
    this.failures = new FailureBackOff(
      settings.failureRefreshRate,
      settings.refreshRateMs,
      services.dispatcher.random,
    );
  }

  resolve(): void {
    this.services.stats.updateAttempt.inc();
    resolveFamilies(this.dns, this.name, this.settings.family, (answer) => {
      this.services.dispatcher.runEvent(() => this.onAnswer(answer));
    });
  }

  close(): void {
    this.closed = true;
    this.timer.close();
  }

  onTimer(): void {
    this.resolve();
  }

  private onAnswer(answer: DnsAnswer): void {
    if (this.closed) return;
    const { stats } = this.services;
    let waitMs: number;
    if (answer.kind === "failure") {
      stats.updateFailure.inc();
      waitMs = this.failures.nextMs();
    } else {
      stats.updateSuccess.inc();
      const addresses = answer.kind === "resolved" ? answer.addresses : [];
      this.failures.reset();
      waitMs = this.nextRefreshMs(addresses);
      this.listener.onAddresses(addresses.map((one) => one.ip));
    }
    this.listener.onAttemptDone();
    if (!this.closed) this.timer.arm(waitMs);
  }

  private nextRefreshMs(addresses: readonly ResolvedAddress[]): number {
    const { refreshRateMs, respectTtl, jitterMs } = this.settings;
    let waitMs = refreshRateMs;
    if (respectTtl && addresses.length > 0) {
      const ttlMs = Math.min(...addresses.map((one) => one.ttlMs));
      if (ttlMs > 0) waitMs = ttlMs;
    }
    return jitterMs > 0 ? waitMs + randomBelow(this.services.dispatcher.random, jitterMs) : waitMs;
  }
}
