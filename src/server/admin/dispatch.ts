/** Finds the page of a request. Envoy: `AdminImpl::runCallback`, `AdminImpl::makeRequest`. */
import type { AdminDispatch } from "./admin-filter.ts";
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, type AdminRequest, type AdminResponse, text } from "./endpoint.ts";
import { helpText } from "./help-page.ts";

/**
 * Serves a set of pages: the whole admin interface, or only metrics or health on a port of their
 * own. Never rejects.
 */
export function adminDispatch(endpoints: readonly AdminEndpoint[], host: AdminHost): AdminDispatch {
  const table = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));
  return async (request) => {
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
