/**
 * Compiles a `DnsCacheConfig`: what the dynamic forward proxy cluster and filter agree on. Envoy:
 * `DnsCacheImpl` (source/extensions/common/dynamic_forward_proxy/dns_cache_impl.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import { messageIdentity } from "../../../config/message-identity.ts";
import type { DnsCacheConfig as DnsCacheMessage } from "../../../proto/generated/envoy/extensions/common/dynamic_forward_proxy/v3.ts";
import { legacyServers } from "../dns/dns-servers.ts";
import { compileFailureRefreshRate, type FailureRefreshRate } from "../dns/failure-back-off.ts";
import type { LookupFamily } from "../dns/lookup-family.ts";

/** Durations in ms. */
export interface DnsCacheConfig {
  readonly name: string;
  /** Equal for equal settings. */
  readonly identity: string;
  readonly family: LookupFamily;
  /** `ip:port` of servers to ask instead of the system's; empty asks the system's. */
  readonly servers: readonly string[];
  /** After an answer without addresses, and after failures without a rate of their own. */
  readonly refreshRateMs: number;
  /** An answer is kept for its TTL, but at least for this. */
  readonly minRefreshRateMs: number;
  readonly failureRefreshRate: FailureRefreshRate | null;
  readonly refreshesAfterFailure: boolean;
  /** 0 waits as long as the resolver does. */
  readonly queryTimeoutMs: number;
  /** A host that was not used for longer goes at its next refresh. */
  readonly hostTtlMs: number;
  readonly maxHosts: number;
  /** Requests that may wait for an answer at one time, over all data planes. */
  readonly maxPendingRequests: number;
  readonly preresolve: readonly { readonly host: string; readonly port: number }[];
}

const REFRESH_RATE_MS = 60_000;
const MIN_REFRESH_RATE_MS = 5_000;
const QUERY_TIMEOUT_MS = 5_000;
const HOST_TTL_MS = 300_000;
const MAX_HOSTS = 1024;
const MAX_PENDING_REQUESTS = 1024;

/** `context` stands at `dns_cache_config`. Null after an error was reported. */
export function compileDnsCache(
  message: DnsCacheMessage,
  context: CompileContext,
): DnsCacheConfig | null {
  const before = context.diagnostics.length;
  reportUnsupported(message, context);
  const name = message.name ?? "";
  if (name === "") context.at("name").error("A DNS cache needs a name", "set name");
  const maxHosts = message.maxHosts ?? MAX_HOSTS;
  const preresolve = (message.preresolveHostnames ?? []).map(({ address = "", portValue = 0 }) => ({
    host: address,
    port: portValue,
  }));
  if (preresolve.length > maxHosts) {
    context
      .at("preresolve_hostnames")
      .error(
        `DNS Cache [${name}] configured with preresolve_hostnames=${preresolve.length} larger than max_hosts=${maxHosts}`,
        "raise max_hosts",
      );
  }
  const config: DnsCacheConfig = {
    name,
    identity: messageIdentity(message),
    family: message.dnsLookupFamily ?? "AUTO",
    servers: legacyServers(message, context),
    refreshRateMs: durationMs(message.dnsRefreshRate, REFRESH_RATE_MS),
    minRefreshRateMs: durationMs(message.dnsMinRefreshRate, MIN_REFRESH_RATE_MS),
    failureRefreshRate: compileFailureRefreshRate(message.dnsFailureRefreshRate, context),
    refreshesAfterFailure: message.disableDnsRefreshOnFailure !== true,
    queryTimeoutMs: durationMs(message.dnsQueryTimeout, QUERY_TIMEOUT_MS),
    hostTtlMs: durationMs(message.hostTtl, HOST_TTL_MS),
    maxHosts,
    maxPendingRequests: message.dnsCacheCircuitBreaker?.maxPendingRequests ?? MAX_PENDING_REQUESTS,
    preresolve,
  };
  const failed = context.diagnostics.slice(before).some(({ severity }) => severity === "error");
  return failed ? null : Object.freeze(config);
}

function reportUnsupported(message: DnsCacheMessage, context: CompileContext): void {
  if (message.keyValueConfig !== undefined) {
    context
      .at("key_value_config")
      .warn("Resolved names are not kept over a restart", "preresolve_hostnames asks at the start");
  }
  if (message.useTcpForDnsLookups === true) {
    context.at("use_tcp_for_dns_lookups").warn("The system's resolver decides between UDP and TCP");
  }
}
