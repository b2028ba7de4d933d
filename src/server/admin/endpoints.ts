/** Every admin page, one line each. */
import { clusters } from "./clusters-page.ts";
import { configDump } from "./config-dump/config-dump.ts";
import type { AdminEndpoint } from "./endpoint.ts";
import { drainListeners, failHealthCheck, passHealthCheck } from "./health-pages.ts";
import { helpPages } from "./help-page.ts";
import { initDump } from "./init-dump.ts";
import { listeners } from "./listeners-page.ts";
import { logging } from "./logging-page.ts";
import { processPages } from "./process-pages.ts";
import { ready } from "./readiness.ts";
import { recentLookups } from "./recent-lookups.ts";
import { runtime, runtimeModify } from "./runtime-pages.ts";
import { serverInfo } from "./server-info.ts";
import { prometheus, resetCounters, stats } from "./stats-pages.ts";
import { unsupported } from "./unsupported-page.ts";

const PAGES: readonly AdminEndpoint[] = [
  clusters,
  configDump,
  drainListeners,
  failHealthCheck,
  passHealthCheck,
  initDump,
  listeners,
  logging,
  ...processPages,
  ready,
  ...recentLookups,
  runtime,
  runtimeModify,
  serverInfo,
  stats,
  prometheus,
  resetCounters,
  unsupported,
];

export const ADMIN_ENDPOINTS: readonly AdminEndpoint[] = [...PAGES, ...helpPages(PAGES)];
