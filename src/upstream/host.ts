/**
 * One upstream address at run time. Counters and health live in shared slots, so that every data
 * plane and the admin page see the same host. Envoy: `Upstream::Host` (envoy/upstream/upstream.h).
 */
import type { HeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { Metadata } from "../network/stream-info.ts";
import { formatSocketAddress, type SocketAddress } from "../platform/sockets.ts";

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

export type HealthStatus =
  | "UNKNOWN"
  | "HEALTHY"
  | "UNHEALTHY"
  | "DRAINING"
  | "TIMEOUT"
  | "DEGRADED";

/** `health_check_config` of an endpoint. */
export interface HostHealthCheck {
  /** Where it is checked. */
  readonly address: SocketAddress;
  /** Host header of HTTP checks; "" = as the cluster says. */
  readonly hostname: string;
  /** It is not checked, and counts as healthy. */
  readonly disabled: boolean;
}

/** Equal when hosts are checked alike. */
export function healthCheckKey(check: HostHealthCheck | null): string {
  if (check === null) return "";
  return check.disabled ? "disabled" : formatSocketAddress(check.address);
}

/**
 * What configuration or discovery says of a host: frozen, replaced as a whole. Envoy: `LbEndpoint`.
 */
export interface HostDescription {
  /** How it is checked otherwise than at its address; null: no differently. */
  readonly healthCheck: HostHealthCheck | null;
  readonly address: SocketAddress;
  /**
   * Further addresses of the same endpoint, tried when the first does not answer (RFC 8305);
   * usually empty.
   */
  readonly additionalAddresses: readonly SocketAddress[];
  /** `ip:port` text of `address`. */
  readonly addressText: string;
  /**
   * What makes it the same host after an update: `addressText`, or the name when one logical host
   * changes its address.
   */
  readonly identity: string;
  readonly hostname: string;
  readonly locality: Locality;
  readonly metadata: Metadata | null;
  /** load_balancing_weight, at least 1. */
  readonly weight: number;
  readonly priority: number;
  readonly health: HealthStatus;
  /** Metadata `envoy.lb` says `canary: true`. */
  readonly canary: boolean;
}

/** Why a host may not be chosen; several may hold. Envoy: `Host::HealthFlag`. */
export const HealthFlag = {
  FailedActiveHealthCheck: 0x1,
  FailedOutlierCheck: 0x2,
  FailedEdsHealth: 0x4,
  DegradedActiveHealthCheck: 0x8,
  DegradedEdsHealth: 0x10,
  PendingDynamicRemoval: 0x20,
  PendingActiveHealthCheck: 0x40,
  ExcludedByImmediateHealthCheckFail: 0x80,
  ActiveHealthCheckTimeout: 0x100,
  EdsStatusDraining: 0x200,
} as const;

/** How good a host is for load balancing. Envoy: `Host::Health`. */
export type CoarseHealth = "healthy" | "degraded" | "unhealthy";

const UNHEALTHY_FLAGS =
  HealthFlag.FailedActiveHealthCheck |
  HealthFlag.FailedOutlierCheck |
  HealthFlag.FailedEdsHealth |
  HealthFlag.EdsStatusDraining;
const DEGRADED_FLAGS = HealthFlag.DegradedActiveHealthCheck | HealthFlag.DegradedEdsHealth;
const EXCLUDED_FLAGS =
  HealthFlag.PendingActiveHealthCheck |
  HealthFlag.ExcludedByImmediateHealthCheckFail |
  HealthFlag.EdsStatusDraining;

/** Envoy: `HostImpl::coarseHealth`. */
export function coarseHealth(flags: number): CoarseHealth {
  if ((flags & UNHEALTHY_FLAGS) !== 0) return "unhealthy";
  return (flags & DEGRADED_FLAGS) !== 0 ? "degraded" : "healthy";
}

/** Hosts that count in no total. */
export function isExcluded(flags: number): boolean {
  return (flags & EXCLUDED_FLAGS) !== 0;
}

/** The one status that sums up checks and discovery. Envoy: `HostImplBase::healthStatus`. */
export function healthStatusOf(host: Host): HealthStatus {
  const flags = host.healthFlags();
  const { health } = host.description;
  const failed = HealthFlag.FailedActiveHealthCheck | HealthFlag.FailedOutlierCheck;
  if ((flags & failed) !== 0) return "UNHEALTHY";
  if (health === "UNHEALTHY" || health === "DRAINING" || health === "TIMEOUT") return health;
  return (flags & HealthFlag.DegradedActiveHealthCheck) !== 0 ? "DEGRADED" : health;
}

/** The flags that discovery sets through `health_status`. Envoy: `HostImpl::setEdsHealthFlag`. */
export function flagsOfHealthStatus(status: HealthStatus): number {
  switch (status) {
    case "UNHEALTHY":
    case "TIMEOUT":
      return HealthFlag.FailedEdsHealth;
    case "DRAINING":
      return HealthFlag.EdsStatusDraining;
    case "DEGRADED":
      return HealthFlag.DegradedEdsHealth;
    default:
      return 0;
  }
}

/** Numbers of one host, shared by all data planes. Envoy: the host stats on /clusters. */
export interface HostStats {
  connectionOpened(): void;
  /** As `connectionOpened`, unless that would be more than `max` on all data planes together. */
  tryConnectionOpened(max: number): boolean;
  connectionClosed(): void;
  connectFailed(): void;
  requestStarted(): void;
  requestEnded(): void;
  requestSucceeded(): void;
  requestFailed(): void;
  requestTimedOut(): void;
  /** Requests in flight on this host from this data plane and all others. */
  readonly activeRequests: number;
  /** Connections, also those that are being made, of all data planes. */
  readonly activeConnections: number;
}

/** How an attempt ended, for policies that learn. */
export type AttemptOutcome = "answered" | "failed" | "broken" | "cancelled";

/**
 * What a load-balancing policy learns from the requests of a host. The router calls it; the policy
 * puts it on its hosts.
 */
export interface HostFeedback {
  /** An attempt chose this host; it may still wait for a connection. */
  requestStarted(startMs: number): void;
  /** The head of the final response, at most once per attempt. `latencyMs` since its start. */
  responseReceived(headers: ResponseHeaderMap, latencyMs: number): void;
  trailersReceived(trailers: HeaderMap): void;
  /**
   * Exactly once per `requestStarted`, with the same `startMs`. "answered": a response came, and
   * was whole or no longer wanted; "broken": reset after the response began; "failed": connect
   * failure, or reset before; "cancelled": given up before the response began (time-out, client
   * gone, another attempt was faster).
   */
  requestEnded(startMs: number, outcome: AttemptOutcome): void;
}

/**
 * How an exchange with a host went, for outlier detection. Envoy: `Outlier::Result`
 * (envoy/upstream/outlier_detection.h).
 */
export const MonitorResult = {
  /** It did not connect, or did not answer, in time. */
  LocalOriginTimeout: 0,
  /** No connection, or it broke before the answer. */
  LocalOriginConnectFailed: 1,
  /** Connected; the exchange goes on above (HTTP). */
  LocalOriginConnectSuccess: 2,
  /** Connected, and nothing else is known of the exchange (TCP). */
  LocalOriginConnectSuccessFinal: 3,
  /** The host answered with a failure. */
  ExtOriginRequestFailed: 4,
  ExtOriginRequestSuccess: 5,
} as const;
export type MonitorResult = (typeof MonitorResult)[keyof typeof MonitorResult];

/** Watches what becomes of a host's requests. Envoy: `DetectorHostMonitor`. */
export interface HostMonitor {
  /** The host answered an HTTP request with this status. */
  onHttpStatus(status: number): void;
  /** `status` is what the client was told instead of an answer; 0 when nothing was said. */
  onResult(result: MonitorResult, status: number): void;
  /** An active health check found the host healthy: it may end an ejection. */
  onActiveHealthCheckSuccess(): void;
}

/**
 * Hears what responses to ordinary traffic say of a host's health. Envoy: `HealthCheckHostMonitor`.
 */
export interface HealthCheckMonitor {
  /** A response carried `x-envoy-immediate-health-check-fail`. */
  onImmediateHealthCheckFail(): void;
}

/** A host of one data plane: description, shared numbers, this data plane's pools. */
export interface Host {
  readonly description: HostDescription;
  readonly addressText: string;
  readonly stats: HostStats;
  /** Null unless the policy of the cluster learns from requests. */
  feedback: HostFeedback | null;
  /** Null when nothing watches the host: its cluster has no outlier detection. */
  readonly monitor: HostMonitor | null;
  /** Null when the host is not under active health checks. */
  readonly healthMonitor: HealthCheckMonitor | null;
  /** Bits of `HealthFlag`. */
  healthFlags(): number;
  /** Every data plane sees the change at its next choice of a host. */
  setHealthFlag(flag: number): void;
  clearHealthFlag(flag: number): void;
}
