/**
 * One kind of check on one host: HTTP, TCP. Each is an extension under
 * `extensions/health-checkers/`. It says how a check ended; what that means is decided in
 * `health-check-session.ts`. Envoy: `ActiveHealthCheckSession` (onInterval, onTimeout).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { SocketAddress } from "../../platform/sockets.ts";
import type { HealthCheck } from "../../proto/generated/envoy/config/core/v3.ts";
import type { HealthCheckStats } from "../../stats/groups/health-check-stats.ts";
import type { ClusterInfo } from "../cluster.ts";
import type { HostDescription } from "../host.ts";
import type { PoolServices } from "../pool/pool-services.ts";

/** Word of the event log. Envoy: `HealthCheckerType`. */
export type HealthCheckerKind = "HTTP" | "TCP";

/**
 * How a check failed. `ACTIVE`: the host answered, and the answer was not good. Envoy:
 * `HealthCheckFailureType`.
 */
export type HealthFailure = "ACTIVE" | "PASSIVE" | "NETWORK" | "NETWORK_TIMEOUT";

/** Told how checks end. May close the probe inside a call. */
export interface HealthProbeListener {
  onCheckPassed(degraded: boolean): void;
  /** `retriable`: counts towards unhealthy_threshold instead of failing the host at once. */
  onCheckFailed(failure: "ACTIVE" | "NETWORK", retriable: boolean): void;
  /** The host said that it must get no traffic, with the failure that follows. */
  onImmediateFail(): void;
}

/** Checks one host, again and again. */
export interface HealthProbe {
  /** Begins a check; the listener hears of its end, once. Never calls the listener inside. */
  check(): void;
  /** The check took too long: nothing of it is heard any more. */
  giveUp(): void;
  /** Lets go of everything. No call to the listener follows. */
  close(): void;
}

/** What probes are told about their host. */
export interface HealthProbeTarget {
  /** Asked anew for each connection: a name may have a new address. */
  readonly description: HostDescription;
  readonly cluster: ClusterInfo;
  /** The port or address of `health_check_config`, else the host's own. */
  address(): SocketAddress;
  /** `health_check_config.hostname`, else "". */
  hostname(): string;
}

export interface HealthProbeServices extends PoolServices {
  readonly runtime: RuntimeSnapshot;
  readonly stats: HealthCheckStats;
  /** Checks may go over one connection as long as it lives. */
  readonly reuseConnection: boolean;
}

/** A compiled kind of check, for all hosts of a cluster. */
export interface HealthProbeConfig {
  readonly kind: HealthCheckerKind;
  create(
    target: HealthProbeTarget,
    services: HealthProbeServices,
    listener: HealthProbeListener,
  ): HealthProbe;
}

/** A kind of check that configuration can name. */
export interface HealthCheckerFactory {
  /** `envoy.health_checkers.http`, … */
  readonly name: string;
  /** Field of `HealthCheck` that asks for it. */
  readonly field: "httpHealthCheck" | "tcpHealthCheck";
  /** `context` stands at the `HealthCheck`. Null after an error was reported. */
  compile(message: HealthCheck, context: CompileContext): HealthProbeConfig | null;
}
