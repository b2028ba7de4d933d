// hot: per request
/**
 * Answers health checks of this proxy itself, or lets them through and remembers the answer. Envoy:
 * `envoy.filters.http.health_check` (source/extensions/filters/http/health_check/health_check.cc).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import {
  defineHttpFilter,
  type HttpFilterContext,
  type HttpFilterType,
} from "../../../http/http-filter-factory.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { HealthCheck as Message } from "../../../proto/generated/envoy/extensions/filters/http/health_check/v3.ts";
import { matchHeaders } from "../../../route/header-matcher.ts";
import type { Counter } from "../../../stats/counter.ts";
import {
  createHealthCheckFilterStats,
  type HealthCheckFilterStats,
} from "../../../stats/groups/health-check-filter-stats.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import { ClusterHealth } from "./cluster-health.ts";
import { compileHealthCheck, type HealthCheckConfig } from "./config.ts";
import { ResponseCache } from "./response-cache.ts";

export interface HealthCheckServices {
  readonly clusters: ClusterManager;
  /** Admin: `/healthcheck/fail`. */
  healthCheckFailed(): boolean;
  /** `node.cluster`. */
  readonly serviceCluster: string;
}

/** What all requests of one connection manager share. */
interface Runtime {
  readonly config: HealthCheckConfig;
  readonly services: HealthCheckServices;
  readonly stats: HealthCheckFilterStats;
  /** Health checks are never traced; that is counted. */
  readonly untraced: Counter;
  readonly cache: ResponseCache | null;
  /** Null when no cluster is asked about. */
  readonly clusterHealth: ClusterHealth | null;
}

export function healthCheck(services: HealthCheckServices): HttpFilterType {
  return defineHttpFilter<Message, HealthCheckConfig>({
    name: "envoy.filters.http.health_check",
    messages: ["envoy.extensions.filters.http.health_check.v3.HealthCheck"],
    compile: compileHealthCheck,
    createFactory: (config, context) => {
      const runtime = createRuntime(config, services, context);
      return { create: (callbacks): HttpFilter => new HealthCheckFilter(runtime, callbacks) };
    },
  });
}

function createRuntime(
  config: HealthCheckConfig,
  services: HealthCheckServices,
  context: HttpFilterContext,
): Runtime {
  const stats = createHealthCheckFilterStats(context.stats.scope("health_check"));
  const { requirements } = config;
  return {
    config,
    services,
    stats,
    untraced: context.stats.scope("tracing").counter("health_check"),
    cache: config.cacheMs > 0 ? new ResponseCache(config.cacheMs) : null,
    clusterHealth:
      requirements.length > 0 ? new ClusterHealth(requirements, services.clusters, stats) : null,
  };
}

class HealthCheckFilter implements HttpFilter {
  private readonly runtime: Runtime;
  private readonly callbacks: HttpFilterCallbacks;
  private matched = false;
  /** The answer comes from here. */
  private handling = false;

  constructor(runtime: Runtime, callbacks: HttpFilterCallbacks) {
    this.runtime = runtime;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    const { config, services, untraced } = this.runtime;
    if (!matchHeaders(headers, config.headers)) return "continue";
    this.matched = true;
    untraced.inc();
    this.callbacks.streamInfo.healthCheck = true;
    this.handling =
      !config.passThrough || services.healthCheckFailed() || this.freshCache() !== null;
    if (endStream && this.handling) this.answer();
    return this.status();
  }

  decodeData(_bytes: Buffer, endStream: boolean): FilterStatus {
    if (endStream && this.handling) this.answer();
    return this.status();
  }

  decodeTrailers(_trailers: HeaderMap): FilterStatus {
    if (this.handling) this.answer();
    return this.status();
  }

  encodeHeaders(headers: ResponseHeaderMap, _endStream: boolean): FilterStatus {
    const { cache, services } = this.runtime;
    if (this.matched) {
      cache?.store(
        headers.status,
        headers.has(Headers.EnvoyDegraded),
        this.callbacks.dispatcher.nowMs,
      );
      headers.set(Headers.EnvoyUpstreamHealthCheckedCluster, services.serviceCluster);
    }
    if (services.healthCheckFailed()) headers.set(Headers.EnvoyImmediateHealthCheckFail, "true");
    return "continue";
  }

  private status(): FilterStatus {
    return this.handling ? "stop" : "continue";
  }

  private freshCache(): ResponseCache | null {
    const { cache } = this.runtime;
    return cache?.isFresh(this.callbacks.dispatcher.nowMs) === true ? cache : null;
  }

  private answer(): void {
    const { services, stats, clusterHealth } = this.runtime;
    const cache = this.freshCache();
    stats.requestTotal.inc();
    if (services.healthCheckFailed()) this.reply(503, "health_check_failed", false);
    else if (cache !== null) {
      stats.cachedResponse.inc();
      this.reply(cache.status, "health_check_cached", cache.degraded);
    } else if (clusterHealth === null) this.reply(200, "health_check_ok", false);
    else {
      const { healthy, details, counter } = clusterHealth.check();
      counter?.inc();
      this.reply(healthy ? 200 : 503, details, false);
    }
  }

  private reply(status: number, details: string, degraded: boolean): void {
    const { stats } = this.runtime;
    const ok = status >= 200 && status <= 299;
    (ok ? stats.ok : stats.failed).inc();
    if (degraded) stats.degraded.inc();
    if (!ok) this.callbacks.streamInfo.setFlag(ResponseFlag.FailedLocalHealthCheck);
    const modify = degraded ? markDegraded : keepHeaders;
    this.callbacks.sendLocalReply({ status, body: "", details, modify });
  }
}

function markDegraded(headers: ResponseHeaderMap): void {
  headers.set(Headers.EnvoyDegraded, "");
}

function keepHeaders(_headers: ResponseHeaderMap): void {
  // Nothing to change.
}
