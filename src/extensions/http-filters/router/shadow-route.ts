// hot: per request
/**
 * The route of a copy: to one cluster, with the time-out of the request it was made of, and nothing
 * else. Envoy: `NullRouteImpl` of `Http::AsyncClientImpl` (source/common/http/null_route_impl.h).
 */
import type { Metadata } from "../../../network/stream-info.ts";
import { NO_FILTER_CONFIGS } from "../../../route/per-filter-config.ts";
import type {
  DirectResponseEntry,
  PerFilterConfigs,
  Route,
  RouteEntry,
  UpgradeMap,
} from "../../../route/route.ts";

const NO_UPGRADES: UpgradeMap = new Map();

export class ShadowRoute implements Route, RouteEntry {
  readonly clusterName: string;
  readonly timeoutMs: number;
  readonly routeName = "";
  readonly virtualHostName = "";
  readonly metadata: Metadata | null = null;
  readonly virtualHostMetadata: Metadata | null = null;
  readonly perFilterConfigs: PerFilterConfigs = NO_FILTER_CONFIGS;
  readonly directResponse: DirectResponseEntry | null = null;
  readonly clusterNotFoundStatus = 500;
  readonly idleTimeoutMs = -1;
  readonly maxStreamDurationMs = -1;
  readonly usesNewTimeouts = false;
  readonly grpcTimeoutHeaderMaxMs = -1;
  readonly grpcTimeoutHeaderOffsetMs = -1;
  readonly maxGrpcTimeoutMs = -1;
  readonly grpcTimeoutOffsetMs = -1;
  readonly priority = "DEFAULT";
  readonly metadataMatch: Record<string, unknown> | null = null;
  readonly upgrades: UpgradeMap = NO_UPGRADES;
  readonly connectTerminates = false;
  readonly includeAttemptCountInRequest = false;
  readonly includeAttemptCountInResponse = false;
  readonly autoHostRewrite = false;
  readonly appendForwardedHost = false;
  readonly retryPolicy = null;
  readonly hedgeOnPerTryTimeout = false;
  readonly includeIsTimeoutRetry = false;
  readonly internalRedirects = null;
  readonly bodyBufferLimit = -1;
  readonly statPrefix = "";
  readonly mirrors = null;
  readonly rateLimits = null;

  constructor(clusterName: string, timeoutMs: number) {
    this.clusterName = clusterName;
    this.timeoutMs = timeoutMs;
  }

  get entry(): RouteEntry {
    return this;
  }

  virtualCluster(): string {
    return "";
  }

  hash(): bigint | null {
    return null;
  }

  finalizeRequestHeaders(): void {
    // The head is ready.
  }

  finalizeResponseHeaders(): void {
    // Nobody reads the response.
  }
}
