/**
 * Resolves one name again and again: by refresh rate, TTL and jitter after a success, by back-off
 * after a failure. Envoy: `StrictDnsClusterImpl::ResolveTarget`, `LogicalDnsCluster::startResolve`.
 */
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { DnsAnswer, DnsFamily, DnsResolver, ResolvedAddress } from "../../../platform/dns.ts";
import { randomBelow } from "../../../platform/random.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { ClusterMembershipStats } from "../../../stats/groups/cluster-membership-stats.ts";
import type { DnsSettings, LookupFamily } from "./dns-settings.ts";

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
  private failureMs: number;
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
    this.failureMs = settings.failureRefreshRate?.baseMs ?? 0;
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
      waitMs = this.nextFailureMs();
    } else {
      stats.updateSuccess.inc();
      const addresses = answer.kind === "resolved" ? answer.addresses : [];
      this.failureMs = this.settings.failureRefreshRate?.baseMs ?? 0;
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

  /** Envoy: `JitteredExponentialBackOffStrategy`. */
  private nextFailureMs(): number {
    const rate = this.settings.failureRefreshRate;
    if (rate === null) return this.settings.refreshRateMs;
    const intervalMs = this.failureMs;
    this.failureMs = Math.min(intervalMs * 2, rate.maxMs);
    return randomBelow(this.services.dispatcher.random, intervalMs);
  }
}

/** One answer out of up to two questions. */
export function resolveFamilies(
  dns: DnsResolver,
  name: string,
  family: LookupFamily,
  callback: (answer: DnsAnswer) => void,
): void {
  switch (family) {
    case "V4_ONLY":
      dns.resolve(name, "v4", callback);
      break;
    case "V6_ONLY":
      dns.resolve(name, "v6", callback);
      break;
    case "AUTO":
      resolveInTurn(dns, name, ["v6", "v4"], callback);
      break;
    case "V4_PREFERRED":
      resolveInTurn(dns, name, ["v4", "v6"], callback);
      break;
    case "ALL":
      resolveBoth(dns, name, callback);
      break;
  }
}

/** The second family is asked only when the first gives no address. */
function resolveInTurn(
  dns: DnsResolver,
  name: string,
  families: readonly [DnsFamily, DnsFamily],
  callback: (answer: DnsAnswer) => void,
): void {
  dns.resolve(name, families[0], (first) => {
    if (first.kind === "resolved") callback(first);
    else dns.resolve(name, families[1], callback);
  });
}

/**
 * Addresses of both families, alternating from IPv6 (RFC 8305 §4); a failure only when both fail.
 */
function resolveBoth(dns: DnsResolver, name: string, callback: (answer: DnsAnswer) => void): void {
  dns.resolve(name, "v6", (v6) => {
    dns.resolve(name, "v4", (v4) => {
      const addresses = alternate(addressesOf(v6), addressesOf(v4));
      if (addresses.length > 0) callback({ kind: "resolved", addresses });
      else callback(v4.kind === "failure" ? v4 : v6);
    });
  });
}

function addressesOf(answer: DnsAnswer): readonly ResolvedAddress[] {
  return answer.kind === "resolved" ? answer.addresses : [];
}

function alternate(
  first: readonly ResolvedAddress[],
  second: readonly ResolvedAddress[],
): ResolvedAddress[] {
  const all: ResolvedAddress[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const a = first[index];
    const b = second[index];
    if (a !== undefined) all.push(a);
    if (b !== undefined) all.push(b);
  }
  return all;
}
