/**
 * How long a response asks us to wait before the next attempt. Envoy: `ResetHeaderParserImpl`
 * (source/common/router/reset_header_parser.cc).
 */
import type { ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { ResetHeader, RetryPolicyConfig } from "../../../route/retry-policy.ts";

/** The first header with a wait within the policy's maximum counts; 0 when there is none. */
export function resetIntervalMs(
  response: ResponseHeaderMap,
  policy: RetryPolicyConfig,
  nowSeconds: number,
): number {
  for (const header of policy.resetHeaders) {
    const intervalMs = intervalOf(response, header, nowSeconds);
    if (intervalMs >= 0 && intervalMs <= policy.resetMaxIntervalMs) return intervalMs;
  }
  return 0;
}

/** −1 when the header is absent, malformed or in the past. */
function intervalOf(response: ResponseHeaderMap, header: ResetHeader, nowSeconds: number): number {
  const value = response.get(header.name);
  if (value === undefined || !/^\d{1,15}$/.test(value)) return -1;
  const seconds = Number(value);
  if (!header.timestamp) return seconds * 1000;
  return seconds < nowSeconds ? -1 : (seconds - nowSeconds) * 1000;
}
