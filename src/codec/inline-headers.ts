/**
 * Headers of which Envoy keeps one value: adding to them appends with a comma instead of adding a
 * line. Which ones differs between requests and responses. Envoy: the O(1) headers of
 * envoy/http/header_map.h and the custom inline headers that its extensions register; both lists
 * were read off a running Envoy 1.37.
 */
import type { HeaderMap } from "./header-map.ts";
import { type HeaderName, headerName } from "./header-names.ts";

export type HeaderDirection = "request" | "response";

const BOTH =
  "cache-control connection content-encoding content-length content-type keep-alive proxy-connection " +
  "proxy-status transfer-encoding upgrade via x-envoy-attempt-count x-envoy-decorator-operation " +
  "x-request-id";

const REQUEST =
  "accept accept-encoding access-control-request-headers access-control-request-method authorization " +
  "expect grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match if-range " +
  "if-unmodified-since origin pragma referer te user-agent x-client-trace-id " +
  "x-envoy-downstream-service-cluster x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms " +
  "x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-internal " +
  "x-envoy-ip-tags x-envoy-max-retries x-envoy-original-host x-envoy-original-path x-envoy-original-url " +
  "x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on " +
  "x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms " +
  "x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms " +
  "x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-forwarded-for x-forwarded-host " +
  "x-forwarded-port x-forwarded-proto";

const RESPONSE =
  "access-control-allow-credentials access-control-allow-headers access-control-allow-methods " +
  "access-control-allow-origin access-control-expose-headers access-control-max-age age date etag " +
  "expires grpc-message grpc-status last-modified location server vary x-envoy-degraded " +
  "x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary " +
  "x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time";

function namesOf(...lists: string[]): ReadonlySet<HeaderName> {
  return new Set(lists.flatMap((list) => list.split(" ")).map((name) => headerName(name)));
}

const INLINE: Readonly<Record<HeaderDirection, ReadonlySet<HeaderName>>> = {
  request: namesOf(BOTH, REQUEST),
  response: namesOf(BOTH, RESPONSE),
};

/** Several lines of a header that is kept as one value become one, as in Envoy's header map. */
export function joinRepeated(headers: HeaderMap, direction: HeaderDirection): void {
  for (let index = 0; index < headers.names.length; index++) {
    const name = headers.names[index] as HeaderName;
    if (headers.names.indexOf(name, index + 1) < 0 || !isInlineHeader(name, direction)) continue;
    headers.set(name, headers.getJoined(name) as string);
  }
}

/** True when a second value goes into the same line: use `append` instead of `add`. */
export function isInlineHeader(name: HeaderName, direction: HeaderDirection): boolean {
  return INLINE[direction].has(name);
}
