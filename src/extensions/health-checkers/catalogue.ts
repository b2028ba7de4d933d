/** Every kind of active health check, in one list. */
import type { Http2Clients } from "../../platform/http2-client.ts";
import type { FormatParser } from "../../route/formatter.ts";
import type { HealthCheckerFactory } from "../../upstream/health/health-probe.ts";
import { httpHealthChecker } from "./http/http.ts";
import { tcpHealthChecker } from "./tcp/tcp.ts";

export interface HealthCheckerServices {
  readonly formats: FormatParser;
  readonly http2: Http2Clients;
}

export function healthCheckers(services: HealthCheckerServices): readonly HealthCheckerFactory[] {
  return [httpHealthChecker(services), tcpHealthChecker()];
}
