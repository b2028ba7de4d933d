/**
 * What route matching yields: plain data that the connection manager and the router read. Built by
 * `route-table.ts`. Envoy: `Router::Route`, `RouteEntry`, `DirectResponseEntry`
 * (envoy/router/router.h).
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { HeaderName } from "../codec/header-names.ts";
import type { Metadata, RouteFacts, StreamInfo } from "../network/stream-info.ts";
import type { InternalRedirectPolicy } from "./internal-redirect.ts";
import type { MirrorPolicy } from "./mirror-policy.ts";
import type { RouteRateLimits } from "./rate-limit-policy.ts";
import type { RetryPolicyConfig } from "./retry-policy.ts";

/** Per-filter configs by filter name in http_filters. */
export interface PerFilterConfigs {
  /** Most specific config, or undefined. */
  get(filterName: string): object | undefined;
  /** Least specific first. */
  all(filterName: string): readonly object[];
  /** `disabled` of the most specific entry that says so; undefined when none does. */
  disabled(filterName: string): boolean | undefined;
}

export interface Route extends RouteFacts {
  readonly perFilterConfigs: PerFilterConfigs;
  /** Exactly one of the two is set. */
  readonly entry: RouteEntry | null;
  readonly directResponse: DirectResponseEntry | null;
}

/** A redirect or a direct_response. */
export interface DirectResponseEntry {
  readonly status: number;
  /**
   * Applies the prefix or regex rewrite of a redirect to :path (logs show it so). Once, before
   * `newUri`; `insertOriginalPath` is false with suppress_envoy_headers. Envoy:
   * `rewritePathHeader`.
   */
  rewritePathHeader(headers: RequestHeaderMap, insertOriginalPath: boolean): void;
  /**
   * The location to send: target of a redirect, the request's own URL for a direct response of 201
   * or 3xx, "" for others.
   */
  newUri(headers: RequestHeaderMap): string;
  body(headers: RequestHeaderMap, info: StreamInfo): string;
  /** Own content type of the body, or "" for the default. */
  readonly contentType: string;
  finalizeResponseHeaders(
    headers: ResponseHeaderMap,
    request: RequestHeaderMap,
    info: StreamInfo,
  ): void;
  readonly redirect: boolean;
}

/**
 * Envoy's `upgrade_configs` of a route: upgrade type (lower case) → allowed. Absent: the manager's
 * list.
 */
export type UpgradeMap = ReadonlyMap<string, boolean>;

/** Forwards to a cluster. Durations in ms; −1 = not set (fall back), 0 = off. */
export interface RouteEntry {
  /** After weighted choice and cluster_header. "" when the header is missing. */
  readonly clusterName: string;
  readonly clusterNotFoundStatus: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  /**
   * max_stream_duration is present: `timeoutMs` is 0 and the gRPC header counts by the two fields
   * below.
   */
  readonly usesNewTimeouts: boolean;
  readonly grpcTimeoutHeaderMaxMs: number;
  readonly grpcTimeoutHeaderOffsetMs: number;
  /** max_grpc_timeout (old style). */
  readonly maxGrpcTimeoutMs: number;
  readonly grpcTimeoutOffsetMs: number;
  readonly priority: "DEFAULT" | "HIGH";
  readonly metadataMatch: Record<string, unknown> | null;
  readonly upgrades: UpgradeMap;
  /** connect_config present: CONNECT is terminated here, upstream is raw TCP. */
  readonly connectTerminates: boolean;
  readonly includeAttemptCountInRequest: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly autoHostRewrite: boolean;
  readonly appendForwardedHost: boolean;
  /** Null when retries can only be asked for by request headers. */
  readonly retryPolicy: RetryPolicyConfig | null;
  /** An attempt whose time is over goes on beside the next. */
  readonly hedgeOnPerTryTimeout: boolean;
  /** Tell the upstream whether a retry follows a time-out (`x-envoy-is-timeout-retry`). */
  readonly includeIsTimeoutRetry: boolean;
  readonly internalRedirects: InternalRedirectPolicy | null;
  /** Body bytes kept for retries and redirects; −1 = the buffer limit of the connection. */
  readonly bodyBufferLimit: number;
  /**
   * Name of the virtual cluster, "other" when none of the host's matches, "" when the host has
   * none. Its stats: `vhost.<virtualHostName>.vcluster.<name>.`.
   */
  virtualCluster(headers: RequestHeaderMap): string;
  /** Stats of the route are `vhost.<virtualHostName>.route.<statPrefix>.`; "" for none. */
  readonly statPrefix: string;
  /**
   * 64-bit hash from hash_policy, or null. `addCookie` is asked for a Set-Cookie to add to the
   * response.
   */
  hash(
    headers: RequestHeaderMap,
    info: StreamInfo,
    addCookie: (setCookie: string) => void,
  ): bigint | null;
  /**
   * Header mutations, host and path rewrites; `insertOriginalPath` is false with
   * suppress_envoy_headers.
   */
  finalizeRequestHeaders(
    headers: RequestHeaderMap,
    info: StreamInfo,
    insertOriginalPath: boolean,
  ): void;
  finalizeResponseHeaders(
    headers: ResponseHeaderMap,
    request: RequestHeaderMap,
    info: StreamInfo,
  ): void;
  readonly metadata: Metadata | null;
  /** Who gets copies of the request; null for nobody. */
  readonly mirrors: readonly MirrorPolicy[] | null;
  /** Null when neither the route nor its virtual host has rate_limits. */
  readonly rateLimits: RouteRateLimits | null;
}

/** What a request needs to be matched. */
export interface RouteMatchInput {
  readonly headers: RequestHeaderMap;
  readonly streamInfo: StreamInfo;
  /** Stable 32-bit random of the stream, drawn at first use. */
  random(): number;
}

/** One compiled RouteConfiguration, frozen. A stream takes it once and keeps it. */
export interface RouteTable {
  readonly name: string;
  /**
   * Null: no virtual host or no route matches. A plain request to a require_tls host gets a
   * redirect route.
   */
  match(input: RouteMatchInput): Route | null;
  /** Headers to strip from external requests. */
  readonly internalOnlyHeaders: readonly HeaderName[];
  /** Names of the clusters that routes may choose. */
  readonly clusterNames: readonly string[];
}
