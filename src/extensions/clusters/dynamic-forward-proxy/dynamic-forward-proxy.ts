/**
 * `envoy.clusters.dynamic_forward_proxy`: every name that requests ask for is a host, resolved in a
 * DNS cache that the HTTP filter of that name shares. Envoy:
 * source/extensions/clusters/dynamic_forward_proxy/cluster.cc. Not here: sub clusters.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { formatSocketAddress, type SocketAddress } from "../../../platform/sockets.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { UpstreamHttpProtocolOptions } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { ClusterConfig as Message } from "../../../proto/generated/envoy/extensions/clusters/dynamic_forward_proxy/v3.ts";
import type { HttpProtocolOptions } from "../../../proto/generated/envoy/extensions/upstreams/http/v3.ts";
import type {
  ClusterFactory,
  DiscoveryConfig,
  DiscoveryServices,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import type { HostDescription } from "../../../upstream/host.ts";
import { EMPTY_LOCALITY } from "../../../upstream/locality.ts";
import type { CachedHost } from "../../common/dynamic-forward-proxy/cached-host.ts";
import type { DnsCache, DnsCacheListener } from "../../common/dynamic-forward-proxy/dns-cache.ts";
import {
  compileDnsCache,
  type DnsCacheConfig,
} from "../../common/dynamic-forward-proxy/dns-cache-config.ts";
import type { DnsCaches } from "../../common/dynamic-forward-proxy/dns-caches.ts";
import { DynamicForwardProxyLoadBalancer } from "./dynamic-forward-proxy-load-balancer.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export function dynamicForwardProxyCluster(caches: DnsCaches): ClusterFactory {
  return {
    name: "envoy.clusters.dynamic_forward_proxy",
    type: "",
    messageType: "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
    compile: (cluster, typedConfig, context) =>
      compile(cluster, (typedConfig ?? {}) as Message, caches, context),
  };
}

function compile(
  cluster: Cluster,
  message: Message,
  caches: DnsCaches,
  context: CompileContext,
): DiscoveryConfig | null {
  const at = context.at("cluster_type").at("typed_config");
  if (message.subClustersConfig !== undefined) {
    return at
      .at("sub_clusters_config")
      .error(
        "A cluster per name (max_sub_clusters, sub_cluster_ttl, preresolve_clusters) is not supported",
        "use dns_cache_config",
      );
  }
  if (message.dnsCacheConfig === undefined) {
    return at.at("dns_cache_config").error("There is no DNS cache", "set dns_cache_config");
  }
  if (message.allowCoalescedConnections === true) {
    at.at("allow_coalesced_connections").warn(
      "Names do not share connections: that needs HTTP/2 over TLS",
    );
  }
  if (message.allowInsecureClusterOptions !== true && !checksNames(cluster)) {
    return at.error(
      "dynamic_forward_proxy cluster must have auto_sni and auto_san_validation true unless allow_insecure_cluster_options is set.",
      "set allow_insecure_cluster_options: true, or both in upstream_http_protocol_options",
    );
  }
  const cacheAt = at.at("dns_cache_config");
  const cache = compileDnsCache(message.dnsCacheConfig, cacheAt);
  if (cache === null || !caches.check(cache, cacheAt)) return null;
  return new DynamicForwardProxyConfig(cluster.name ?? "", cache, caches);
}

/** Without any options both are on. */
function checksNames(cluster: Cluster): boolean {
  const typed = cluster.typedExtensionProtocolOptions?.[HTTP_OPTIONS];
  if (typed !== undefined) {
    return both((typed.value as HttpProtocolOptions).upstreamHttpProtocolOptions);
  }
  const { upstreamHttpProtocolOptions: legacy } = cluster;
  return legacy === undefined || both(legacy);
}

function both(options: UpstreamHttpProtocolOptions | undefined): boolean {
  return options?.autoSni === true && options.autoSanValidation === true;
}

class DynamicForwardProxyConfig implements DiscoveryConfig {
  readonly type = "DYNAMIC_FORWARD_PROXY";
  // Names that are to be resolved beforehand must not wait for a request.
  readonly eager = true;
  readonly hostsVary = false;
  readonly providesLoadBalancer = true;
  readonly hostsOnDemand = true;
  readonly fixedMembership = null;
  private readonly name: string;
  private readonly cache: DnsCacheConfig;
  private readonly caches: DnsCaches;

  constructor(name: string, cache: DnsCacheConfig, caches: DnsCaches) {
    this.name = name;
    this.cache = cache;
    this.caches = caches;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new DynamicForwardProxyDiscovery(this.name, this.cache, this.caches, services);
  }
}

class DynamicForwardProxyDiscovery implements HostDiscovery, DnsCacheListener {
  readonly loadBalancer: DynamicForwardProxyLoadBalancer;
  private readonly name: string;
  private readonly caches: DnsCaches;
  private readonly services: DiscoveryServices;
  private readonly cache: DnsCache;

  constructor(name: string, cache: DnsCacheConfig, caches: DnsCaches, services: DiscoveryServices) {
    this.name = name;
    this.caches = caches;
    this.services = services;
    this.cache = caches.acquire(cache);
    this.loadBalancer = new DynamicForwardProxyLoadBalancer(this.cache);
  }

  start(): void {
    this.caches.addCluster(this.name);
    this.cache.listen(this);
    this.services.listener.onInitialized();
  }

  close(): void {
    this.cache.unlisten(this);
    this.caches.removeCluster(this.name);
    this.caches.release(this.cache);
  }

  onHostAddresses(cached: CachedHost): void {
    const { listener } = this.services;
    const description = describe(cached);
    const known = this.loadBalancer.hostOf(cached.key);
    if (known === null) this.loadBalancer.add(cached, listener.addHost(description));
    else listener.updateHost(known, description);
  }

  onHostRemoved(cached: CachedHost): void {
    const host = this.loadBalancer.remove(cached.key);
    if (host !== null) this.services.listener.removeHosts([host]);
  }
}

/** One logical host: new connections go to the first address of the newest answer. */
function describe({ key, addresses }: CachedHost): HostDescription {
  const [address, ...additionalAddresses] = addresses as readonly [SocketAddress];
  return Object.freeze({
    address,
    additionalAddresses,
    addressText: formatSocketAddress(address),
    identity: key,
    hostname: key,
    locality: EMPTY_LOCALITY,
    metadata: null,
    weight: 1,
    priority: 0,
    health: "UNKNOWN",
    canary: false,
    healthCheck: null,
  });
}
