// hot: per request
/**
 * A route that forwards: what the route action says (shared by all clusters the route may choose)
 * and what one cluster of it adds. Frozen; the common case is made once, when the virtual host is
 * compiled. Envoy: `RouteEntryImplBase`, `DynamicRouteEntry`, `WeightedClusterEntry`.
 */

import { portStart } from "../codec/authority.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { Metadata, StreamInfo } from "../network/stream-info.ts";
import type { AddCookie, HashPolicy } from "./hash-policy.ts";
import type { HeaderMutations } from "./header-mutation.ts";
import type { InternalRedirectPolicy } from "./internal-redirect.ts";
import type { MirrorPolicy } from "./mirror-policy.ts";
import type { RouteRateLimits } from "./rate-limit-policy.ts";
import type { RetryPolicyConfig } from "./retry-policy.ts";
import { type HostRewrite, type PathRewrite, updateAuthority } from "./rewrite.ts";
import type { PerFilterConfigs, Route, RouteEntry, UpgradeMap } from "./route.ts";
import { applyMutations, type RouteClock, requestFormatContext } from "./route-format.ts";
import type { RouteIdentity } from "./route-identity.ts";
import type { VirtualClusters } from "./virtual-clusters.ts";

/**
 * Filter state key under which the connection manager keeps the port it stripped from a CONNECT
 * host.
 */
export const ORIGINAL_CONNECT_PORT = "envoy.router.original_connect_port";

/** A compiled route action. Durations in ms; −1 = not set, 0 = off. */
export interface ForwardingAction {
  readonly identity: RouteIdentity;
  readonly clusterNotFoundStatus: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  readonly usesNewTimeouts: boolean;
  readonly grpcTimeoutHeaderMaxMs: number;
  readonly grpcTimeoutHeaderOffsetMs: number;
  readonly maxGrpcTimeoutMs: number;
  readonly grpcTimeoutOffsetMs: number;
  readonly retryPolicy: RetryPolicyConfig | null;
  readonly hedgeOnPerTryTimeout: boolean;
  readonly includeIsTimeoutRetry: boolean;
  readonly internalRedirects: InternalRedirectPolicy | null;
  readonly bodyBufferLimit: number;
  readonly priority: "DEFAULT" | "HIGH";
  readonly upgrades: UpgradeMap;
  readonly connectTerminates: boolean;
  readonly includeAttemptCountInRequest: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly autoHostRewrite: boolean;
  readonly appendForwardedHost: boolean;
  readonly statPrefix: string;
  readonly virtualClusters: VirtualClusters | null;
  readonly hashPolicy: HashPolicy | null;
  readonly rateLimits: RouteRateLimits | null;
  readonly mirrors: readonly MirrorPolicy[] | null;
  readonly hostRewrite: HostRewrite | null;
  readonly pathRewrite: PathRewrite | null;
  /** Levels in order of application, empty ones left out. */
  readonly requestMutations: readonly HeaderMutations[];
  readonly responseMutations: readonly HeaderMutations[];
  readonly clock: RouteClock;
}

/** What the chosen cluster adds to the action. */
export interface ClusterChoice {
  readonly clusterName: string;
  /** Subset criteria: `envoy.lb` of the route, overlaid by the weighted cluster's. */
  readonly metadataMatch: Record<string, unknown> | null;
  readonly perFilterConfigs: PerFilterConfigs;
  /** Of a weighted cluster: applied before all levels. Null for none. */
  readonly requestMutations: HeaderMutations | null;
  readonly responseMutations: HeaderMutations | null;
  /** host_rewrite_literal of a weighted cluster, or "". */
  readonly hostLiteral: string;
}

export class ForwardRoute implements Route, RouteEntry {
  readonly clusterName: string;
  readonly metadataMatch: Record<string, unknown> | null;
  readonly perFilterConfigs: PerFilterConfigs;
  readonly directResponse: null = null;
  private readonly action: ForwardingAction;
  private readonly choice: ClusterChoice;
  private readonly responseMutations: readonly HeaderMutations[];
  /** Nothing to do before forwarding, except for CONNECT ports. */
  private readonly plain: boolean;

  constructor(action: ForwardingAction, choice: ClusterChoice) {
    this.clusterName = choice.clusterName;
    this.metadataMatch = choice.metadataMatch;
    this.perFilterConfigs = choice.perFilterConfigs;
    this.action = action;
    this.choice = choice;
    this.responseMutations =
      choice.responseMutations === null
        ? action.responseMutations
        : [choice.responseMutations, ...action.responseMutations];
    this.plain =
      action.requestMutations.length === 0 &&
      choice.requestMutations === null &&
      choice.hostLiteral === "" &&
      action.hostRewrite === null &&
      action.pathRewrite === null;
  }

  /** The same route to another cluster. */
  withCluster(clusterName: string): ForwardRoute {
    return new ForwardRoute(this.action, { ...this.choice, clusterName });
  }

  get entry(): RouteEntry {
    return this;
  }

  get routeName(): string {
    return this.action.identity.routeName;
  }

  get virtualHostName(): string {
    return this.action.identity.virtualHostName;
  }

  get metadata(): Metadata | null {
    return this.action.identity.metadata;
  }

  get virtualHostMetadata(): Metadata | null {
    return this.action.identity.virtualHostMetadata;
  }

  get clusterNotFoundStatus(): number {
    return this.action.clusterNotFoundStatus;
  }

  get timeoutMs(): number {
    return this.action.timeoutMs;
  }

  get idleTimeoutMs(): number {
    return this.action.idleTimeoutMs;
  }

  get maxStreamDurationMs(): number {
    return this.action.maxStreamDurationMs;
  }

  get usesNewTimeouts(): boolean {
    return this.action.usesNewTimeouts;
  }

  get grpcTimeoutHeaderMaxMs(): number {
    return this.action.grpcTimeoutHeaderMaxMs;
  }

  get grpcTimeoutHeaderOffsetMs(): number {
    return this.action.grpcTimeoutHeaderOffsetMs;
  }

  get maxGrpcTimeoutMs(): number {
    return this.action.maxGrpcTimeoutMs;
  }

  get grpcTimeoutOffsetMs(): number {
    return this.action.grpcTimeoutOffsetMs;
  }

  get retryPolicy(): RetryPolicyConfig | null {
    return this.action.retryPolicy;
  }

  get hedgeOnPerTryTimeout(): boolean {
    return this.action.hedgeOnPerTryTimeout;
  }

  get includeIsTimeoutRetry(): boolean {
    return this.action.includeIsTimeoutRetry;
  }

  get internalRedirects(): InternalRedirectPolicy | null {
    return this.action.internalRedirects;
  }

  get bodyBufferLimit(): number {
    return this.action.bodyBufferLimit;
  }

  get priority(): "DEFAULT" | "HIGH" {
    return this.action.priority;
  }

  get upgrades(): UpgradeMap {
    return this.action.upgrades;
  }

  get connectTerminates(): boolean {
    return this.action.connectTerminates;
  }

  get includeAttemptCountInRequest(): boolean {
    return this.action.includeAttemptCountInRequest;
  }

  get includeAttemptCountInResponse(): boolean {
    return this.action.includeAttemptCountInResponse;
  }

  get autoHostRewrite(): boolean {
    return this.action.autoHostRewrite;
  }

  get appendForwardedHost(): boolean {
    return this.action.appendForwardedHost;
  }

  get statPrefix(): string {
    return this.action.statPrefix;
  }

  get mirrors(): readonly MirrorPolicy[] | null {
    return this.action.mirrors;
  }

  get rateLimits(): RouteRateLimits | null {
    return this.action.rateLimits;
  }

  virtualCluster(headers: RequestHeaderMap): string {
    const { virtualClusters } = this.action;
    return virtualClusters === null ? "" : virtualClusters.nameOf(headers);
  }

  hash(headers: RequestHeaderMap, info: StreamInfo, addCookie: AddCookie): bigint | null {
    const { hashPolicy } = this.action;
    return hashPolicy === null ? null : hashPolicy.hash(headers, info, addCookie);
  }

  finalizeRequestHeaders(
    headers: RequestHeaderMap,
    info: StreamInfo,
    insertOriginalPath: boolean,
  ): void {
    if (!this.plain) this.mutate(headers, info);
    restoreConnectPort(headers, info);
    if (!this.plain) this.rewrite(headers, info, insertOriginalPath);
  }

  finalizeResponseHeaders(
    headers: ResponseHeaderMap,
    request: RequestHeaderMap,
    info: StreamInfo,
  ): void {
    applyMutations(this.responseMutations, headers, request, info, this.action.clock);
  }

  private mutate(headers: RequestHeaderMap, info: StreamInfo): void {
    const { requestMutations, clock } = this.action;
    const { requestMutations: own, hostLiteral } = this.choice;
    const context = requestFormatContext(headers, info, clock);
    if (own !== null) own.apply(headers, context);
    if (hostLiteral !== "") headers.authority = hostLiteral;
    for (let index = 0; index < requestMutations.length; index++) {
      requestMutations[index]!.apply(headers, context);
    }
  }

  private rewrite(headers: RequestHeaderMap, info: StreamInfo, insertOriginal: boolean): void {
    const { hostRewrite, pathRewrite, clock } = this.action;
    const context = requestFormatContext(headers, info, clock);
    const host = hostRewrite === null ? null : hostRewrite.rewrite(headers, context);
    if (host !== null) {
      updateAuthority(headers, host, this.action.appendForwardedHost, insertOriginal);
    }
    const path = pathRewrite === null ? null : pathRewrite.rewrite(headers.path, context);
    if (path === null) return;
    if (insertOriginal) headers.set(Headers.EnvoyOriginalPath, headers.path);
    headers.path = path;
  }
}

function restoreConnectPort(headers: RequestHeaderMap, info: StreamInfo): void {
  const port = info.filterState(ORIGINAL_CONNECT_PORT);
  if (port === undefined || portStart(headers.authority) >= 0) return;
  headers.authority = headers.authority.concat(":", port.serializeAsString());
}
