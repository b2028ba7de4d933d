/** `TcpProxy` compiled. Envoy: source/common/tcp_proxy/tcp_proxy.cc (Config, SharedConfig). */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { AccessLog } from "../../../proto/generated/envoy/config/accesslog/v3.ts";
import type { Metadata } from "../../../proto/generated/envoy/config/core/v3.ts";
import type {
  TcpProxy,
  TcpProxy_WeightedCluster_ClusterWeight,
} from "../../../proto/generated/envoy/extensions/filters/network/tcp_proxy/v3.ts";

/** Where a connection may go. */
export interface TcpRoute {
  readonly cluster: string;
  readonly weight: number;
  /** Subset criteria of `envoy.lb`; null when there are none. */
  readonly metadataMatch: Readonly<Record<string, unknown>> | null;
}

/** Where the load balancer's hash comes from. */
export type TcpHashPolicy =
  | { readonly kind: "source-ip" }
  | { readonly kind: "filter-state"; readonly key: string };

export interface TcpProxyConfig {
  readonly statPrefix: string;
  /** At least one. */
  readonly routes: readonly TcpRoute[];
  readonly totalWeight: number;
  readonly metadataMatch: Readonly<Record<string, unknown>> | null;
  /** 0 = off. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  /** 0 = off. */
  readonly maxDurationMs: number;
  /** Up to this share of the duration is added at random; 0 … 1. */
  readonly maxDurationJitter: number;
  readonly hashPolicy: TcpHashPolicy | null;
  readonly accessLogs: readonly object[];
  /** 0 = only at the end. */
  readonly logIntervalMs: number;
  readonly logOnConnected: boolean;
}

type CompileAccessLog = (message: AccessLog, context: CompileContext) => object | null;

const HOUR_MS = 3_600_000;

/** Null after reporting what is wrong. */
export function compileTcpProxy(
  message: TcpProxy,
  compileAccessLog: CompileAccessLog,
  context: CompileContext,
): TcpProxyConfig | null {
  const supported = refuseUnsupported(message, context);
  const routes = compileRoutes(message, context);
  const accessLogs = compileLogs(message, compileAccessLog, context);
  const hashPolicy = compileHashPolicy(message, context);
  if (!supported || routes === null || accessLogs === null || hashPolicy === undefined) return null;
  const logOptions = message.accessLogOptions;
  return {
    statPrefix: message.statPrefix ?? "",
    routes,
    totalWeight: routes.reduce((sum, route) => sum + route.weight, 0),
    metadataMatch: subsetOf(message.metadataMatch),
    idleTimeoutMs: durationMs(message.idleTimeout, HOUR_MS),
    maxConnectAttempts: message.maxConnectAttempts ?? 1,
    maxDurationMs: durationMs(message.maxDownstreamConnectionDuration, 0),
    maxDurationJitter: (message.maxDownstreamConnectionDurationJitterPercentage?.value ?? 0) / 100,
    hashPolicy,
    accessLogs,
    logIntervalMs: durationMs(
      logOptions?.accessLogFlushInterval ?? message.accessLogFlushInterval,
      0,
    ),
    logOnConnected:
      logOptions?.flushAccessLogOnConnected ?? message.flushAccessLogOnConnected ?? false,
  };
}

interface UnsupportedField {
  readonly field: string;
  readonly present: (message: TcpProxy) => boolean;
  readonly remedy: string;
}

const UNSUPPORTED: readonly UnsupportedField[] = [
  {
    field: "tunneling_config",
    present: (message) => message.tunnelingConfig !== undefined,
    remedy: "connect to the cluster directly",
  },
  {
    field: "on_demand",
    present: (message) => message.onDemand !== undefined,
    remedy: "configure the cluster",
  },
  {
    field: "downstream_idle_timeout",
    present: (message) => message.downstreamIdleTimeout !== undefined,
    remedy: "use idle_timeout",
  },
  {
    field: "upstream_idle_timeout",
    present: (message) => message.upstreamIdleTimeout !== undefined,
    remedy: "use idle_timeout",
  },
  {
    field: "backoff_options",
    present: (message) => message.backoffOptions !== undefined,
    remedy: "remove it: attempts follow each other at once",
  },
  {
    field: "proxy_protocol_tlvs",
    present: (message) => (message.proxyProtocolTlvs ?? []).length > 0,
    remedy: "remove the field",
  },
  {
    field: "upstream_connect_mode",
    present: (message) => (message.upstreamConnectMode ?? "IMMEDIATE") !== "IMMEDIATE",
    remedy: "use IMMEDIATE",
  },
  {
    field: "max_early_data_bytes",
    present: (message) => (message.maxEarlyDataBytes ?? 0) > 0,
    remedy: "remove the field",
  },
];

function refuseUnsupported(message: TcpProxy, context: CompileContext): boolean {
  const found = UNSUPPORTED.filter(({ present }) => present(message));
  for (const { field, remedy } of found) {
    context.at(field).error(`${field} of the TCP proxy is not supported`, remedy);
  }
  return found.length === 0;
}

function compileRoutes(message: TcpProxy, context: CompileContext): TcpRoute[] | null {
  if (message.cluster !== undefined) {
    return [{ cluster: message.cluster, weight: 1, metadataMatch: null }];
  }
  const clusters = message.weightedClusters?.clusters ?? [];
  if (clusters.length > 0) return clusters.map(compileRoute);
  return context.error("The TCP proxy needs a cluster", "set cluster or weighted_clusters");
}

function compileRoute(message: TcpProxy_WeightedCluster_ClusterWeight): TcpRoute {
  return {
    cluster: message.name ?? "",
    weight: message.weight ?? 0,
    metadataMatch: subsetOf(message.metadataMatch),
  };
}

function subsetOf(metadata: Metadata | undefined): Readonly<Record<string, unknown>> | null {
  return metadata?.filterMetadata?.["envoy.lb"] ?? null;
}

function compileLogs(
  message: TcpProxy,
  compileAccessLog: CompileAccessLog,
  context: CompileContext,
): object[] | null {
  const logs = (message.accessLog ?? []).map((log, index) =>
    compileAccessLog(log, context.at("access_log", index)),
  );
  return logs.includes(null) ? null : (logs as object[]);
}

/** Undefined after reporting what is wrong. */
function compileHashPolicy(
  message: TcpProxy,
  context: CompileContext,
): TcpHashPolicy | null | undefined {
  const [policy] = message.hashPolicy ?? [];
  if (policy === undefined) return null;
  if (policy.filterState !== undefined) {
    return { kind: "filter-state", key: policy.filterState.key ?? "" };
  }
  if (policy.sourceIp !== undefined) return { kind: "source-ip" };
  context.at("hash_policy", 0).error("The hash policy is empty", "set source_ip or filter_state");
  return undefined;
}
