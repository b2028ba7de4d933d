/** Every admin page, one line each. */
import type { AdminEndpoint } from "./endpoint.ts";
import { ready } from "./readiness.ts";
import { prometheus, stats } from "./stats-pages.ts";

export const ADMIN_ENDPOINTS: readonly AdminEndpoint[] = [ready, stats, prometheus];
