// hot: per request
/**
 * Headers that Envoy keeps as one value: adding to them appends with a delimiter instead of adding
 * a line. Envoy: the O(1) headers of envoy/http/header_map.h and the registered custom inline
 * headers.
 */
import type { HeaderMap } from "./header-map.ts";
import { type HeaderName, Headers, headerName } from "./header-names.ts";

const NAMES =
  "connection content-length content-type expect keep-alive proxy-connection te transfer-encoding upgrade " +
  "user-agent via x-client-trace-id x-forwarded-client-cert x-forwarded-for x-forwarded-host " +
  "x-forwarded-port x-forwarded-proto x-request-id date server grpc-message grpc-status " +
  "x-envoy-attempt-count x-envoy-decorator-operation x-envoy-degraded " +
  "x-envoy-downstream-service-cluster x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms " +
  "x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout " +
  "x-envoy-immediate-health-check-fail x-envoy-internal x-envoy-ip-tags x-envoy-max-retries " +
  "x-envoy-original-path x-envoy-original-url x-envoy-ratelimited x-envoy-retriable-header-names " +
  "x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on x-envoy-upstream-alt-stat-name " +
  "x-envoy-upstream-canary x-envoy-upstream-healthchecked-cluster " +
  "x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-alt-response " +
  "x-envoy-upstream-rq-timeout-ms x-envoy-upstream-service-time x-envoy-upstream-stream-duration-ms";

const INLINE: ReadonlySet<HeaderName> = new Set(NAMES.split(" ").map((name) => headerName(name)));

/** Adds a header the way Envoy's `addReferenceKey` does. */
export function addHeader(headers: HeaderMap, name: HeaderName, value: string): void {
  if (INLINE.has(name)) headers.append(name, value);
  else if (name === Headers.Cookie) headers.append(name, value, "; ");
  else headers.add(name, value);
}
