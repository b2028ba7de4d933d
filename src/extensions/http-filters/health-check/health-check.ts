// hot: per request
/**
 * Answers health checks of this proxy itself, or lets them through and remembers the answer. Envoy:
 * `envoy.filters.http.health_check` (source/extensions/filters/http/health_check/health_check.cc).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { HealthCheck as Message } from "../../../proto/generated/envoy/extensions/filters/http/health_check/v3.ts";
import {
  compileHeaderMatchers,
  type HeaderMatcher,
  matchHeaders,
} from "../../../route/header-matcher.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import { type ClusterRequirement, checkClusters, HEALTHY } from "./cluster-health.ts";
import { ResponseCache } from "./response-cache.ts";

export interface HealthCheckServices {
  readonly clusters: ClusterManager;
  /** Admin: `/healthcheck/fail`. */
  healthCheckFailed(): boolean;
  /** `node.cluster`. */
  readonly serviceCluster: string;
}

interface Config {
  readonly passThrough: boolean;
  readonly headers: readonly HeaderMatcher[];
  /** 0: answers are not remembered. */
  readonly cacheMs: number;
  readonly requirements: readonly ClusterRequirement[];
}

export function healthCheck(services: HealthCheckServices): HttpFilterType {
  return defineHttpFilter<Message, Config>({
    name: "envoy.filters.http.health_check",
    messages: ["envoy.extensions.filters.http.health_check.v3.HealthCheck"],
    compile,
    createFactory: (config) => {
      const cache = config.cacheMs > 0 ? new ResponseCache(config.cacheMs) : null;
      return {
        create: (callbacks): HttpFilter =>
          new HealthCheckFilter(config, cache, services, callbacks),
      };
    },
  });
}

function compile(message: Message, context: CompileContext): Config | null {
  const passThrough = message.passThroughMode;
  if (passThrough === undefined) {
    return context
      .at("pass_through_mode")
      .error("The mode is missing", "set pass_through_mode to true or false");
  }
  const cacheMs = durationMs(message.cacheTime, 0);
  if (cacheMs > 0 && !passThrough) {
    context
      .at("cache_time")
      .error(
        "Only answers that pass through are remembered",
        "remove cache_time, or set pass_through_mode to true",
      );
  }
  const minimums = Object.entries(message.clusterMinHealthyPercentages ?? {});
  if (minimums.length > 0 && passThrough) {
    context
      .at("cluster_min_healthy_percentages")
      .warn(
        "In pass-through mode the upstream answers: the minimums do nothing",
        "set pass_through_mode to false",
      );
  }
  return {
    passThrough,
    headers: compileHeaderMatchers(message.headers, context),
    cacheMs,
    requirements: minimums.map(([name, percent]) => ({ name, percent: percent.value ?? 0 })),
  };
}

class HealthCheckFilter implements HttpFilter {
  private readonly config: Config;
  private readonly cache: ResponseCache | null;
  private readonly services: HealthCheckServices;
  private readonly callbacks: HttpFilterCallbacks;
  private matched = false;
  /** The answer comes from here. */
  private handling = false;

  constructor(
    config: Config,
    cache: ResponseCache | null,
    services: HealthCheckServices,
    callbacks: HttpFilterCallbacks,
  ) {
    this.config = config;
    this.cache = cache;
    this.services = services;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    if (!matchHeaders(headers, this.config.headers)) return "continue";
    this.matched = true;
    this.callbacks.streamInfo.healthCheck = true;
    this.handling =
      !this.config.passThrough || this.services.healthCheckFailed() || this.hasCached();
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
    if (this.matched) {
      this.cache?.store(
        headers.status,
        headers.has(Headers.EnvoyDegraded),
        this.callbacks.dispatcher.nowMs,
      );
      headers.set(Headers.EnvoyUpstreamHealthCheckedCluster, this.services.serviceCluster);
    } else if (this.services.healthCheckFailed())
      headers.set(Headers.EnvoyImmediateHealthCheckFail, "true");
    return "continue";
  }

  private status(): FilterStatus {
    return this.handling ? "stop" : "continue";
  }

  private hasCached(): boolean {
    return this.cache?.isFresh(this.callbacks.dispatcher.nowMs) ?? false;
  }

  private answer(): void {
    const { cache, callbacks } = this;
    if (this.services.healthCheckFailed()) this.reply(503, "health_check_failed", false);
    else if (cache?.isFresh(callbacks.dispatcher.nowMs) === true) {
      this.reply(cache.status, "health_check_cached", cache.degraded);
    } else this.answerForClusters();
  }

  private answerForClusters(): void {
    const { requirements } = this.config;
    if (requirements.length === 0) {
      this.reply(200, "health_check_ok", false);
      return;
    }
    const verdict = checkClusters(requirements, this.services.clusters);
    this.reply(verdict === HEALTHY ? 200 : 503, verdict, false);
  }

  private reply(status: number, details: string, degraded: boolean): void {
    if (status < 200 || status > 299)
      this.callbacks.streamInfo.setFlag(ResponseFlag.FailedLocalHealthCheck);
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
