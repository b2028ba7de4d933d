/**
 * Compiles the dynamic forward proxy filter. Envoy: `ProxyFilterConfig`, `ProxyPerRouteConfig`.
 */
import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type {
  FilterConfig as Message,
  PerRouteConfig as RouteMessage,
} from "../../../proto/generated/envoy/extensions/filters/http/dynamic_forward_proxy/v3.ts";
import {
  compileDnsCache,
  type DnsCacheConfig,
} from "../../common/dynamic-forward-proxy/dns-cache-config.ts";
import type { DnsCaches } from "../../common/dynamic-forward-proxy/dns-caches.ts";

export interface FilterSettings {
  readonly cache: DnsCacheConfig;
  /** `save_upstream_address`: the address goes to filter state, for logs and later filters. */
  readonly savesAddress: boolean;
  /** `allow_dynamic_host_from_filter_state`. */
  readonly usesFilterState: boolean;
}

/** The host that is asked for instead of the request's own. */
export interface RouteSettings {
  /** "" = none. */
  readonly literal: string;
  readonly header: HeaderName | null;
}

export function compile(
  message: Message,
  caches: DnsCaches,
  context: CompileContext,
): FilterSettings | null {
  if (message.subClusterConfig !== undefined) {
    return context
      .at("sub_cluster_config")
      .error("A cluster per name (cluster_init_timeout) is not supported", "use dns_cache_config");
  }
  const at = context.at("dns_cache_config");
  if (message.dnsCacheConfig === undefined) {
    return at.error("There is no DNS cache", "set dns_cache_config as in the cluster");
  }
  const cache = compileDnsCache(message.dnsCacheConfig, at);
  if (cache === null || !caches.check(cache, at)) return null;
  return {
    cache,
    savesAddress: message.saveUpstreamAddress === true,
    usesFilterState: message.allowDynamicHostFromFilterState === true,
  };
}

export function compileRoute(message: RouteMessage): RouteSettings {
  const name = message.hostRewriteHeader ?? "";
  return {
    literal: message.hostRewriteLiteral ?? "",
    header: name === "" ? null : headerName(name.toLowerCase()),
  };
}
