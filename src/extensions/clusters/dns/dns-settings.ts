/**
 * How often and for which address families the names of a cluster are resolved: from the fields of
 * `Cluster` or from `envoy.extensions.clusters.dns.v3.DnsCluster`. Envoy:
 * source/extensions/clusters/dns/dns_cluster.cc,
 * source/extensions/clusters/common/dns_cluster_backcompat.cc.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { DnsCluster } from "../../../proto/generated/envoy/extensions/clusters/dns/v3.ts";
import type { Duration } from "../../../proto/plain.ts";
import { legacyServers, typedServers } from "../../common/dns/dns-servers.ts";
import {
  compileFailureRefreshRate,
  type FailureRefreshRate,
} from "../../common/dns/failure-back-off.ts";
import type { LookupFamily } from "../../common/dns/lookup-family.ts";

export interface DnsSettings {
  readonly refreshRateMs: number;
  /** Exponential between base and max after failures; null repeats at the refresh rate. */
  readonly failureRefreshRate: FailureRefreshRate | null;
  /** The answer's TTL replaces the refresh rate. */
  readonly respectTtl: boolean;
  /** A random part below this is added to every wait after a success. */
  readonly jitterMs: number;
  readonly family: LookupFamily;
  /** `ip:port` of servers to ask instead of the system's; empty asks the system's. */
  readonly servers: readonly string[];
}

const REFRESH_RATE_MS = 5000;

export function compileLegacyDns(cluster: Cluster, context: CompileContext): DnsSettings {
  if (cluster.useTcpForDnsLookups === true) {
    context.at("use_tcp_for_dns_lookups").warn("The system's resolver decides between UDP and TCP");
  }
  return {
    refreshRateMs: refreshRate(cluster.dnsRefreshRate, context),
    failureRefreshRate: compileFailureRefreshRate(cluster.dnsFailureRefreshRate, context),
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
    failureRefreshRate: compileFailureRefreshRate(message.dnsFailureRefreshRate, context),
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
