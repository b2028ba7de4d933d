/**
 * Compiles how upstream connections are opened: source address, keep-alive, preconnecting,
 * circuit-breaker thresholds. Envoy: `UpstreamConnectionOptions`, `BindConfig`, `CircuitBreakers`
 * (api/envoy/config/cluster/v3).
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
  CircuitBreakers_Thresholds_RetryBudget,
  Cluster,
} from "../proto/generated/envoy/config/cluster/v3.ts";
import type { BindConfig } from "../proto/generated/envoy/config/core/v3.ts";
import type { TcpKeepalive } from "./cluster.ts";
import { DEFAULT_RETRY_BUDGET, type RetryBudget, type Thresholds } from "./resource-limits.ts";
import { compileSourceAddress } from "./upstream-address.ts";

const DEFAULT_LIMIT = 1024;
const DEFAULT_RETRIES = 3;
/** As Envoy shows it. */
const NO_LIMIT = 2 ** 64;
/**
 * Linux `tcp_keepalive_time`, used when only the presence of `tcp_keepalive` asks for keep-alive.
 */
const SYSTEM_KEEPALIVE_MS = 7_200_000;

/** [DEFAULT, HIGH]. Of several thresholds for one priority the first counts, as in Envoy. */
export function compileCircuitBreakers(
  message: CircuitBreakers | undefined,
  context: CompileContext,
): readonly [Thresholds, Thresholds] {
  const perHost = compilePerHost(message, context);
  const find = (priority: "DEFAULT" | "HIGH"): CircuitBreakers_Thresholds =>
    message?.thresholds?.find((one) => (one.priority ?? "DEFAULT") === priority) ?? {};
  return [
    compileThresholds(find("DEFAULT"), perHost("DEFAULT")),
    compileThresholds(find("HIGH"), perHost("HIGH")),
  ];
}

function compileThresholds(message: CircuitBreakers_Thresholds, perHost: number): Thresholds {
  return {
    maxConnections: message.maxConnections ?? DEFAULT_LIMIT,
    maxPendingRequests: message.maxPendingRequests ?? DEFAULT_LIMIT,
    maxRequests: message.maxRequests ?? DEFAULT_LIMIT,
    maxRetries: message.maxRetries ?? DEFAULT_RETRIES,
    maxConnectionPools: message.maxConnectionPools ?? NO_LIMIT,
    maxConnectionsPerHost: perHost,
    retryBudget: compileRetryBudget(message.retryBudget),
    trackRemaining: message.trackRemaining === true,
  };
}

function compileRetryBudget(
  message: CircuitBreakers_Thresholds_RetryBudget | undefined,
): RetryBudget | null {
  if (message === undefined) return null;
  return {
    percent: message.budgetPercent?.value ?? DEFAULT_RETRY_BUDGET.percent,
    minConcurrency: message.minRetryConcurrency ?? DEFAULT_RETRY_BUDGET.minConcurrency,
  };
}

function compilePerHost(
  message: CircuitBreakers | undefined,
  context: CompileContext,
): (priority: "DEFAULT" | "HIGH") => number {
  const list = message?.perHostThresholds ?? [];
  list.forEach((one, index) => {
    const { maxConnections, priority, ...rest } = one;
    if (Object.keys(rest).length === 0) return;
    context
      .at("per_host_thresholds", index)
      .error("Only max_connections is allowed per host", "remove the other limits");
  });
  return (priority) =>
    list.find((one) => (one.priority ?? "DEFAULT") === priority)?.maxConnections ?? NO_LIMIT;
}

/**
 * `inherited` comes from the bootstrap's `cluster_manager.upstream_bind_config`; the cluster's own
 * replaces it.
 */
export function compileBindConfig(
  message: BindConfig | undefined,
  inherited: readonly SocketAddress[],
  context: CompileContext,
): readonly SocketAddress[] {
  if (message === undefined) return inherited;
  const addresses: SocketAddress[] = [];
  if (message.sourceAddress !== undefined) {
    const address = compileSourceAddress(message.sourceAddress, context.at("source_address"));
    if (address !== null) addresses.push(address);
  }
  (message.extraSourceAddresses ?? []).forEach((one, index) => {
    const at = context.at("extra_source_addresses", index).at("address");
    const address = compileSourceAddress(one.address ?? {}, at);
    if (address !== null) addresses.push(address);
  });
  (message.additionalSourceAddresses ?? []).forEach((one, index) => {
    const address = compileSourceAddress(one, context.at("additional_source_addresses", index));
    if (address !== null) addresses.push(address);
  });
  if (message.freebind === true) context.at("freebind").warn("IP_FREEBIND is not set");
  if ((message.socketOptions ?? []).length > 0) {
    context.at("socket_options").warn("socket_options are not applied");
  }
  if (message.localAddressSelector !== undefined) {
    context
      .at("local_address_selector")
      .error("Local address selectors are not supported", "remove it");
  }
  return addresses;
}

export function compileKeepalive(cluster: Cluster, context: CompileContext): TcpKeepalive | null {
  const options = cluster.upstreamConnectionOptions;
  if (options?.setLocalInterfaceNameOnUpstreamConnections === true) {
    context
      .at("set_local_interface_name_on_upstream_connections")
      .warn("The local interface name is not recorded");
  }
  if (options?.happyEyeballsConfig !== undefined) {
    context
      .at("happy_eyeballs_config")
      .warn("Addresses are tried in the order in which they are given");
  }
  const keepalive = options?.tcpKeepalive;
  if (keepalive === undefined) return null;
  if (keepalive.keepaliveProbes !== undefined || keepalive.keepaliveInterval !== undefined) {
    context
      .at("tcp_keepalive")
      .warn("keepalive_probes and keepalive_interval are the platform's own", "set keepalive_time");
  }
  const { keepaliveTime } = keepalive;
  return {
    initialDelayMs: keepaliveTime === undefined ? SYSTEM_KEEPALIVE_MS : keepaliveTime * 1000,
  };
}

/** Connections kept per request in flight. */
export function compilePreconnect(cluster: Cluster, context: CompileContext): number {
  const policy = cluster.preconnectPolicy;
  if ((policy?.predictivePreconnectRatio ?? 0) > 0) {
    context
      .at("predictive_preconnect_ratio")
      .warn("Predictive preconnecting is not supported yet", "use per_upstream_preconnect_ratio");
  }
  return policy?.perUpstreamPreconnectRatio ?? 1;
}
