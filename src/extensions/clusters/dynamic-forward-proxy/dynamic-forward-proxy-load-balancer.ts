// hot: per request
/**
 * The host of the name that a request asks for: from filter state, the Host header or SNI. Envoy:
 * `DynamicForwardProxy::Cluster::LoadBalancer`.
 */
import { coarseHealth, type Host } from "../../../upstream/host.ts";
import type {
  ClusterLoadBalancer,
  HostCallback,
  LoadBalancerContext,
} from "../../../upstream/load-balancer.ts";
import type { CachedHost, HostWaiter } from "../../common/dynamic-forward-proxy/cached-host.ts";
import {
  DEFAULT_PORT,
  type DnsCache,
  hostKey,
} from "../../common/dynamic-forward-proxy/dns-cache.ts";
import { dynamicHost, dynamicPort } from "../../common/dynamic-forward-proxy/dynamic-target.ts";

interface Entry {
  readonly cached: CachedHost;
  readonly host: Host;
}

export class DynamicForwardProxyLoadBalancer implements ClusterLoadBalancer {
  private readonly cache: DnsCache;
  private readonly entries = new Map<string, Entry>();

  constructor(cache: DnsCache) {
    this.cache = cache;
  }

  update(): void {
    // Hosts come with the names only.
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    const key = askedKey(context);
    return key === "" ? null : this.usable(key);
  }

  /** No filter has looked the name up: then this cluster does. */
  awaitHost(context: LoadBalancerContext, callback: HostCallback): (() => void) | null {
    const key = askedKey(context);
    if (key === "" || this.entries.has(key)) return null;
    const cached = this.cache.load(key, portOf(context));
    if (cached === null) return null;
    const waiter: HostWaiter = {
      onHostResolved: ({ details }) => callback(this.usable(key), details),
    };
    if (cached.resolved) waiter.onHostResolved(cached);
    else cached.waiters.add(waiter);
    return () => void cached.waiters.delete(waiter);
  }

  private usable(key: string): Host | null {
    const entry = this.entries.get(key);
    if (entry === undefined) return null;
    if (coarseHealth(entry.host.healthFlags()) === "unhealthy") return null;
    entry.cached.touch();
    return entry.host;
  }

  /** Null while the name has no address. */
  hostOf(key: string): Host | null {
    return this.entries.get(key)?.host ?? null;
  }

  add(cached: CachedHost, host: Host): void {
    this.entries.set(cached.key, { cached, host });
  }

  /** Returns the host that was there. */
  remove(key: string): Host | null {
    const host = this.hostOf(key);
    this.entries.delete(key);
    return host;
  }
}

function portOf({ streamInfo }: LoadBalancerContext): number {
  return streamInfo === null ? DEFAULT_PORT : dynamicPort(streamInfo);
}

/** "" when the request names no host. */
function askedKey(context: LoadBalancerContext): string {
  return hostKey(askedName(context) ?? "", portOf(context));
}

function askedName(context: LoadBalancerContext): string | undefined {
  const { streamInfo } = context;
  const dynamic = streamInfo === null ? undefined : dynamicHost(streamInfo);
  if (dynamic !== undefined) return dynamic;
  const { requestHeaders } = context;
  return requestHeaders === null
    ? streamInfo?.connection.requestedServerName
    : requestHeaders.authority;
}
