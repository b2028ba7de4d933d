/**
 * Compiles `health_checks` of a cluster. Pure: nothing is opened. Envoy: `HealthCheckerImplBase`'s
 * constructor, `HealthCheckerFactory::create` (source/common/upstream/health_checker_impl.cc).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import { durationMs } from "../../config/duration.ts";
import type { Cluster } from "../../proto/generated/envoy/config/cluster/v3.ts";
import type { HealthCheck } from "../../proto/generated/envoy/config/core/v3.ts";
import type { Duration } from "../../proto/plain.ts";
import type { HealthCheckIntervals } from "./health-check-interval.ts";
import type { HealthEventSinkConfig, HealthEventSinkFactory } from "./health-events.ts";
import type { HealthCheckerFactory, HealthProbeConfig } from "./health-probe.ts";

const NO_TRAFFIC_MS = 60_000;

export interface HealthCheckConfig {
  readonly timeoutMs: number;
  readonly intervals: HealthCheckIntervals;
  /** Network failures in a row. */
  readonly unhealthyThreshold: number;
  /** Successes in a row. */
  readonly healthyThreshold: number;
  readonly reuseConnection: boolean;
  /** New hosts of a cluster whose hosts vary count in no total until their first check. */
  readonly ignoresNewHosts: boolean;
  /** Hosts that discovery names no more go at once, however healthy. */
  readonly ignoresHealthOnRemoval: boolean;
  readonly alwaysLogFailures: boolean;
  readonly alwaysLogSuccess: boolean;
  readonly probe: HealthProbeConfig;
  readonly sinks: readonly HealthEventSinkConfig[];
}

/** What a health check may name. */
export interface HealthCheckCatalogues {
  readonly checkers: readonly HealthCheckerFactory[];
  readonly eventSinks: readonly HealthEventSinkFactory[];
}

/**
 * Null when there are no checks, or after an error was reported. `context` stands at the cluster.
 */
export function compileHealthChecks(
  cluster: Cluster,
  catalogues: HealthCheckCatalogues,
  context: CompileContext,
): HealthCheckConfig | null {
  const [message, second] = cluster.healthChecks ?? [];
  if (message === undefined) return null;
  if (second !== undefined) {
    return context
      .at("health_checks", 1)
      .error("Multiple health checks not supported", "keep one of them");
  }
  return compileHealthCheck(message, cluster, catalogues, context.at("health_checks", 0));
}

function compileHealthCheck(
  message: HealthCheck,
  cluster: Cluster,
  catalogues: HealthCheckCatalogues,
  context: CompileContext,
): HealthCheckConfig | null {
  reportFields(message, context);
  const probe = compileProbe(message, catalogues.checkers, context);
  const sinks = compileSinks(message, catalogues.eventSinks, context);
  if (probe === null) return null;
  return Object.freeze({
    timeoutMs: atLeastOne(message.timeout, 1),
    intervals: compileIntervals(message),
    unhealthyThreshold: message.unhealthyThreshold ?? 1,
    healthyThreshold: message.healthyThreshold ?? 1,
    reuseConnection: message.reuseConnection ?? true,
    ignoresNewHosts: cluster.commonLbConfig?.ignoreNewHostsUntilFirstHc === true,
    ignoresHealthOnRemoval: cluster.ignoreHealthOnHostRemoval === true,
    alwaysLogFailures: message.alwaysLogHealthCheckFailures === true,
    alwaysLogSuccess: message.alwaysLogHealthCheckSuccess === true,
    probe,
    sinks,
  });
}

function compileIntervals(message: HealthCheck): HealthCheckIntervals {
  const intervalMs = durationMs(message.interval, 1);
  const noTrafficMs = durationMs(message.noTrafficInterval, NO_TRAFFIC_MS);
  const unhealthyMs = durationMs(message.unhealthyInterval, intervalMs);
  return Object.freeze({
    intervalMs,
    noTrafficMs,
    noTrafficHealthyMs: durationMs(message.noTrafficHealthyInterval, noTrafficMs),
    unhealthyMs,
    unhealthyEdgeMs: durationMs(message.unhealthyEdgeInterval, unhealthyMs),
    healthyEdgeMs: durationMs(message.healthyEdgeInterval, intervalMs),
    initialJitterMs: durationMs(message.initialJitter, 0),
    jitterMs: durationMs(message.intervalJitter, 0),
    jitterPercent: message.intervalJitterPercent ?? 0,
  });
}

/** A part of a millisecond is still a time-out. */
function atLeastOne(duration: Duration | undefined, unset: number): number {
  return Math.max(1, durationMs(duration, unset));
}

function compileProbe(
  message: HealthCheck,
  factories: readonly HealthCheckerFactory[],
  context: CompileContext,
): HealthProbeConfig | null {
  const factory = factories.find((one) => message[one.field] !== undefined);
  if (factory !== undefined) return factory.compile(message, context);
  const known = "use http_health_check or tcp_health_check";
  if (message.grpcHealthCheck !== undefined) {
    return context.at("grpc_health_check").error("gRPC health checks are not supported yet", known);
  }
  if (message.customHealthCheck !== undefined) {
    const { name = "" } = message.customHealthCheck;
    return context
      .at("custom_health_check")
      .error(
        `Didn't find a registered implementation for the health checker '${name}': Redis, Thrift and other custom checks are not supported`,
        known,
      );
  }
  return context.error("A health check needs to say what it checks", known);
}

function compileSinks(
  message: HealthCheck,
  factories: readonly HealthEventSinkFactory[],
  context: CompileContext,
): readonly HealthEventSinkConfig[] {
  const sinks: HealthEventSinkConfig[] = [];
  const add = (sink: HealthEventSinkConfig | null | undefined): void => {
    if (sink !== null && sink !== undefined) sinks.push(sink);
  };
  (message.eventLogger ?? []).forEach((extension, index) => {
    const at = context.at("event_logger", index);
    const typeUrl = extension.typedConfig?.typeUrl ?? "";
    const factory = factories.find((one) => typeUrl.endsWith(`/${one.messageType}`));
    if (factory === undefined) {
      at.error(
        `Didn't find a registered implementation for '${extension.name ?? ""}' with type URL: '${typeUrl}'`,
        `the known ones are ${factories.map((one) => one.name).join(", ")}`,
      );
    } else add(factory.compile(extension.typedConfig?.value ?? {}, at.at("typed_config")));
  });
  const path = message.eventLogPath ?? "";
  if (path !== "") {
    for (const factory of factories) {
      add(factory.compilePath?.(path, context.at("event_log_path")));
    }
  }
  return sinks;
}

/** Fields that are refused or have no effect, by name. */
function reportFields(message: HealthCheck, context: CompileContext): void {
  if (message.altPort !== undefined) {
    context
      .at("alt_port")
      .warn(
        "Checks go to the port of the endpoint, as Envoy's do",
        "set health_check_config.port_value of the endpoints",
      );
  }
  if (message.eventService !== undefined) {
    context
      .at("event_service")
      .warn("Events are not sent to a service", "use event_logger with a file sink");
  }
  if (message.tlsOptions !== undefined) {
    context.at("tls_options").error("TLS is not supported yet", "remove the field");
  }
  if (message.transportSocketMatchCriteria !== undefined) {
    context
      .at("transport_socket_match_criteria")
      .error("Transport sockets cannot be chosen per check: TLS is not supported yet", "remove it");
  }
}
