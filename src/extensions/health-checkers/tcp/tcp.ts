/**
 * TCP health checks: the host accepts a connection, or answers with the bytes that are expected.
 * Envoy: `envoy.health_checkers.tcp`
 * (source/extensions/health_checkers/tcp/health_checker_impl.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { HealthCheck } from "../../../proto/generated/envoy/config/core/v3.ts";
import type {
  HealthCheckerFactory,
  HealthProbeConfig,
} from "../../../upstream/health/health-probe.ts";
import { compilePayload } from "../../common/payload.ts";
import { TcpProbe } from "./tcp-probe.ts";

export function tcpHealthChecker(): HealthCheckerFactory {
  return {
    name: "envoy.health_checkers.tcp",
    field: "tcpHealthCheck",
    compile: (message, context) => compile(message, context.at("tcp_health_check")),
  };
}

function compile(
  { tcpHealthCheck }: HealthCheck,
  context: CompileContext,
): HealthProbeConfig | null {
  const before = context.diagnostics.length;
  const { send, receive = [], proxyProtocolConfig } = tcpHealthCheck ?? {};
  if (proxyProtocolConfig !== undefined) {
    context
      .at("proxy_protocol_config")
      .error("Health checks cannot send a PROXY header yet", "remove the field");
  }
  const bytes = send === undefined ? null : compilePayload(send, context.at("send"));
  const payloads = receive.map((one, index) => compilePayload(one, context.at("receive", index)));
  const expected = payloads.filter((one) => one !== null);
  if (context.diagnostics.slice(before).some((one) => one.severity === "error")) return null;
  return {
    kind: "TCP",
    create: (target, services, listener) =>
      new TcpProbe({ send: bytes, expected }, target, services, listener),
  };
}
