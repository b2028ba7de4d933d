// hot: per request
/**
 * Answers requests that come faster than a token bucket allows with 429. All data planes take from
 * the same buckets. Envoy: `envoy.filters.http.local_ratelimit`
 * (source/extensions/filters/http/local_ratelimit). Differs from Envoy: a bucket goes on when its
 * configuration is replaced by one that says the same; each data plane remembers its own
 * max_dynamic_descriptors.
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { RuntimeFraction } from "../../../config/runtime.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import { type ConnectionInfo, ResponseFlag } from "../../../network/stream-info.ts";
import type { LocalRateLimit } from "../../../proto/generated/envoy/extensions/filters/http/local_ratelimit/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import type { RateLimitInput } from "../../../route/rate-limit-actions.ts";
import type { RateLimitDescriptor } from "../../../route/rate-limit-policy.ts";
import type { RouteEntry } from "../../../route/route.ts";
import {
  createHttpLocalRateLimitStats,
  type HttpLocalRateLimitStats,
} from "../../../stats/groups/http-local-rate-limit-stats.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import {
  type LimiterSlots,
  localTokenBucket,
  type SharedTokenBucket,
} from "../../../upstream/limiter-slots.ts";
import { FilterFormatterContext } from "../../common/filter-formatter-context.ts";
import { draws, type RuntimeDraw } from "../../common/runtime-percent.ts";
import { compileLimit, compileRouteLimit, type LimitConfig } from "./config.ts";
import { RateLimiter } from "./limiter.ts";

const MESSAGE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const GRPC_RESOURCE_EXHAUSTED = 8;
const NO_DESCRIPTORS: readonly RateLimitDescriptor[] = [];

const LIMIT: HeaderName = headerName("x-ratelimit-limit");
const REMAINING: HeaderName = headerName("x-ratelimit-remaining");
const RESET: HeaderName = headerName("x-ratelimit-reset");

export interface HttpLocalRateLimitServices {
  readonly draw: RuntimeDraw;
  readonly limiters: LimiterSlots;
  readonly formats: FormatParser;
  readonly time: { monotonicMs(): number; wallMs(): number };
  /** `node.cluster`. */
  readonly serviceCluster: string;
  /** `cluster_manager.local_cluster_name`; "" without one. */
  readonly localCluster: string;
  readonly clusters: ClusterManager;
}

/** A configuration in use: its buckets and its stats. */
interface Limit {
  readonly config: LimitConfig;
  readonly limiter: RateLimiter;
  readonly stats: HttpLocalRateLimitStats;
  readonly scope: StatsScope;
}

export function httpLocalRateLimit(services: HttpLocalRateLimitServices): HttpFilterType {
  const routes = new RouteLimits(services);
  const { formats, time, localCluster } = services;
  const compilation = { formats, time, localCluster };
  return defineHttpFilter<LocalRateLimit, LimitConfig, LocalRateLimit, LimitConfig>({
    name: "envoy.filters.http.local_ratelimit",
    messages: [MESSAGE],
    routeMessages: [MESSAGE],
    compile: (message, context) => compileLimit(message, compilation, context),
    compileRoute: (message, context) => compileRouteLimit(message, compilation, context),
    createFactory: (config, { rootStats }) => {
      const limit = openLimit(config, services, rootStats);
      return {
        create: (callbacks): HttpFilter =>
          new LocalRateLimitFilter(limit, routes, rootStats, callbacks),
        close: () => closeLimit(limit),
      };
    },
  });
}

function openLimit(
  config: LimitConfig,
  { limiters, time }: HttpLocalRateLimitServices,
  rootStats: StatsScope,
): Limit {
  const { identity, statPrefix } = config;
  const scope = rootStats.scope(`${statPrefix}.http_local_rate_limit`);
  // Holds no reference to `config`: see RouteLimits.
  const limiter = new RateLimiter(config, (key, rate) =>
    limiters.bucket(`${identity} ${key}`, rate, time),
  );
  return { config, limiter, stats: createHttpLocalRateLimitStats(scope), scope };
}

function closeLimit({ limiter, scope }: Limit): void {
  limiter.close();
  scope.remove();
}

/**
 * Limits of routes, opened at the first request. Nobody says when a route table is gone, so their
 * buckets are given back when the configuration is no longer in memory.
 */
class RouteLimits {
  readonly services: HttpLocalRateLimitServices;
  private readonly open = new WeakMap<LimitConfig, Limit>();
  private readonly abandoned = new FinalizationRegistry<() => void>((close) => close());
  /** Envoy: one limiter per connection, whichever configuration asked for it first. */
  private readonly ofConnections = new WeakMap<ConnectionInfo, RateLimiter>();

  constructor(services: HttpLocalRateLimitServices) {
    this.services = services;
  }

  of(config: LimitConfig, rootStats: StatsScope): Limit {
    let limit = this.open.get(config);
    if (limit === undefined) {
      limit = openLimit(config, this.services, rootStats);
      this.open.set(config, limit);
      const { limiter, scope } = limit;
      this.abandoned.register(config, () => {
        limiter.close();
        scope.remove();
      });
    }
    return limit;
  }

  ofConnection(config: LimitConfig, connection: ConnectionInfo): RateLimiter {
    let limiter = this.ofConnections.get(connection);
    if (limiter === undefined) {
      limiter = new RateLimiter(config, (_, rate) => localTokenBucket(rate, this.services.time));
      this.ofConnections.set(connection, limiter);
    }
    return limiter;
  }
}

class LocalRateLimitFilter implements HttpFilter {
  private limit: Limit;
  private readonly routes: RouteLimits;
  private readonly rootStats: StatsScope;
  private readonly callbacks: HttpFilterCallbacks;
  /** What the response tells of; null until the request was looked at. */
  private bucket: SharedTokenBucket | null = null;

  constructor(
    limit: Limit,
    routes: RouteLimits,
    rootStats: StatsScope,
    callbacks: HttpFilterCallbacks,
  ) {
    this.limit = limit;
    this.routes = routes;
    this.rootStats = rootStats;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const own = this.callbacks.routeConfig() as LimitConfig | null;
    if (own !== null) this.limit = this.routes.of(own, this.rootStats);
    const { config, stats } = this.limit;
    if (!this.draws(config.enabled)) return "continue";
    stats.enabled.inc();
    const shares = config.sharedWithCluster ? this.members() : 1;
    const outcome = this.limiter().request(this.descriptors(headers), shares);
    this.bucket = outcome.bucket;
    if (outcome.allowed) {
      stats.ok.inc();
      return "continue";
    }
    stats.rateLimited.inc();
    if (this.draws(config.enforced)) {
      stats.enforced.inc();
      this.refuse(config);
      return "stop";
    }
    if (!config.requestMutations.empty) {
      config.requestMutations.apply(headers, new FilterFormatterContext(this.callbacks));
    }
    return "continue";
  }

  encodeHeaders(headers: ResponseHeaderMap, _endStream: boolean): FilterStatus {
    const { bucket } = this;
    if (bucket === null || !this.limit.config.showsLimits) return "continue";
    headers.add(LIMIT, String(bucket.rate.maxTokens));
    headers.add(REMAINING, String(Math.floor(bucket.remaining)));
    headers.add(RESET, String(resetSeconds(bucket)));
    return "continue";
  }

  private draws(fraction: RuntimeFraction | null): boolean {
    return fraction !== null && draws(fraction, this.routes.services.draw);
  }

  private limiter(): RateLimiter {
    const { config, limiter } = this.limit;
    if (!config.perConnection) return limiter;
    return this.routes.ofConnection(config, this.callbacks.streamInfo.connection);
  }

  /** Envoy: a host of the local cluster may use its part of the limit; without hosts, all of it. */
  private members(): number {
    const { clusters, localCluster } = this.routes.services;
    const lookup = clusters.lookup(localCluster);
    return lookup.kind === "now" ? Math.max(1, lookup.cluster.memberCounts().total) : 1;
  }

  private descriptors(headers: RequestHeaderMap): readonly RateLimitDescriptor[] {
    const { config } = this.limit;
    if (config.descriptors.length === 0) return NO_DESCRIPTORS;
    const entry = this.callbacks.route()?.entry ?? null;
    const { serviceCluster } = this.routes.services;
    const { streamInfo } = this.callbacks;
    const input: RateLimitInput = { headers, streamInfo, entry, serviceCluster };
    const found: RateLimitDescriptor[] = [];
    if (config.policy !== null) config.policy.collect(0, input, found);
    else if (entry !== null) collectOfRoute(entry, config, input, found);
    return found;
  }

  private refuse({ status, resourceExhausted, responseMutations }: LimitConfig): void {
    const { callbacks } = this;
    callbacks.streamInfo.setFlag(ResponseFlag.RateLimited);
    const body = "local_rate_limited";
    callbacks.sendLocalReply({
      status,
      body,
      details: body,
      ...(resourceExhausted ? { grpcStatus: GRPC_RESOURCE_EXHAUSTED } : {}),
      modify: (headers) => {
        if (responseMutations.empty) return;
        responseMutations.apply(headers, new FilterFormatterContext(callbacks));
      },
    });
  }
}

/** Envoy: `Filter::populateDescriptors`. */
function collectOfRoute(
  { rateLimits }: RouteEntry,
  { stage, vhRateLimits }: LimitConfig,
  input: RateLimitInput,
  found: RateLimitDescriptor[],
): void {
  if (rateLimits === null) return;
  const { route, virtualHost, includeVirtualHost } = rateLimits;
  route?.collect(stage, input, found);
  const ofHost = includeVirtualHost || vhRateLimits === "INCLUDE";
  if (ofHost || (vhRateLimits === "OVERRIDE" && route === null)) {
    virtualHost?.collect(stage, input, found);
  }
}

/** Full seconds until there is a whole token again; 0 when there is one. */
function resetSeconds(bucket: SharedTokenBucket): number {
  const missing = 1 - bucket.remaining;
  return missing <= 0 ? 0 : Math.floor(missing / bucket.tokensPerMs / 1000);
}
