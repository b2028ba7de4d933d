/**
 * How often and for which address families the names of a cluster are resolved: from the fields of
 * `Cluster` or from `envoy.extensions.clusters.dns.v3.DnsCluster`. Envoy:
 * source/extensions/clusters/dns/dns_cluster.cc,
 * source/extensions/clusters/common/dns_cluster_backcompat.cc.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { TypedExtensionConfig } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { DnsCluster } from "../../../proto/generated/envoy/extensions/clusters/dns/v3.ts";
import type { Duration } from "../../../proto/plain.ts";

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
}

const REFRESH_RATE_MS = 5000;
/** `max_interval` of failures, as a multiple of `base_interval`. */
const FAILURE_FACTOR = 10;

export function compileLegacyDns(cluster: Cluster, context: CompileContext): DnsSettings {
  reportResolver(cluster.typedDnsResolverConfig, context.at("typed_dns_resolver_config"));
  if ((cluster.dnsResolvers ?? []).length > 0) refuseServers(context.at("dns_resolvers"));
  const { dnsResolutionConfig } = cluster;
  if ((dnsResolutionConfig?.resolvers ?? []).length > 0) {
    refuseServers(context.at("dns_resolution_config").at("resolvers"));
  }
  if (cluster.useTcpForDnsLookups === true) {
    context.at("use_tcp_for_dns_lookups").warn("The system's resolver decides between UDP and TCP");
  }
  return {
    refreshRateMs: refreshRate(cluster.dnsRefreshRate, context),
    failureRefreshRate: failureRate(cluster.dnsFailureRefreshRate, context),
    respectTtl: cluster.respectDnsTtl === true,
    jitterMs: durationMs(cluster.dnsJitter, 0),
    family: cluster.dnsLookupFamily ?? "AUTO",
  };
}

export function compileTypedDns(message: DnsCluster, context: CompileContext): DnsSettings {
  reportResolver(message.typedDnsResolverConfig, context.at("typed_dns_resolver_config"));
  const family = message.dnsLookupFamily ?? "UNSPECIFIED";
  return {
    refreshRateMs: refreshRate(message.dnsRefreshRate, context),
    failureRefreshRate: failureRate(message.dnsFailureRefreshRate, context),
    respectTtl: message.respectDnsTtl === true,
    jitterMs: durationMs(message.dnsJitter, 0),
    family: family === "UNSPECIFIED" ? "AUTO" : family,
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

/** Only resolvers that ask what the system asks mean the same here. */
function reportResolver(message: TypedExtensionConfig | undefined, context: CompileContext): void {
  const value = message?.typedConfig?.value as { resolvers?: readonly object[] } | undefined;
  if ((value?.resolvers ?? []).length > 0) {
    refuseServers(context.at("typed_config").at("resolvers"));
  }
}

function refuseServers(context: CompileContext): void {
  context.error(
    "DNS servers of a cluster's own are not supported yet",
    "remove them: the servers in /etc/resolv.conf are asked",
  );
}
