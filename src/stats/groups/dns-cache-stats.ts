/**
 * Stats of a DNS cache, `dns_cache.<name>.*`. Envoy: ALL_DNS_CACHE_STATS,
 * ALL_DNS_CACHE_CIRCUIT_BREAKERS_STATS (source/extensions/common/dynamic_forward_proxy).
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Each data plane has a cache of its own; what they count adds up. */
export class DnsCacheStats {
  /** Entries read from a key value store: none ever are. */
  readonly cacheLoad: Counter;
  readonly dnsQueryAttempt: Counter;
  readonly dnsQueryFailure: Counter;
  readonly dnsQuerySuccess: Counter;
  readonly dnsQueryTimeout: Counter;
  readonly dnsRqPendingOverflow: Counter;
  readonly hostAdded: Counter;
  readonly hostAddressChanged: Counter;
  readonly hostOverflow: Counter;
  readonly hostRemoved: Counter;
  readonly numHosts: Gauge;
  /** The limit is one for all data planes. */
  readonly rqPendingOpen: Gauge;
  readonly rqPendingRemaining: Gauge;

  constructor(scope: StatsScope) {
    this.cacheLoad = scope.counter("cache_load");
    this.dnsQueryAttempt = scope.counter("dns_query_attempt");
    this.dnsQueryFailure = scope.counter("dns_query_failure");
    this.dnsQuerySuccess = scope.counter("dns_query_success");
    this.dnsQueryTimeout = scope.counter("dns_query_timeout");
    this.dnsRqPendingOverflow = scope.counter("dns_rq_pending_overflow");
    this.hostAdded = scope.counter("host_added");
    this.hostAddressChanged = scope.counter("host_address_changed");
    this.hostOverflow = scope.counter("host_overflow");
    this.hostRemoved = scope.counter("host_removed");
    this.numHosts = scope.gauge("num_hosts");
    const breakers = scope.scope("circuit_breakers");
    this.rqPendingOpen = breakers.gauge("rq_pending_open", "max");
    this.rqPendingRemaining = breakers.gauge("rq_pending_remaining", "max");
  }
}

/** `scope` is `dns_cache.<name>`. */
export function createDnsCacheStats(scope: StatsScope): DnsCacheStats {
  return new DnsCacheStats(scope);
}
