/**
 * One name in a DNS cache: resolved again and again until nobody has used it for a while. Envoy:
 * `DnsCacheImpl::PrimaryHostInfo`, `DnsHostInfo`.
 */
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { DnsAnswer, DnsResolver } from "../../../platform/dns.ts";
import { formatSocketAddress, type SocketAddress } from "../../../platform/sockets.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { DnsCacheStats } from "../../../stats/groups/dns-cache-stats.ts";
import { FailureBackOff } from "../dns/failure-back-off.ts";
import { resolveFamilies } from "../dns/lookup-family.ts";
import type { DnsCacheConfig } from "./dns-cache-config.ts";

const REFRESH = 0;
const QUERY_TIMEOUT = 1;

/** What a host needs of its cache. */
export interface CachedHostServices {
  readonly config: DnsCacheConfig;
  readonly dispatcher: Dispatcher;
  readonly dns: DnsResolver;
  readonly stats: DnsCacheStats;
}

/** Told by a host; the cache implements it. */
export interface CachedHostOwner {
  onAddressesChanged(host: CachedHost): void;
  /** Its time to live is over. */
  onExpired(host: CachedHost): void;
}

/** A request that waits for the first answer. */
export interface HostWaiter {
  /** Once; the host has addresses or says in `details` why not. */
  onHostResolved(host: CachedHost): void;
}

export class CachedHost implements TimerOwner {
  /** `name:port`, as requests ask for it. */
  readonly key: string;
  /** What is asked of DNS. */
  readonly name: string;
  readonly port: number;
  /** Empty until the first answer with addresses; a later failure keeps them. */
  addresses: readonly SocketAddress[] = [];
  /** Why there are no addresses: `dns_resolution_failure{…}`. */
  details = "";
  /** The first attempt is over, well or not. */
  resolved = false;
  lastUsedMs: number;
  readonly waiters: Set<HostWaiter> = new Set();
  private readonly services: CachedHostServices;
  private readonly owner: CachedHostOwner;
  private readonly failures: FailureBackOff;
  private readonly refreshTimer: Timer;
  private readonly timeoutTimer: Timer;
  /** Answers to earlier questions come too late. */
  private question = 0;
  private closed = false;

  constructor(
    key: string,
    target: { readonly name: string; readonly port: number },
    services: CachedHostServices,
    owner: CachedHostOwner,
  ) {
    this.key = key;
    this.name = target.name;
    this.port = target.port;
    this.services = services;
    this.owner = owner;
    const { config, dispatcher } = services;
    this.lastUsedMs = dispatcher.monotonicMs();
    this.refreshTimer = dispatcher.create(this, REFRESH);
    this.timeoutTimer = dispatcher.create(this, QUERY_TIMEOUT);
    this.failures = new FailureBackOff(
      config.failureRefreshRate,
      config.refreshRateMs,
      dispatcher.random,
    );
  }

  /** A request uses it: its time to live begins anew. */
  touch(): void {
    this.lastUsedMs = this.services.dispatcher.nowMs;
  }

  resolve(): void {
    const { config, dispatcher, dns, stats } = this.services;
    stats.dnsQueryAttempt.inc();
    if (config.queryTimeoutMs > 0) this.timeoutTimer.arm(config.queryTimeoutMs);
    const question = ++this.question;
    resolveFamilies(dns, this.name, config.family, (answer) => {
      dispatcher.runEvent(() => {
        if (question === this.question && !this.closed) this.onAnswer(answer);
      });
    });
  }

  close(): void {
    this.closed = true;
    this.refreshTimer.close();
    this.timeoutTimer.close();
  }

  onTimer(kind: number): void {
    const { config, dispatcher, stats } = this.services;
    if (kind === QUERY_TIMEOUT) {
      stats.dnsQueryTimeout.inc();
      this.question++;
      this.onFailure("resolve_timeout");
    } else if (dispatcher.monotonicMs() - this.lastUsedMs > config.hostTtlMs) {
      this.owner.onExpired(this);
    } else {
      this.resolve();
    }
  }

  private onAnswer(answer: DnsAnswer): void {
    if (answer.kind === "failure") this.onFailure(`cares_failure:${failureText(answer.code)}`);
    else this.onSuccess(answer);
  }

  private onFailure(details: string): void {
    const { config, stats } = this.services;
    this.timeoutTimer.disarm();
    stats.dnsQueryFailure.inc();
    this.settle(details);
    if (config.refreshesAfterFailure && !this.closed) this.refreshTimer.arm(this.failures.nextMs());
  }

  private onSuccess(answer: DnsAnswer): void {
    const { config, stats } = this.services;
    this.timeoutTimer.disarm();
    stats.dnsQuerySuccess.inc();
    this.failures.reset();
    const found = answer.kind === "resolved" ? answer.addresses : [];
    const ttlMs = found[0]?.ttlMs;
    const addresses = found.map(({ ip }): SocketAddress => ({ ip, port: this.port }));
    if (addresses.length > 0 && !sameAddresses(addresses, this.addresses)) {
      this.addresses = addresses;
      this.details = "";
      stats.hostAddressChanged.inc();
      this.owner.onAddressesChanged(this);
    }
    this.settle("cares_norecords:Domain_name_not_found");
    if (this.closed) return;
    const waitMs =
      ttlMs === undefined ? config.refreshRateMs : Math.max(config.minRefreshRateMs, ttlMs);
    this.refreshTimer.arm(waitMs);
  }

  /** `details` count only while there is no address. */
  private settle(details: string): void {
    this.resolved = true;
    if (this.addresses.length === 0) this.details = `dns_resolution_failure{${details}}`;
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const waiter of waiters) waiter.onHostResolved(this);
  }
}

function sameAddresses(a: readonly SocketAddress[], b: readonly SocketAddress[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => formatSocketAddress(one) === formatSocketAddress(b[index]!))
  );
}

/** The words of c-ares (`ares_strerror`), without spaces; other codes as they are. */
const FAILURES: Readonly<Record<string, string>> = {
  EBADNAME: "Misformatted_domain_name",
  ECONNREFUSED: "Could_not_contact_DNS_servers",
  EFORMERR: "DNS_server_claims_query_was_misformatted",
  ENOTIMP: "DNS_server_does_not_implement_requested_operation",
  EREFUSED: "DNS_server_refused_query",
  ESERVFAIL: "DNS_server_returned_general_failure",
  ETIMEOUT: "Timeout_while_contacting_DNS_servers",
};

function failureText(code: string): string {
  return FAILURES[code] ?? code;
}
