/**
 * HTTP health checks: the host answers a request as expected. Envoy: `envoy.health_checkers.http`
 * (source/extensions/health_checkers/http/health_checker_impl.cc). HTTP/1.1 over the codec of the
 * data path, HTTP/2 over the platform's client.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Http2Clients } from "../../../platform/http2-client.ts";
import type { HealthCheck } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import type {
  HealthCheckerFactory,
  HealthProbeConfig,
} from "../../../upstream/health/health-probe.ts";
import { compileHttpCheck } from "./config.ts";
import { HttpCheck } from "./http-check.ts";
import { Http1Probe } from "./http1-probe.ts";
import { Http2Probe } from "./http2-probe.ts";

export interface HttpCheckerServices {
  readonly formats: FormatParser;
  readonly http2: Http2Clients;
}

export function httpHealthChecker(services: HttpCheckerServices): HealthCheckerFactory {
  return {
    name: "envoy.health_checkers.http",
    field: "httpHealthCheck",
    compile: (message, context) => compile(message, services, context.at("http_health_check")),
  };
}

function compile(
  { httpHealthCheck }: HealthCheck,
  { formats, http2 }: HttpCheckerServices,
  context: CompileContext,
): HealthProbeConfig | null {
  const config = compileHttpCheck(httpHealthCheck ?? {}, formats, context);
  if (config === null) return null;
  return {
    kind: "HTTP",
    create: (target, services, listener) => {
      const check = new HttpCheck(config, target, services, listener);
      return config.http2 ? new Http2Probe(check, http2) : new Http1Probe(check);
    },
  };
}
