/**
 * How often and for which address families the names of a cluster are resolved: from the fields of
 * `Cluster` or from `envoy.extensions.clusters.dns.v3.DnsCluster`. Envoy:
 * source/extensions/clusters/dns/dns_cluster.cc,
 * source/extensions/clusters/common/dns_cluster_backcompat.cc.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import { formatSocketAddress } from "../../../platform/sockets.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type {
  Address,
  TypedExtensionConfig,
} from "../../../proto/generated/envoy/config/core/v3.ts";
import type { DnsCluster } from "../../../proto/generated/envoy/extensions/clusters/dns/v3.ts";
import type { CaresDnsResolverConfig } from "../../../proto/generated/envoy/extensions/network/dns_resolver/cares/v3.ts";
import type { Duration } from "../../../proto/plain.ts";
import { compileTargetAddress } from "../../../upstream/upstream-address.ts";

/** AUTO: IPv6, and IPv4 when there is none. ALL: both. */
export type LookupFamily = "AUTO" | "V4_ONLY" | "V6_ONLY" | "V4_PREFERRED" | "ALL";

export interface DnsSettings {
  readonly refreshRateMs: number;
  /** Exponential between base and max after failures; null repeats at the refresh rate. */
  readonly failureRefreshRate: { readonly baseMs: number; readonly maxMs: number } | null;
  /** The answer's TTL replaces the refresh rate. */
  readonly respectTtl: boolean;
  /** A random part below this is added to every wait after a success. */
  readonly jitterMs: number;
  readonly family: LookupFamily;
  /** `ip:port` of servers to ask instead of the system's; empty asks the system's. */
  readonly servers: readonly string[];
}

const REFRESH_RATE_MS = 5000;
/** `max_interval` of failures, as a multiple of `base_interval`. */
const FAILURE_FACTOR = 10;

export function compileLegacyDns(cluster: Cluster, context: CompileContext): DnsSettings {
  if (cluster.useTcpForDnsLookups === true) {
    context.at("use_tcp_for_dns_lookups").warn("The system's resolver decides between UDP and TCP");
  }
  return {
    refreshRateMs: refreshRate(cluster.dnsRefreshRate, context),
    failureRefreshRate: failureRate(cluster.dnsFailureRefreshRate, context),
    respectTtl: cluster.respectDnsTtl === true,
    jitterMs: durationMs(cluster.dnsJitter, 0),
    family: cluster.dnsLookupFamily ?? "AUTO",
    servers: legacyServers(cluster, context),
  };
}

export function compileTypedDns(message: DnsCluster, context: CompileContext): DnsSettings {
  const family = message.dnsLookupFamily ?? "UNSPECIFIED";
  return {
    refreshRateMs: refreshRate(message.dnsRefreshRate, context),
    failureRefreshRate: failureRate(message.dnsFailureRefreshRate, context),
    respectTtl: message.respectDnsTtl === true,
    jitterMs: durationMs(message.dnsJitter, 0),
    family: family === "UNSPECIFIED" ? "AUTO" : family,
    servers: typedServers(message.typedDnsResolverConfig, context),
  };
}

function refreshRate(message: Duration | undefined, context: CompileContext): number {
  const rateMs = durationMs(message, REFRESH_RATE_MS);
  if (message !== undefined && rateMs < 1) {
    context.at("dns_refresh_rate").error("dns_refresh_rate must be at least 1ms", "use 5s");
  }
  return rateMs;
}

function failureRate(
  message: { baseInterval?: Duration; maxInterval?: Duration } | undefined,
  context: CompileContext,
): DnsSettings["failureRefreshRate"] {
  if (message === undefined) return null;
  const baseMs = durationMs(message.baseInterval, REFRESH_RATE_MS);
  const maxMs = durationMs(message.maxInterval, baseMs * FAILURE_FACTOR);
  if (maxMs < baseMs) {
    context
      .at("dns_failure_refresh_rate")
      .error(
        "dns_failure_refresh_rate must have max_interval greater than or equal to the base_interval",
        "raise max_interval",
      );
  }
  return { baseMs, maxMs };
}

/** The newest of three ways to say it counts, as in Envoy. */
function legacyServers(cluster: Cluster, context: CompileContext): readonly string[] {
  if (cluster.typedDnsResolverConfig !== undefined) {
    return typedServers(cluster.typedDnsResolverConfig, context);
  }
  const { dnsResolutionConfig: config } = cluster;
  if (config !== undefined) {
    if (config.dnsResolverOptions !== undefined) {
      context
        .at("dns_resolution_config")
        .at("dns_resolver_options")
        .warn("The resolver of the platform decides how it asks");
    }
    return serverTexts(config.resolvers, context.at("dns_resolution_config"), "resolvers");
  }
  return serverTexts(cluster.dnsResolvers, context, "dns_resolvers");
}

function typedServers(
  message: TypedExtensionConfig | undefined,
  context: CompileContext,
): readonly string[] {
  const any = message?.typedConfig;
  if (any === undefined) return [];
  const at = context.at("typed_dns_resolver_config").at("typed_config");
  if (any.typeUrl.endsWith(".getaddrinfo.v3.GetAddrInfoDnsResolverConfig")) return [];
  if (!any.typeUrl.endsWith(".cares.v3.CaresDnsResolverConfig")) {
    at.error(
      `DNS resolver "${message?.name ?? ""}" is not supported`,
      "use c-ares or leave it out",
    );
    return [];
  }
  const { resolvers, ...rest } = any.value as CaresDnsResolverConfig;
  const others = Object.keys(rest);
  if (others.length > 0) {
    at.warn(`Of the c-ares settings only resolvers are obeyed; ignored: ${others.join(", ")}`);
  }
  return serverTexts(resolvers, at, "resolvers");
}

function serverTexts(
  addresses: readonly Address[] | undefined,
  context: CompileContext,
  field: string,
): readonly string[] {
  return (addresses ?? []).flatMap((message, index) => {
    const at = context.at(field, index);
    const address = compileTargetAddress(message, false, at);
    if (address?.path !== undefined) at.error("A DNS server has an IP address", "use it");
    return address === null ? [] : [formatSocketAddress(address)];
  });
}
