/** Finds the page of a request. Envoy: `AdminImpl::runCallback`, `AdminImpl::makeRequest`. */
import type { StringMatcher } from "../../config/matcher/string-matcher.ts";
import type { AdminDispatch } from "./admin-filter.ts";
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, type AdminRequest, type AdminResponse, text } from "./endpoint.ts";
import { helpText } from "./help-page.ts";

/**
 * Serves a set of pages: the whole admin interface, or only metrics or health on a port of their
 * own. `allowedPaths` restricts paths with their queries; none allows all. Never rejects.
 */
export function adminDispatch(
  endpoints: readonly AdminEndpoint[],
  host: AdminHost,
  allowedPaths: readonly StringMatcher[] = [],
): AdminDispatch {
  const table = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));
  return async (request) => {
    const { target } = request;
    if (allowedPaths.length > 0 && !allowedPaths.some((allowed) => allowed.matches(target))) {
      return text(`request to path ${target} not allowed`, 403);
    }
    const endpoint = table.get(request.path);
    if (endpoint === undefined) return text(`invalid path. ${helpText(endpoints)}`, 404);
    if (endpoint.mutates && request.method !== "POST") {
      return text(`Method ${request.method} not allowed, POST required.`, 405);
    }
    return answer(endpoint, request, host);
  };
}

async function answer(
  endpoint: AdminEndpoint,
  request: AdminRequest,
  host: AdminHost,
): Promise<AdminResponse> {
  try {
    return await endpoint.handle(request, host);
  } catch (error) {
    host.loggers.get("admin").error(`${request.path}: ${String(error)}`);
    return text(`Internal error: ${String(error)}\n`, 500);
  }
}
