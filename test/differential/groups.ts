// All groups of the differential suite, slowest first so that two at a time finish together.
import type { DifferentialGroup } from "./case.ts";
import { accessLogs } from "./cases/access-logs.ts";
import { aggregates } from "./cases/aggregate.ts";
import { balancingHash } from "./cases/balancing-hash.ts";
import { balancingShares, balancingZones } from "./cases/balancing-shares.ts";
import { balancingSubset } from "./cases/balancing-subset.ts";
import { chainMatcher } from "./cases/chain-matcher.ts";
import { circuitBreakers, moreCircuitBreakers } from "./cases/circuit-breakers.ts";
import { corsCsrf } from "./cases/cors-csrf.ts";
import { balancingDistributions, routeDistributions } from "./cases/distributions.ts";
import { dynamicForwardProxies } from "./cases/dynamic-forward-proxy.ts";
import { endpoints } from "./cases/endpoints.ts";
import { faults } from "./cases/faults.ts";
import { hcmAddresses } from "./cases/hcm-addresses.ts";
import { hcmOptions } from "./cases/hcm-options.ts";
import { hcmPaths } from "./cases/hcm-paths.ts";
import { headerMatch } from "./cases/header-match.ts";
import { headerMutations } from "./cases/header-mutations.ts";
import { healthCheckShares } from "./cases/health-check-shares.ts";
import { healthChecks } from "./cases/health-checks.ts";
import { hedging } from "./cases/hedging.ts";
import { httpFilters } from "./cases/http-filters.ts";
import { http1Wire } from "./cases/http1.ts";
import { http1Edges } from "./cases/http1-edges.ts";
import { internalRedirects } from "./cases/internal-redirects.ts";
import { listeners } from "./cases/listeners.ts";
import { localReplies } from "./cases/local-replies.ts";
import { matchers } from "./cases/matchers.ts";
import { mirroring } from "./cases/mirroring.ts";
import { originalDsts } from "./cases/original-dst.ts";
import { outlierRates, outliers, runtimeOutliers, tcpOutliers } from "./cases/outlier-detection.ts";
import { proxyProtocol } from "./cases/proxy-protocol.ts";
import { rateLimits, rateLimitsShared } from "./cases/rate-limits.ts";
import { retries } from "./cases/retries.ts";
import { routeActions } from "./cases/route-actions.ts";
import { routeMatch } from "./cases/route-match.ts";
import { routerFailures } from "./cases/router.ts";
import { sessions } from "./cases/sessions.ts";
import { stats, statsTags } from "./cases/stats.ts";
import { tcp } from "./cases/tcp.ts";
import { upgrades } from "./cases/upgrades.ts";
import { upstreams } from "./cases/upstreams.ts";
import { virtualHosts } from "./cases/virtual-hosts.ts";

export const groups: readonly DifferentialGroup[] = [
  hcmOptions,
  balancingShares,
  balancingZones,
  balancingHash,
  balancingSubset,
  routerFailures,
  upstreams,
  retries,
  hedging,
  internalRedirects,
  outliers,
  ...outlierRates,
  circuitBreakers,
  moreCircuitBreakers,
  runtimeOutliers,
  tcpOutliers,
  aggregates,
  originalDsts,
  endpoints,
  dynamicForwardProxies,
  httpFilters,
  faults,
  rateLimits,
  rateLimitsShared,
  sessions,
  mirroring,
  accessLogs,
  listeners,
  localReplies,
  corsCsrf,
  upgrades,
  proxyProtocol,
  chainMatcher,
  matchers,
  stats,
  statsTags,
  tcp,
  http1Wire,
  http1Edges,
  hcmAddresses,
  hcmPaths,
  virtualHosts,
  headerMatch,
  routeMatch,
  routeActions,
  headerMutations,
  balancingDistributions,
  routeDistributions,
  ...healthChecks,
  healthCheckShares,
];
