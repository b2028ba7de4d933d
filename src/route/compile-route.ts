/** Compiles one Route message. Envoy: `RouteEntryImplBase::RouteEntryImplBase` (config_impl.cc). */
import { toByteString } from "../base/byte-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import type { Metadata } from "../network/stream-info.ts";
import type { Metadata as MetadataMessage } from "../proto/generated/envoy/config/core/v3.ts";
import type {
  RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  RouteAction_UpgradeConfig,
  Route as RouteMessage,
  VirtualHost,
  WeightedCluster,
  WeightedCluster_ClusterWeight,
} from "../proto/generated/envoy/config/route/v3.ts";
import {
  type ClusterSelection,
  FixedCluster,
  HeaderCluster,
  WeightedClusters,
  type WeightedEntry,
} from "./cluster-selection.ts";
import { compileDirectResponse, compileRedirect, DirectRoute } from "./direct-route.ts";
import { type ClusterChoice, type ForwardingAction, ForwardRoute } from "./forward-route.ts";
import { compileHashPolicy } from "./hash-policy.ts";
import { requestHeaderName } from "./header-matcher.ts";
import type { PathMatcher } from "./path-matcher.ts";
import { mergeFilterConfigs } from "./per-filter-config.ts";
import { compileHostRewrite, compilePathRewrite } from "./rewrite.ts";
import type { Route, RouteMatchInput, UpgradeMap } from "./route.ts";
import {
  compileLevel,
  filterConfigOrder,
  type LevelStack,
  mutationOrder,
  type RouteLevel,
} from "./route-levels.ts";
import { compileRouteMatch, type RouteMatch } from "./route-match.ts";
import { compileSecondChances } from "./second-chances.ts";
import { compileRouteTraffic, type TrafficParent } from "./traffic-policies.ts";
import { reportRoute, reportRouteAction } from "./unsupported-fields.ts";
import type { VirtualClusters } from "./virtual-clusters.ts";

/** Envoy: `DEFAULT_ROUTE_TIMEOUT_MS`. */
const DEFAULT_TIMEOUT_MS = 15_000;
const WEIGHT_SUM_MAX = 4_294_967_295;

/** One entry of a virtual host: when it matches, and what it leads to. */
export interface RouteRule {
  readonly match: RouteMatch;
  readonly target: RouteTarget;
}

/** What a matched rule leads to. */
export interface RouteTarget {
  select(input: RouteMatchInput): Route | null;
}

class DirectTarget implements RouteTarget {
  private readonly route: Route;

  constructor(route: Route) {
    this.route = route;
  }

  select(): Route {
    return this.route;
  }
}

/** What a route inherits. */
export interface RouteParent extends TrafficParent {
  readonly virtualHost: VirtualHost;
  readonly virtualHostMetadata: Metadata | null;
  readonly virtualClusters: VirtualClusters | null;
  /** Of the virtual host: counts where the route has none. */
  readonly retryPolicy: ForwardingAction["retryPolicy"];
  /** Virtual host and route configuration, most specific first. */
  readonly levels: readonly RouteLevel[];
  readonly mostSpecificWins: boolean;
  readonly maxDirectResponseBytes: number;
}

/** The `filter_metadata` of a metadata message. */
export function filterMetadata(message: MetadataMessage | undefined): Metadata | null {
  return message?.filterMetadata ?? null;
}

/** Null when the route cannot be built; problems are in the context. */
export function compileRoute(
  message: RouteMessage,
  parent: RouteParent,
  context: CompileContext,
): RouteRule | null {
  reportRoute(message, context);
  const match = compileRouteMatch(
    message.match ?? {},
    parent.services.runtime,
    context.at("match"),
  );
  if (match === null) return null;
  const target = new RouteCompiler(message, parent, context).target(match.path);
  return target === null ? null : { match, target };
}

class RouteCompiler {
  private readonly message: RouteMessage;
  private readonly parent: RouteParent;
  private readonly context: CompileContext;
  private readonly identity: ForwardingAction["identity"];
  private readonly stack: LevelStack;

  constructor(message: RouteMessage, parent: RouteParent, context: CompileContext) {
    this.message = message;
    this.parent = parent;
    this.context = context;
    this.identity = {
      routeName: message.name ?? "",
      virtualHostName: parent.virtualHost.name ?? "",
      metadata: filterMetadata(message.metadata),
      virtualHostMetadata: parent.virtualHostMetadata,
    };
    const level = compileLevel(message, message.route?.cors, parent.services, context);
    this.stack = {
      levels: [level, ...parent.levels],
      mostSpecificWins: parent.mostSpecificWins,
    };
  }

  target(path: PathMatcher): RouteTarget | null {
    const { message, context } = this;
    if (message.route !== undefined) return this.forward(message.route, path, context.at("route"));
    if (message.redirect !== undefined) {
      return this.direct(compileRedirect(message.redirect, path, context.at("redirect")));
    }
    if (message.directResponse !== undefined) {
      const { services, maxDirectResponseBytes } = this.parent;
      const at = context.at("direct_response");
      const { directResponse } = message;
      return this.direct(
        compileDirectResponse(directResponse, maxDirectResponseBytes, services, at),
      );
    }
    if (message.filterAction !== undefined || message.nonForwardingAction !== undefined)
      return null;
    return context.error("A route needs an action", "set route, redirect or direct_response");
  }

  private direct(action: ConstructorParameters<typeof DirectRoute>[2] | null): RouteTarget | null {
    if (action === null) return null;
    const configs = mergeFilterConfigs(filterConfigOrder(this.stack));
    const mutations = mutationOrder(this.stack, "responseMutations");
    const { time } = this.parent.services;
    return new DirectTarget(new DirectRoute(this.identity, configs, action, mutations, time));
  }

  private forward(
    message: RouteAction,
    path: PathMatcher,
    context: CompileContext,
  ): RouteTarget | null {
    reportRouteAction(message, context);
    this.checkAction(message, context);
    const action = this.action(message, path, context);
    const base: ClusterChoice = {
      clusterName: "",
      metadataMatch: lbMetadata(message.metadataMatch),
      perFilterConfigs: mergeFilterConfigs(filterConfigOrder(this.stack)),
      requestMutations: null,
      responseMutations: null,
      hostLiteral: "",
    };
    if (message.weightedClusters !== undefined) {
      return this.weighted(message.weightedClusters, action, base, context.at("weighted_clusters"));
    }
    if ((message.clusterHeader ?? "") !== "") {
      const header = requestHeaderName(message.clusterHeader!);
      return new HeaderCluster(new ForwardRoute(action, base), header);
    }
    const clusterName = message.cluster ?? "";
    if (clusterName === "") {
      return context.error(
        "A route action needs a cluster",
        "set cluster, cluster_header or weighted_clusters",
      );
    }
    this.parent.useCluster(clusterName, context.at("cluster"));
    return new FixedCluster(new ForwardRoute(action, { ...base, clusterName }));
  }

  private checkAction(message: RouteAction, context: CompileContext): void {
    if (this.message.match?.pathMatchPolicy !== undefined && (message.prefixRewrite ?? "") !== "") {
      const remedy = "use path_rewrite_policy";
      context
        .at("prefix_rewrite")
        .error("prefix_rewrite does not go with path_match_policy", remedy);
    }
  }

  private action(
    message: RouteAction,
    path: PathMatcher,
    context: CompileContext,
  ): ForwardingAction {
    const { virtualHost, virtualClusters, services } = this.parent;
    const duration = message.maxStreamDuration;
    return {
      identity: this.identity,
      clusterNotFoundStatus:
        NOT_FOUND_STATUSES[message.clusterNotFoundResponseCode ?? DEFAULT_CODE],
      // max_stream_duration, even empty, replaces the route timeout.
      timeoutMs: duration === undefined ? durationMs(message.timeout, DEFAULT_TIMEOUT_MS) : 0,
      idleTimeoutMs: durationMs(message.idleTimeout, -1),
      maxStreamDurationMs: durationMs(duration?.maxStreamDuration, -1),
      usesNewTimeouts: duration !== undefined,
      grpcTimeoutHeaderMaxMs: durationMs(duration?.grpcTimeoutHeaderMax, -1),
      grpcTimeoutHeaderOffsetMs: durationMs(duration?.grpcTimeoutHeaderOffset, -1),
      maxGrpcTimeoutMs: duration === undefined ? durationMs(message.maxGrpcTimeout, -1) : -1,
      grpcTimeoutOffsetMs: durationMs(message.grpcTimeoutOffset, -1),
      ...compileSecondChances(this.message, message, this.parent, context),
      priority: message.priority === "HIGH" ? "HIGH" : "DEFAULT",
      ...compileUpgrades(message.upgradeConfigs, context),
      includeAttemptCountInRequest: virtualHost.includeRequestAttemptCount === true,
      includeAttemptCountInResponse: virtualHost.includeAttemptCountInResponse === true,
      autoHostRewrite: message.autoHostRewrite === true,
      appendForwardedHost: message.appendXForwardedHost === true,
      statPrefix: this.message.statPrefix ?? "",
      virtualClusters,
      hashPolicy: compileHashPolicy(message.hashPolicy, context),
      ...compileRouteTraffic(message, this.parent, context),
      hostRewrite: compileHostRewrite(message, services.formats, context),
      pathRewrite: compilePathRewrite(message, path, services.formats, context),
      requestMutations: mutationOrder(this.stack, "requestMutations"),
      responseMutations: mutationOrder(this.stack, "responseMutations"),
      clock: services.time,
    };
  }

  private weighted(
    message: WeightedCluster,
    action: ForwardingAction,
    base: ClusterChoice,
    context: CompileContext,
  ): RouteTarget | null {
    const prefix = message.runtimeKeyPrefix ?? "";
    const entries: WeightedEntry[] = [];
    let total = 0;
    for (const [index, cluster] of (message.clusters ?? []).entries()) {
      const at = context.at("clusters", index);
      const selection = this.weightedEntry(cluster, action, base, at);
      if (selection === null) continue;
      const weight = cluster.weight ?? 0;
      if (cluster.weight === undefined)
        at.at("weight").error("A weighted cluster needs a weight", "set weight");
      total += weight;
      const runtimeKey = prefix === "" ? "" : `${prefix}.${cluster.name ?? ""}`;
      entries.push({ selection, weight, runtimeKey });
    }
    if (total === 0)
      return context.error(
        "The weights of the clusters add up to zero",
        "give one a weight above 0",
      );
    if (total > WEIGHT_SUM_MAX)
      return context.error("The weights of the clusters exceed 4294967295", "use smaller weights");
    const headerName = message.headerName ?? "";
    return new WeightedClusters(entries, {
      header: headerName === "" ? null : requestHeaderName(headerName),
      hashPolicy: message.useHashPolicy === true ? action.hashPolicy : null,
      runtime: prefix === "" ? null : this.parent.services.runtime,
    });
  }

  private weightedEntry(
    message: WeightedCluster_ClusterWeight,
    action: ForwardingAction,
    base: ClusterChoice,
    context: CompileContext,
  ): ClusterSelection | null {
    const name = message.name ?? "";
    const header = message.clusterHeader ?? "";
    if ((name === "") === (header === "")) {
      return context.error(
        "A weighted cluster needs one of name and cluster_header",
        "set exactly one",
      );
    }
    if (name !== "") this.parent.useCluster(name, context.at("name"));
    const level = compileLevel(message, undefined, this.parent.services, context);
    const own = lbMetadata(message.metadataMatch);
    const route = new ForwardRoute(action, {
      clusterName: name,
      metadataMatch: own === null ? base.metadataMatch : { ...base.metadataMatch, ...own },
      perFilterConfigs: mergeFilterConfigs([...filterConfigOrder(this.stack), level.filterConfigs]),
      requestMutations: level.requestMutations.empty ? null : level.requestMutations,
      responseMutations: level.responseMutations.empty ? null : level.responseMutations,
      hostLiteral: toByteString(message.hostRewriteLiteral ?? ""),
    });
    if (header === "") return new FixedCluster(route);
    return new HeaderCluster(route, requestHeaderName(header));
  }
}

const DEFAULT_CODE: RouteAction_ClusterNotFoundResponseCode = "SERVICE_UNAVAILABLE";

const NOT_FOUND_STATUSES: Readonly<Record<RouteAction_ClusterNotFoundResponseCode, number>> = {
  SERVICE_UNAVAILABLE: 503,
  NOT_FOUND: 404,
  INTERNAL_SERVER_ERROR: 500,
};

/** The subset criteria of a metadata_match. */
function lbMetadata(message: MetadataMessage | undefined): Record<string, unknown> | null {
  return message?.filterMetadata?.["envoy.lb"] ?? null;
}

interface Upgrades {
  readonly upgrades: UpgradeMap;
  readonly connectTerminates: boolean;
}

function compileUpgrades(
  messages: readonly RouteAction_UpgradeConfig[] | undefined,
  context: CompileContext,
): Upgrades {
  const upgrades = new Map<string, boolean>();
  let connectTerminates = false;
  for (const [index, message] of (messages ?? []).entries()) {
    const at = context.at("upgrade_configs", index);
    const type = (message.upgradeType ?? "").toLowerCase();
    if (upgrades.has(type))
      at.at("upgrade_type").error(`Upgrade ${type} is there twice`, "remove one");
    upgrades.set(type, message.enabled ?? true);
    if (message.connectConfig === undefined) continue;
    const inside = at.at("connect_config");
    if (type === "connect") connectTerminates = true;
    else
      inside.error(
        `connect_config does not go with upgrade ${message.upgradeType ?? ""}`,
        "use upgrade_type: CONNECT",
      );
    if (message.connectConfig.proxyProtocolConfig !== undefined) {
      inside
        .at("proxy_protocol_config")
        .error("proxy_protocol_config is not supported yet", "remove it");
    }
    if (message.connectConfig.allowPost === true) {
      inside.at("allow_post").error("allow_post is not supported yet", "remove it");
    }
  }
  return { upgrades, connectTerminates };
}
