/**
 * Names that requests asked for, each with its addresses of today. Filter and cluster share it by
 * name; each data plane has its own, the limit of waiting requests is one for all. Envoy:
 * `DnsCacheImpl` (source/extensions/common/dynamic_forward_proxy/dns_cache_impl.cc).
 */
import { portStart } from "../../../codec/authority.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { DnsResolver } from "../../../platform/dns.ts";
import { createDnsCacheStats, type DnsCacheStats } from "../../../stats/groups/dns-cache-stats.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import type { LimiterSlots, SharedCount } from "../../../upstream/limiter-slots.ts";
import { CachedHost, type CachedHostOwner, type CachedHostServices } from "./cached-host.ts";
import type { DnsCacheConfig } from "./dns-cache-config.ts";

/** Told of every host with addresses. */
export interface DnsCacheListener {
  /** New, or at other addresses. */
  onHostAddresses(host: CachedHost): void;
  onHostRemoved(host: CachedHost): void;
}

/** What a cache needs of its data plane. */
export interface DnsCacheServices {
  readonly dispatcher: Dispatcher;
  readonly dns: DnsResolver;
  /** Root of all stat names. */
  readonly stats: StatsScope;
  readonly limiters: LimiterSlots;
}

/** Of names without a port; nothing speaks TLS to hosts yet. */
export const DEFAULT_PORT = 80;

/** `name:port`: what identifies a host. */
export function hostKey(authority: string, defaultPort: number): string {
  return authority === "" || portOf(authority) >= 0 ? authority : `${authority}:${defaultPort}`;
}

export class DnsCache implements CachedHostOwner {
  readonly config: DnsCacheConfig;
  readonly stats: DnsCacheStats;
  private readonly hosts = new Map<string, CachedHost>();
  private readonly listeners = new Set<DnsCacheListener>();
  private readonly hostServices: CachedHostServices;
  private readonly scope: StatsScope;
  /** Requests that wait for an answer, over all data planes. */
  private readonly pending: SharedCount;

  constructor(config: DnsCacheConfig, services: DnsCacheServices) {
    this.config = config;
    this.scope = services.stats.scope(`dns_cache.${config.name}`);
    this.stats = createDnsCacheStats(this.scope);
    this.pending = services.limiters.count(this.scope.prefix);
    this.showPending();
    const { dispatcher, dns } = services;
    this.hostServices = {
      config,
      dispatcher,
      dns: config.servers.length === 0 ? dns : dns.withServers(config.servers),
      stats: this.stats,
    };
    for (const { host, port } of config.preresolve) this.load(hostKey(host, port), port);
  }

  /** One more request may wait; false when there are too many. `endRequest` must follow. */
  beginRequest(): boolean {
    if (!this.pending.tryAcquire(this.config.maxPendingRequests)) {
      this.stats.dnsRqPendingOverflow.inc();
      return false;
    }
    this.showPending();
    return true;
  }

  endRequest(): void {
    this.pending.release();
    this.showPending();
  }

  /** The host, asking for it when it is new; null when the cache is full. */
  load(key: string, defaultPort: number): CachedHost | null {
    const known = this.hosts.get(key);
    if (known !== undefined && !this.mustAskAgain(known)) return known;
    if (known !== undefined) {
      this.remove(known);
    } else if (this.hosts.size >= this.config.maxHosts) {
      this.stats.hostOverflow.inc();
      return null;
    }
    const host = new CachedHost(key, splitKey(key, defaultPort), this.hostServices, this);
    this.hosts.set(key, host);
    this.stats.hostAdded.inc();
    this.stats.numHosts.inc();
    host.resolve();
    return host;
  }

  /** The listener hears at once of every host that has addresses. */
  listen(listener: DnsCacheListener): void {
    this.listeners.add(listener);
    for (const host of this.hosts.values()) {
      if (host.addresses.length > 0) listener.onHostAddresses(host);
    }
  }

  unlisten(listener: DnsCacheListener): void {
    this.listeners.delete(listener);
  }

  /** Nobody uses it any more. */
  close(): void {
    for (const host of this.hosts.values()) host.close();
    this.stats.numHosts.sub(this.hosts.size);
    this.hosts.clear();
    this.pending.close();
    this.scope.release();
  }

  onAddressesChanged(host: CachedHost): void {
    for (const listener of this.listeners) listener.onHostAddresses(host);
  }

  onExpired(host: CachedHost): void {
    this.remove(host);
  }

  private showPending(): void {
    const { maxPendingRequests } = this.config;
    const left = Math.max(0, maxPendingRequests - this.pending.value);
    // Envoy shows no limit of 0 as reached.
    this.stats.rqPendingOpen.set(left === 0 && maxPendingRequests > 0 ? 1 : 0);
    this.stats.rqPendingRemaining.set(left);
  }

  private mustAskAgain(host: CachedHost): boolean {
    return !this.config.refreshesAfterFailure && host.resolved && host.addresses.length === 0;
  }

  private remove(host: CachedHost): void {
    host.close();
    this.hosts.delete(host.key);
    this.stats.hostRemoved.inc();
    this.stats.numHosts.dec();
    if (host.addresses.length === 0) return;
    for (const listener of this.listeners) listener.onHostRemoved(host);
  }
}

/** −1 when there is none. */
function portOf(authority: string): number {
  const colon = portStart(authority);
  const digits = colon < 0 ? "" : authority.slice(colon + 1);
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 65535 ? Number(digits) : -1;
}

function splitKey(key: string, defaultPort: number): { name: string; port: number } {
  const port = portOf(key);
  const host = port < 0 ? key : key.slice(0, portStart(key));
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return { name: bare, port: port < 0 ? defaultPort : port };
}
