// hot: per request
/**
 * Cross-origin resource sharing: answers preflights, marks answers that other sites may read.
 * Policies stand in typed_per_filter_config. Envoy: `envoy.filters.http.cors`
 * (source/extensions/filters/http/cors/cors_filter.cc).
 */
import type { HeaderMap, RequestHeaderMap } from "../../../codec/header-map.ts";
import { ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers, headerName } from "../../../codec/header-names.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type {
  Cors,
  CorsPolicy as PolicyMessage,
} from "../../../proto/generated/envoy/extensions/filters/http/cors/v3.ts";
import { type CorsStats, createCorsStats } from "../../../stats/groups/cors-stats.ts";
import { draws, type RuntimeDraw } from "../../common/runtime-percent.ts";
import { type CorsPolicy, compileCorsPolicy } from "./config.ts";

const REQUEST_METHOD: HeaderName = headerName("access-control-request-method");
const REQUEST_HEADERS: HeaderName = headerName("access-control-request-headers");
const REQUEST_PRIVATE_NETWORK: HeaderName = headerName("access-control-request-private-network");
const ALLOW_ORIGIN: HeaderName = headerName("access-control-allow-origin");
const ALLOW_CREDENTIALS: HeaderName = headerName("access-control-allow-credentials");
const ALLOW_METHODS: HeaderName = headerName("access-control-allow-methods");
const ALLOW_HEADERS: HeaderName = headerName("access-control-allow-headers");
const ALLOW_PRIVATE_NETWORK: HeaderName = headerName("access-control-allow-private-network");
const EXPOSE_HEADERS: HeaderName = headerName("access-control-expose-headers");
const MAX_AGE: HeaderName = headerName("access-control-max-age");

export function cors(draw: RuntimeDraw): HttpFilterType {
  return defineHttpFilter<Cors, object, PolicyMessage, CorsPolicy>({
    name: "envoy.filters.http.cors",
    messages: ["envoy.extensions.filters.http.cors.v3.Cors"],
    routeMessages: ["envoy.extensions.filters.http.cors.v3.CorsPolicy"],
    compile: () => ({}),
    compileRoute: compileCorsPolicy,
    createFactory: (_config, context) => {
      const stats = createCorsStats(context.stats.scope("cors"));
      return { create: (callbacks) => createFilter(stats, draw, callbacks) };
    },
  });
}

/** Routes without policy and routes that do not forward need no filter. */
function createFilter(
  stats: CorsStats,
  draw: RuntimeDraw,
  callbacks: HttpFilterCallbacks,
): HttpFilter | null {
  const policies = callbacks.routeConfigs() as readonly CorsPolicy[];
  const forwards = (callbacks.route()?.entry ?? null) !== null;
  return policies.length === 0 || !forwards
    ? null
    : new CorsFilter(policies, stats, draw, callbacks);
}

class CorsFilter implements HttpFilter {
  /** Least specific first. */
  private readonly policies: readonly CorsPolicy[];
  private readonly stats: CorsStats;
  private readonly draw: RuntimeDraw;
  private readonly callbacks: HttpFilterCallbacks;
  /** Origin that may read the answer; "" for none. */
  private allowedOrigin = "";
  private answered = false;

  constructor(
    policies: readonly CorsPolicy[],
    stats: CorsStats,
    draw: RuntimeDraw,
    callbacks: HttpFilterCallbacks,
  ) {
    this.policies = policies;
    this.stats = stats;
    this.draw = draw;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const policy = this.policies[this.policies.length - 1]!;
    const enabled = draws(policy.enabled, this.draw);
    if (!enabled && !draws(policy.shadow, this.draw)) return "continue";
    const origin = headers.getJoined(Headers.Origin) ?? "";
    if (origin === "") return "continue";
    const allowed = this.allows(origin);
    (allowed ? this.stats.originValid : this.stats.originInvalid).inc();
    if (!enabled) return "continue";
    if (allowed) this.allowedOrigin = origin;
    const isPreflight = headers.method === "OPTIONS" && (headers.get(REQUEST_METHOD) ?? "") !== "";
    if (!isPreflight || (!allowed && this.forwardsNotMatching())) return "continue";
    this.answer(headers);
    return "stop";
  }

  decodeData(_bytes: Buffer, _endStream: boolean): FilterStatus {
    return this.answered ? "stop" : "continue";
  }

  decodeTrailers(_trailers: HeaderMap): FilterStatus {
    return this.answered ? "stop" : "continue";
  }

  encodeHeaders(headers: ResponseHeaderMap, _endStream: boolean): FilterStatus {
    if (this.allowedOrigin === "") return "continue";
    headers.set(ALLOW_ORIGIN, this.allowedOrigin);
    if (this.allowsCredentials()) headers.set(ALLOW_CREDENTIALS, "true");
    const exposed = this.text("exposeHeaders");
    if (exposed !== "") headers.set(EXPOSE_HEADERS, exposed);
    return "continue";
  }

  private answer(request: RequestHeaderMap): void {
    const response = new ResponseHeaderMap();
    response.status = 200;
    if (this.allowedOrigin !== "") response.set(ALLOW_ORIGIN, this.allowedOrigin);
    if (this.allowsCredentials()) response.set(ALLOW_CREDENTIALS, "true");
    echo(response, ALLOW_METHODS, this.text("allowMethods"), request.get(REQUEST_METHOD));
    echo(response, ALLOW_HEADERS, this.text("allowHeaders"), request.getJoined(REQUEST_HEADERS));
    const maxAge = this.text("maxAge");
    if (maxAge !== "") response.set(MAX_AGE, maxAge);
    if (this.allowsPrivateNetwork() && request.get(REQUEST_PRIVATE_NETWORK) === "true") {
      response.set(ALLOW_PRIVATE_NETWORK, "true");
    }
    this.answered = true;
    this.callbacks.streamInfo.responseCodeDetails = "cors_response";
    this.callbacks.encodeHeaders(response, true);
  }

  private allows(origin: string): boolean {
    for (let index = this.policies.length - 1; index >= 0; index--) {
      const { allowOrigins } = this.policies[index]!;
      if (allowOrigins.length === 0) continue;
      return allowOrigins.some((matcher) => matcher.matches("*") || matcher.matches(origin));
    }
    return false;
  }

  private text(field: "allowMethods" | "allowHeaders" | "exposeHeaders" | "maxAge"): string {
    for (let index = this.policies.length - 1; index >= 0; index--) {
      const value = this.policies[index]![field];
      if (value !== "") return value;
    }
    return "";
  }

  private allowsCredentials(): boolean {
    return this.flag("allowCredentials") ?? false;
  }

  private allowsPrivateNetwork(): boolean {
    return this.flag("allowPrivateNetworkAccess") ?? false;
  }

  private forwardsNotMatching(): boolean {
    return this.flag("forwardNotMatchingPreflights") ?? true;
  }

  private flag(
    field: "allowCredentials" | "allowPrivateNetworkAccess" | "forwardNotMatchingPreflights",
  ): boolean | null {
    for (let index = this.policies.length - 1; index >= 0; index--) {
      const value = this.policies[index]![field];
      if (value !== null) return value;
    }
    return null;
  }
}

/** "*" stands for what the request asks for. */
function echo(
  response: ResponseHeaderMap,
  name: HeaderName,
  configured: string,
  requested: string | undefined,
): void {
  if (configured === "") return;
  response.set(name, configured === "*" ? (requested ?? "") : configured);
}
