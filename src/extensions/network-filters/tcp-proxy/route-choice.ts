/**
 * Which cluster and which hosts of it a TCP connection may use. Envoy:
 * `Config::getRouteFromEntries`.
 */
import { XxHash64 } from "../../../base/xxhash64.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import { type RandomGenerator, randomBelow } from "../../../platform/random.ts";
import { EMPTY_CONTEXT, type LoadBalancerContext } from "../../../upstream/load-balancer.ts";
import type { TcpHashPolicy, TcpProxyConfig, TcpRoute } from "./config.ts";

/** Filter state that names the cluster (set by sni_cluster and set_filter_state). */
export const CLUSTER_KEY = "envoy.tcp_proxy.cluster";

const hasher = new XxHash64();

export function pickRoute(
  config: TcpProxyConfig,
  streamInfo: StreamInfo,
  random: RandomGenerator,
): TcpRoute {
  const override = streamInfo.filterState(CLUSTER_KEY);
  if (override !== undefined) {
    return { cluster: override.serializeAsString(), weight: 1, metadataMatch: null };
  }
  const { routes, totalWeight } = config;
  const [first] = routes;
  if (routes.length === 1 || totalWeight === 0) return first as TcpRoute;
  let left = randomBelow(random, totalWeight);
  for (const route of routes) {
    if (left < route.weight) return route;
    left -= route.weight;
  }
  return first as TcpRoute;
}

/** `routeMatch` are the criteria of a weighted cluster: they win over those of the filter. */
export function loadBalancerContext(
  config: TcpProxyConfig,
  routeMatch: Readonly<Record<string, unknown>> | null,
  streamInfo: StreamInfo,
): LoadBalancerContext {
  const dynamic = streamInfo.metadata("envoy.lb") ?? null;
  const { metadataMatch: filterMatch, hashPolicy } = config;
  const plain = routeMatch === null && filterMatch === null && dynamic === null;
  return {
    ...EMPTY_CONTEXT,
    hash: hashPolicy === null ? null : hash(hashPolicy, streamInfo),
    metadataMatch: plain ? null : { ...filterMatch, ...routeMatch, ...dynamic },
    streamInfo,
  };
}

function hash(policy: TcpHashPolicy, streamInfo: StreamInfo): bigint | null {
  const text = hashedText(policy, streamInfo);
  if (text === undefined || text === "") return null;
  hasher.hash(text);
  return (BigInt(hasher.high >>> 0) << 32n) | BigInt(hasher.low >>> 0);
}

function hashedText(policy: TcpHashPolicy, streamInfo: StreamInfo): string | undefined {
  if (policy.kind === "source-ip") return streamInfo.connection.remoteAddress.ip;
  const object = streamInfo.filterState(policy.key);
  return object?.hashable === true ? object.serializeAsString() : undefined;
}
