// hot: per request
/**
 * The host of the name that a request asks for: from filter state, the Host header or SNI. Envoy:
 * `DynamicForwardProxy::Cluster::LoadBalancer`.
 */
import type { StreamInfo } from "../../../network/stream-info.ts";
import { coarseHealth, type Host } from "../../../upstream/host.ts";
import type { ClusterLoadBalancer, LoadBalancerContext } from "../../../upstream/load-balancer.ts";
import type { CachedHost } from "../../common/dynamic-forward-proxy/cached-host.ts";
import { DEFAULT_PORT, hostKey } from "../../common/dynamic-forward-proxy/dns-cache.ts";
import { dynamicHost, dynamicPort } from "../../common/dynamic-forward-proxy/dynamic-target.ts";

interface Entry {
  readonly cached: CachedHost;
  readonly host: Host;
}

export class DynamicForwardProxyLoadBalancer implements ClusterLoadBalancer {
  private readonly entries = new Map<string, Entry>();

  update(): void {
    // Hosts come with the names only.
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    const { streamInfo } = context;
    const name = askedName(context, streamInfo);
    if (name === undefined || name === "") return null;
    const port = streamInfo === null ? DEFAULT_PORT : dynamicPort(streamInfo);
    const entry = this.entries.get(hostKey(name, port));
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

function askedName(
  context: LoadBalancerContext,
  streamInfo: StreamInfo | null,
): string | undefined {
  const dynamic = streamInfo === null ? undefined : dynamicHost(streamInfo);
  if (dynamic !== undefined) return dynamic;
  const { requestHeaders } = context;
  return requestHeaders === null
    ? streamInfo?.connection.requestedServerName
    : requestHeaders.authority;
}
