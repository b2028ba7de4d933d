/**
 * Follows a redirect of the upstream instead of passing it on: the request begins anew with the
 * location's scheme, host and path. Envoy: `Filter::setupRedirect`,
 * `convertRequestHeadersForInternalRedirect` (source/common/router/router.cc).
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers } from "../../../codec/header-names.ts";
import type { ClusterFacts, FilterStateObject } from "../../../network/stream-info.ts";
import type { InternalRedirectPolicy } from "../../../route/internal-redirect.ts";
import type { Route } from "../../../route/route.ts";
import { type Location, parseLocation } from "./location.ts";
import type { RouterFilter } from "./router-filter.ts";

const COUNT_STATE = "envoy.internal_redirect.num_internal_redirects";

/** Redirects followed so far, by this request and those it came from. */
class RedirectCount implements FilterStateObject {
  value = 0;

  serializeAsString(): string {
    return String(this.value);
  }
}

/** True when the request went on; then the stream of this filter is over. */
export function followsRedirect(
  router: RouterFilter,
  policy: InternalRedirectPolicy,
  response: ResponseHeaderMap,
): boolean {
  if (!policy.statuses.includes(response.status)) return false;
  const { stats } = router.clusterInfo;
  const location = response.get(Headers.Location);
  const redirect = new Redirect(router, policy, response);
  const ready = router.requestEnded && !router.bodyOverflowed && location !== undefined;
  if (ready && redirect.prepare(location)) {
    const body = redirect.dropsBody || router.body === null ? null : router.body.whole();
    if (router.callbacks.recreateStream(response, body)) {
      stats.upstreamInternalRedirectSucceededTotal.inc();
      return true;
    }
  }
  stats.upstreamInternalRedirectFailedTotal.inc();
  return false;
}

/** The request as it was, in case the redirect is not followed. */
interface SavedHeaders {
  readonly names: readonly HeaderName[];
  readonly values: readonly string[];
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
}

class Redirect {
  dropsBody = false;
  private readonly router: RouterFilter;
  private readonly policy: InternalRedirectPolicy;
  private readonly response: ResponseHeaderMap;
  private readonly request: RequestHeaderMap;

  constructor(router: RouterFilter, policy: InternalRedirectPolicy, response: ResponseHeaderMap) {
    this.router = router;
    this.policy = policy;
    this.response = response;
    this.request = router.headers as RequestHeaderMap;
  }

  /** Changes the request's head; false when the redirect goes to the client. */
  prepare(text: string): boolean {
    const { stats } = this.router.services;
    const location = parseLocation(text);
    if (location === null) {
      stats.passthroughInternalRedirectBadLocation.inc();
      return false;
    }
    const https = this.request.scheme === "https";
    if (!this.policy.crossScheme && https !== (location.scheme !== "http")) {
      stats.passthroughInternalRedirectUnsafeScheme.inc();
      return false;
    }
    const count = this.count();
    if (count.value >= this.policy.maxRedirects) {
      stats.passthroughInternalRedirectTooManyRedirects.inc();
      return false;
    }
    const saved = save(this.request);
    this.copyHeaders();
    this.request.scheme = location.scheme;
    this.request.authority = location.authority;
    this.request.path = location.path;
    if (!this.accepted(https, location)) {
      restore(this.request, saved);
      return false;
    }
    if (this.response.status === 303) this.becomeGet();
    count.value++;
    const original = `${https ? "https" : "http"}://${saved.authority}${saved.path}`;
    this.request.set(Headers.EnvoyOriginalUrl, original);
    return true;
  }

  private count(): RedirectCount {
    const { streamInfo } = this.router.callbacks;
    const known = streamInfo.filterState(COUNT_STATE);
    if (known instanceof RedirectCount) return known;
    const count = new RedirectCount();
    streamInfo.setFilterState(COUNT_STATE, count);
    return count;
  }

  /** Headers of the response replace those of the request; absent ones take them away. */
  private copyHeaders(): void {
    for (const name of this.policy.copiedHeaders) {
      this.request.remove(name);
      for (const value of this.response.getAll(name)) this.request.add(name, value);
    }
  }

  private accepted(https: boolean, location: Location): boolean {
    const { callbacks, services } = this.router;
    const { streamInfo } = callbacks;
    const routeName = callbacks.route()?.routeName ?? "";
    callbacks.clearRouteCache();
    const target = callbacks.route();
    // Logs name the cluster of the new route, followed or not.
    streamInfo.cluster = clusterOf(this.router, target);
    if (target === null) {
      services.stats.passthroughInternalRedirectNoRoute.inc();
      return false;
    }
    const facts = {
      streamInfo,
      routeName,
      targetRouteName: target.routeName,
      https,
      targetHttps: location.scheme !== "http",
    };
    if (this.policy.predicates.every((predicate) => predicate.accepts(facts))) return true;
    services.stats.passthroughInternalRedirectPredicate.inc();
    return false;
  }

  /** RFC 9110 §15.4.4. */
  private becomeGet(): void {
    const { request } = this;
    if (request.method === "GET" || request.method === "HEAD") return;
    this.dropsBody = true;
    request.method = "GET";
    request.remove(Headers.ContentLength);
  }
}

function clusterOf({ services }: RouterFilter, route: Route | null): ClusterFacts | null {
  const entry = route === null ? null : route.entry;
  if (entry === null) return null;
  const lookup = services.clusters.lookup(entry.clusterName);
  return lookup.kind === "now" ? lookup.cluster.info : null;
}

function save(headers: RequestHeaderMap): SavedHeaders {
  const { names, values, method, path, authority, scheme } = headers;
  return { names: [...names], values: [...values], method, path, authority, scheme };
}

function restore(headers: RequestHeaderMap, saved: SavedHeaders): void {
  headers.removeIf(() => true);
  saved.names.forEach((name, index) => {
    headers.add(name, saved.values[index] as string);
  });
  headers.method = saved.method;
  headers.path = saved.path;
  headers.authority = saved.authority;
  headers.scheme = saved.scheme;
}
