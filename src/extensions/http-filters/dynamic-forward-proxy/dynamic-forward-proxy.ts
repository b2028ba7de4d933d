// hot: per request
/**
 * Holds a request to a dynamic forward proxy cluster until its host name is resolved. Envoy:
 * `envoy.filters.http.dynamic_forward_proxy`
 * (source/extensions/filters/http/dynamic_forward_proxy). Not here: sub clusters.
 */
import type { HeaderMap, RequestHeaderMap } from "../../../codec/header-map.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { LocalReply } from "../../../http/local-reply.ts";
import { type FilterStateObject, ResponseFlag } from "../../../network/stream-info.ts";
import { formatSocketAddress } from "../../../platform/sockets.ts";
import type {
  FilterConfig as Message,
  PerRouteConfig as RouteMessage,
} from "../../../proto/generated/envoy/extensions/filters/http/dynamic_forward_proxy/v3.ts";
import type { CachedHost, HostWaiter } from "../../common/dynamic-forward-proxy/cached-host.ts";
import {
  DEFAULT_PORT,
  type DnsCache,
  hostKey,
} from "../../common/dynamic-forward-proxy/dns-cache.ts";
import type { DnsCaches } from "../../common/dynamic-forward-proxy/dns-caches.ts";
import { dynamicHost, dynamicPort } from "../../common/dynamic-forward-proxy/dynamic-target.ts";
import { compile, compileRoute, type FilterSettings, type RouteSettings } from "./config.ts";

const ADDRESS_KEY = "envoy.stream.upstream_address";

const PENDING_OVERFLOW: LocalReply = {
  status: 503,
  body: "Dynamic forward proxy pending request overflow",
  details: "dynamic_forward_proxy_pending_request_overflow",
};
const CACHE_OVERFLOW: LocalReply = {
  status: 503,
  body: "DNS cache overflow",
  details: "dns_cache_overflow",
};
const EMPTY_HOST: LocalReply = {
  status: 400,
  body: "Empty host header",
  details: "empty_host_header",
};

/** What the streams of one connection manager share. */
interface Shared {
  readonly settings: FilterSettings;
  readonly caches: DnsCaches;
  readonly cache: DnsCache;
}

export function dynamicForwardProxy(caches: DnsCaches): HttpFilterType {
  return defineHttpFilter<Message, FilterSettings, RouteMessage, RouteSettings>({
    name: "envoy.filters.http.dynamic_forward_proxy",
    messages: ["envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"],
    routeMessages: ["envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig"],
    compile: (message, context) => compile(message, caches, context),
    compileRoute,
    createFactory: (settings) => {
      const shared: Shared = { settings, caches, cache: caches.acquire(settings.cache) };
      return {
        create: (callbacks): HttpFilter => new DynamicForwardProxyFilter(shared, callbacks),
        close: () => caches.release(shared.cache),
      };
    },
  });
}

class DynamicForwardProxyFilter implements HttpFilter, HostWaiter {
  private readonly shared: Shared;
  private readonly callbacks: HttpFilterCallbacks;
  /** Set while the request waits. */
  private waitsFor: CachedHost | null = null;

  constructor(shared: Shared, callbacks: HttpFilterCallbacks) {
    this.shared = shared;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const { caches, cache } = this.shared;
    const entry = this.callbacks.route()?.entry ?? null;
    if (entry === null || !caches.serves(entry.clusterName)) return "continue";
    rewriteHost(headers, this.callbacks.routeConfig() as RouteSettings | null);
    if (!cache.beginRequest()) return this.refuse(PENDING_OVERFLOW);
    const host = this.load(headers);
    if (host !== null && !host.resolved) {
      this.waitsFor = host;
      host.waiters.add(this);
      return "stop";
    }
    cache.endRequest();
    if (host === null) return this.refuse(headers.authority === "" ? EMPTY_HOST : CACHE_OVERFLOW);
    return this.take(host) ? "continue" : "stop";
  }

  decodeData(_bytes: Buffer, _endStream: boolean): FilterStatus {
    return this.waitsFor === null ? "continue" : "stop-and-watermark";
  }

  decodeTrailers(_trailers: HeaderMap): FilterStatus {
    return this.waitsFor === null ? "continue" : "stop";
  }

  onHostResolved(host: CachedHost): void {
    this.waitsFor = null;
    this.shared.cache.endRequest();
    if (this.take(host)) this.callbacks.continueDecoding();
  }

  onDestroy(): void {
    if (this.waitsFor === null) return;
    this.waitsFor.waiters.delete(this);
    this.waitsFor = null;
    this.shared.cache.endRequest();
  }

  /** Null when the cache is full or there is no name. */
  private load(headers: RequestHeaderMap): CachedHost | null {
    const { settings, cache } = this.shared;
    const { streamInfo } = this.callbacks;
    const fromState = settings.usesFilterState ? dynamicHost(streamInfo) : undefined;
    const port = settings.usesFilterState ? dynamicPort(streamInfo) : DEFAULT_PORT;
    if (headers.authority === "") return null;
    return cache.load(hostKey(fromState ?? headers.authority, port), port);
  }

  /** False when there is no address: then the request is answered. */
  private take(host: CachedHost): boolean {
    const { streamInfo } = this.callbacks;
    const [address] = host.addresses;
    if (address === undefined) {
      streamInfo.setFlag(ResponseFlag.DnsResolutionFailed);
      this.callbacks.sendLocalReply({
        status: 503,
        body: "DNS resolution failure",
        details: host.details,
      });
      return false;
    }
    if (this.shared.settings.savesAddress) {
      streamInfo.setFilterState(ADDRESS_KEY, new AddressState(formatSocketAddress(address)));
    }
    return true;
  }

  private refuse(reply: LocalReply): FilterStatus {
    this.callbacks.sendLocalReply(reply);
    return "stop";
  }
}

function rewriteHost(headers: RequestHeaderMap, route: RouteSettings | null): void {
  if (route === null) return;
  if (route.literal !== "") headers.authority = route.literal;
  const value = route.header === null ? undefined : headers.get(route.header);
  if (value !== undefined) headers.authority = value;
}

/** Envoy: `StreamInfo::UpstreamAddress`. */
class AddressState implements FilterStateObject {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  serializeAsString(): string {
    return this.text;
  }
}
