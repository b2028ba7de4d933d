/**
 * `strict_check_headers`: a control header with a malformed value refuses the request. Envoy:
 * `FilterUtility::StrictHeaderChecker`.
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers } from "../../../codec/header-names.ts";

const INTEGERS: ReadonlySet<HeaderName> = new Set([
  Headers.EnvoyUpstreamRequestTimeoutMs,
  Headers.EnvoyUpstreamRequestPerTryTimeoutMs,
  Headers.EnvoyMaxRetries,
]);

/** The first offending header, or null. */
export function strictCheckFailure(
  headers: RequestHeaderMap,
  names: readonly HeaderName[],
): HeaderName | null {
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as HeaderName;
    const value = headers.get(name);
    if (value !== undefined && INTEGERS.has(name) && !/^\d+$/.test(value)) return name;
  }
  return null;
}
