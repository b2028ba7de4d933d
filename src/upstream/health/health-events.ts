/**
 * What health checks tell the event log. Where lines go is an extension under
 * `extensions/health-check-event-sinks/`. Envoy: `HealthCheckEventLoggerImpl`
 * (source/common/upstream/health_checker_event_logger.cc).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { HostDescription } from "../host.ts";
import type { HealthCheckerKind, HealthFailure } from "./health-probe.ts";

/** The part of an event that tells what happened. Envoy: the oneof of `HealthCheckEvent`. */
export type HealthEventDetail =
  | { readonly kind: "eject_unhealthy"; readonly failure: HealthFailure }
  | { readonly kind: "add_healthy"; readonly firstCheck: boolean }
  | { readonly kind: "success" }
  | { readonly kind: "failure"; readonly failure: HealthFailure; readonly firstCheck: boolean }
  | { readonly kind: "degraded" }
  | { readonly kind: "no_longer_degraded" };

export interface HealthEvent {
  readonly checker: HealthCheckerKind;
  readonly host: HostDescription;
  readonly clusterName: string;
  readonly wallMs: number;
  readonly detail: HealthEventDetail;
}

/** Takes events somewhere. */
export interface HealthEventSink {
  log(event: HealthEvent): void;
}

/** A compiled sink; `open` is called on the data plane that checks, and on no other. */
export interface HealthEventSinkConfig {
  open(): HealthEventSink;
}

/** An extension that can stand in `event_logger`. */
export interface HealthEventSinkFactory {
  readonly name: string;
  readonly messageType: string;
  /** Null after an error was reported. */
  compile(message: unknown, context: CompileContext): HealthEventSinkConfig | null;
  /** For `event_log_path`. */
  compilePath?(path: string, context: CompileContext): HealthEventSinkConfig | null;
}
