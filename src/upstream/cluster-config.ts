/**
 * Compiles a Cluster message to a frozen configuration. Pure: nothing is opened, no stats are made.
 * Envoy: `ClusterInfoImpl` (source/common/upstream/upstream_impl.cc).
 */
import type { Http1Settings } from "../codec/h1/settings.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import { messageIdentity } from "../config/message-identity.ts";
import type { Metadata } from "../network/stream-info.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type { Cluster } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { ConnectionSettings } from "./cluster.ts";
import type { TrackedClusterStats } from "./cluster-stats.ts";
import {
  compileBindConfig,
  compileCircuitBreakers,
  compileKeepalive,
  compilePreconnect,
} from "./connection-options.ts";
import type { ClusterFactory, DiscoveryConfig } from "./discovery.ts";
import {
  compileHealthChecks,
  type HealthCheckCatalogues,
  type HealthCheckConfig,
} from "./health/health-check-config.ts";
import type { HealthStatus } from "./host.ts";
import { compileMetadata } from "./load-assignment.ts";
import type { LoadBalancerFactory, LoadBalancingPolicy } from "./load-balancer.ts";
import { compileOutlierDetection, type OutlierConfig } from "./outlier/outlier-config.ts";
import { checkProvidedBalancer, compilePolicy, listed } from "./policy-config.ts";
import { compileProtocolOptions } from "./protocol-options.ts";
import type { Thresholds } from "./resource-limits.ts";
import { reportUnsupportedClusterFields } from "./unsupported-cluster-fields.ts";

const CONNECT_TIMEOUT_MS = 5000;
const BUFFER_LIMIT_BYTES = 1024 * 1024;
const PANIC_PERCENT = 50;
const OVERRIDE_STATUSES: readonly HealthStatus[] = ["UNKNOWN", "HEALTHY", "DEGRADED"];

export interface ClusterConfig {
  readonly name: string;
  /** `alt_stat_name` or the name. */
  readonly observabilityName: string;
  /** Equal for equal messages: an update with the same identity changes nothing. */
  readonly identity: string;
  readonly metadata: Metadata | null;
  readonly discovery: DiscoveryConfig;
  readonly policy: LoadBalancingPolicy;
  /** Percent; 0 turns panic off. Runtime: `upstream.healthy_panic_threshold`. */
  readonly panicThreshold: number;
  /** Health with which a host may be chosen by `LoadBalancerContext.overrideHost`. */
  readonly overrideHostStatuses: readonly HealthStatus[];
  readonly waitForWarmOnInit: boolean;
  readonly closeConnectionsOnHostSetChange: boolean;
  readonly perConnectionBufferLimitBytes: number;
  readonly maxStreamDurationMs: number;
  readonly wantsHttp2: boolean;
  readonly http1: Http1Settings;
  readonly connection: ConnectionSettings;
  /** [DEFAULT, HIGH]. */
  readonly thresholds: readonly [Thresholds, Thresholds];
  readonly tracked: TrackedClusterStats;
  /** Null: no host is ever ejected. */
  readonly outlierDetection: OutlierConfig | null;
  /** Null when its hosts are not checked. */
  readonly healthCheck: HealthCheckConfig | null;
  /** TCP connections end when their host turns failed; otherwise they may go on. */
  readonly closeConnectionsOnHostHealthFailure: boolean;
  /** The health of its hosts may change: outlier detection or health checks are configured. */
  readonly tracksHealth: boolean;
}

/** What compiling a cluster may name. */
export interface ClusterCatalogues {
  readonly clusters: readonly ClusterFactory[];
  readonly loadBalancers: readonly LoadBalancerFactory[];
  readonly healthChecks: HealthCheckCatalogues;
  /** Bootstrap `cluster_manager.upstream_bind_config`. */
  readonly sourceAddresses: readonly SocketAddress[];
}

/** Null after an error was reported. */
export function compileCluster(
  message: Cluster,
  catalogues: ClusterCatalogues,
  context: CompileContext,
): ClusterConfig | null {
  const before = context.diagnostics.length;
  const name = message.name ?? "";
  if (name === "") context.at("name").error("A cluster needs a name", "set name");
  reportUnsupportedClusterFields(message, context);
  const discovery = compileDiscovery(message, catalogues.clusters, context);
  const policy = compilePolicy(message, catalogues.loadBalancers, context);
  const protocol = compileProtocolOptions(message, false, context);
  const connection: ConnectionSettings = {
    connectTimeoutMs: connectTimeout(message, context),
    idleTimeoutMs: protocol.idleTimeoutMs,
    maxConnectionDurationMs: protocol.maxConnectionDurationMs,
    maxRequestsPerConnection: protocol.maxRequestsPerConnection,
    tcpIdleTimeoutMs: protocol.tcpIdleTimeoutMs,
    preconnectRatio: compilePreconnect(message, context.at("preconnect_policy")),
    keepalive: compileKeepalive(message, context.at("upstream_connection_options")),
    sourceAddresses: compileBindConfig(
      message.upstreamBindConfig,
      catalogues.sourceAddresses,
      context.at("upstream_bind_config"),
    ),
  };
  const outlierDetection = compileOutlierDetection(
    message.outlierDetection,
    context.at("outlier_detection"),
  );
  const thresholds = compileCircuitBreakers(
    message.circuitBreakers,
    context.at("circuit_breakers"),
  );
  const healthCheck = compileHealthChecks(message, catalogues.healthChecks, context);
  checkProvidedBalancer(message, discovery, policy, context);
  const failed = context.diagnostics.slice(before).some((one) => one.severity === "error");
  if (failed || discovery === null || policy === null) return null;
  return Object.freeze({
    ...commonFields(message),
    discovery,
    policy,
    maxStreamDurationMs: protocol.maxStreamDurationMs,
    wantsHttp2: protocol.wantsHttp2,
    http1: Object.freeze(protocol.http1),
    connection: Object.freeze(connection),
    thresholds,
    outlierDetection,
    healthCheck,
  });
}

type CommonFields = Omit<
  ClusterConfig,
  | "discovery"
  | "policy"
  | "maxStreamDurationMs"
  | "wantsHttp2"
  | "http1"
  | "connection"
  | "thresholds"
  | "outlierDetection"
  | "healthCheck"
>;

function commonFields(message: Cluster): CommonFields {
  const name = message.name ?? "";
  const common = message.commonLbConfig;
  return {
    name,
    observabilityName: (message.altStatName ?? "") === "" ? name : (message.altStatName as string),
    identity: messageIdentity(message),
    metadata: compileMetadata(message.metadata),
    panicThreshold: Math.round(common?.healthyPanicThreshold?.value ?? panicDefault(message)),
    overrideHostStatuses: overrideStatuses(message),
    waitForWarmOnInit: message.waitForWarmOnInit ?? true,
    closeConnectionsOnHostSetChange: common?.closeConnectionsOnHostSetChange === true,
    closeConnectionsOnHostHealthFailure: message.closeConnectionsOnHostHealthFailure === true,
    perConnectionBufferLimitBytes: message.perConnectionBufferLimitBytes ?? BUFFER_LIMIT_BYTES,
    tracksHealth: message.outlierDetection !== undefined || (message.healthChecks ?? []).length > 0,
    tracked: {
      timeoutBudgets:
        message.trackClusterStats?.timeoutBudgets === true || message.trackTimeoutBudgets === true,
      requestResponseSizes: message.trackClusterStats?.requestResponseSizes === true,
    },
  };
}

/** Set without statuses it turns host overrides off. */
function overrideStatuses(message: Cluster): readonly HealthStatus[] {
  const chosen = message.commonLbConfig?.overrideHostStatus;
  return chosen === undefined ? OVERRIDE_STATUSES : (chosen.statuses ?? []);
}

/** A present Percent message without value means 0. */
function panicDefault(message: Cluster): number {
  return message.commonLbConfig?.healthyPanicThreshold === undefined ? PANIC_PERCENT : 0;
}

function connectTimeout(message: Cluster, context: CompileContext): number {
  const timeoutMs = durationMs(message.connectTimeout, CONNECT_TIMEOUT_MS);
  if (timeoutMs <= 0) {
    context
      .at("connect_timeout")
      .error("connect_timeout must be longer than 0", "write a duration such as 5s");
  }
  return timeoutMs;
}

function compileDiscovery(
  message: Cluster,
  factories: readonly ClusterFactory[],
  context: CompileContext,
): DiscoveryConfig | null {
  const custom = message.clusterType;
  if (custom === undefined) {
    const type = message.type ?? "STATIC";
    const factory = factories.find((one) => one.type === type);
    if (factory !== undefined) return factory.compile(message, null, context);
    return context
      .at("type")
      .error(`Clusters of type ${type} are not supported yet`, `use ${listed(factories, "type")}`);
  }
  const at = context.at("cluster_type");
  const typeUrl = custom.typedConfig?.typeUrl ?? "";
  const factory =
    factories.find((one) => one.messageType !== "" && typeUrl.endsWith(`/${one.messageType}`)) ??
    factories.find((one) => one.name === withoutPlural(custom.name ?? "")) ??
    factories.find((one) => one.name === custom.name);
  if (factory !== undefined) {
    return factory.compile(message, custom.typedConfig?.value ?? null, context);
  }
  return at
    .at("name")
    .error(
      `Didn't find a registered cluster factory implementation for name: '${custom.name ?? ""}'`,
      `the known ones are ${listed(factories, "name")}`,
    );
}

/**
 * Envoy's own names say `envoy.cluster.static`; newer ones and most writers say `envoy.clusters.…`.
 */
function withoutPlural(name: string): string {
  return name.replace(/^envoy\.clusters\./, "envoy.cluster.");
}
