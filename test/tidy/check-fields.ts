// No silent field: each field of a message that we compile is named somewhere in src (obeyed,
// refused or reported), or listed in unnamed-fields.json. A heuristic by words, so it can miss; it
// cannot cry wolf. The list may only shrink: a new proto field that nobody looks at appears here by
// itself.
import type { StoredDescriptor, StoredMessage } from "../../src/proto/descriptor.ts";
import { jsonNameOf } from "../../src/proto/field-name.ts";
import { type SourceTree, sourcesUnder } from "./source-tree.ts";

/** Where configuration enters: everything that they hold is looked at. */
export const ROOT_MESSAGES: readonly string[] = [
  "envoy.config.bootstrap.v3.Bootstrap",
  "envoy.config.listener.v3.Listener",
  "envoy.config.cluster.v3.Cluster",
  "envoy.config.endpoint.v3.ClusterLoadAssignment",
  "envoy.config.route.v3.RouteConfiguration",
];

/** Messages that the field holding them refuses or reports as a whole: nobody looks inside. */
const REPORTED_WHOLE: ReadonlySet<string> = new Set([
  "envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig",
  "envoy.config.bootstrap.v3.Bootstrap.DeferredStatOptions",
  "envoy.config.bootstrap.v3.Bootstrap.GrpcAsyncClientManagerConfig",
  "envoy.config.bootstrap.v3.ClusterManager.OutlierDetection",
  "envoy.config.bootstrap.v3.CustomInlineHeader",
  "envoy.config.bootstrap.v3.MemoryAllocatorManager",
  "envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer",
  "envoy.config.bootstrap.v3.Watchdog",
  "envoy.config.bootstrap.v3.Watchdogs",
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget",
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig",
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig",
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig",
  "envoy.config.cluster.v3.Cluster.MaglevLbConfig",
  "envoy.config.cluster.v3.Cluster.OriginalDstLbConfig",
  "envoy.config.cluster.v3.Cluster.RingHashLbConfig",
  "envoy.config.cluster.v3.Cluster.SlowStartConfig",
  "envoy.config.cluster.v3.OutlierDetection",
  "envoy.config.cluster.v3.UpstreamConnectionOptions.HappyEyeballsConfig",
  "envoy.config.core.v3.ApiConfigSource",
  "envoy.config.core.v3.BuildVersion",
  "envoy.config.core.v3.DnsResolverOptions",
  "envoy.config.core.v3.EnvoyInternalAddress",
  "envoy.config.core.v3.ExtensionConfigSource",
  "envoy.config.core.v3.GrpcService",
  "envoy.config.core.v3.HealthCheck",
  "envoy.config.core.v3.Http2ProtocolOptions",
  "envoy.config.core.v3.Http3ProtocolOptions",
  "envoy.config.core.v3.JsonFormatOptions",
  "envoy.config.core.v3.ProxyProtocolConfig",
  "envoy.config.core.v3.ProxyProtocolPassThroughTLVs",
  "envoy.config.core.v3.RetryPolicy",
  "envoy.config.core.v3.SocketOption",
  "envoy.config.core.v3.UpstreamHttpProtocolOptions",
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload",
  "envoy.config.endpoint.v3.LedsClusterLocalityConfig",
  "envoy.config.listener.v3.Listener.ConnectionBalanceConfig",
  "envoy.config.listener.v3.UdpListenerConfig",
  "envoy.config.overload.v3.OverloadManager",
  "envoy.config.route.v3.Decorator",
  "envoy.config.route.v3.HedgePolicy",
  "envoy.config.route.v3.InternalRedirectPolicy",
  "envoy.config.route.v3.RateLimit",
  "envoy.config.route.v3.RetryPolicy",
  "envoy.config.route.v3.RouteAction.RequestMirrorPolicy",
  "envoy.config.route.v3.Tracing",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathNormalizationOptions",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ProxyStatusConfig",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails",
  "envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig",
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig",
  "envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig",
  "envoy.extensions.transport_sockets.tls.v3.Secret",
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig",
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection",
  "xds.core.v3.CollectionEntry",
]);

/** Message, then its fields that no file of src names. */
export type UnnamedFields = Readonly<Record<string, readonly string[]>>;

const MESSAGE_NAME = /"((?:envoy|xds)\.[\w.]+\.v\d\w*\.[A-Z]\w*)"/g;

/** Unnamed fields of the roots and of every message that src names as a type it accepts. */
export function unnamedFields(tree: SourceTree, descriptor: StoredDescriptor): UnnamedFields {
  const words = new Set<string>();
  const accepted = new Set(ROOT_MESSAGES);
  for (const { text } of sourcesUnder(tree, "src/")) {
    for (const [word] of text.matchAll(/[A-Za-z_]\w*/g)) words.add(word);
    for (const match of text.matchAll(MESSAGE_NAME)) accepted.add(match[1]!);
  }
  const found: Record<string, readonly string[]> = {};
  for (const name of accepted) visit(name, descriptor, words, found);
  return Object.fromEntries(
    Object.entries(found)
      .filter(([, fields]) => fields.length > 0)
      .sort(([a], [b]) => a.localeCompare(b)),
  );
}

/** Goes down only through named fields: what nobody names is one line, whatever it holds. */
function visit(
  name: string,
  descriptor: StoredDescriptor,
  words: ReadonlySet<string>,
  found: Record<string, readonly string[]>,
): void {
  const stored = descriptor.messages[name];
  if (stored === undefined || found[name] !== undefined || isLeftAlone(name)) return;
  const unnamed: string[] = [];
  found[name] = unnamed;
  for (const [field, , type, , extra] of (JSON.parse(stored) as StoredMessage).fields) {
    const named = words.has(extra?.json ?? jsonNameOf(field)) || words.has(field);
    if (named) visit(type, descriptor, words, found);
    else if (extra?.deprecated !== 1) unnamed.push(field);
  }
}

/** Plain JSON values are read by the proto layer, not by name. */
function isLeftAlone(name: string): boolean {
  return REPORTED_WHOLE.has(name) || name.startsWith("google.protobuf.");
}

/** Compares with the list: what is new, and what may be dropped from it. */
export function checkFields(
  current: UnnamedFields,
  listed: UnnamedFields,
): { readonly silent: readonly string[]; readonly named: readonly string[] } {
  const missing = (from: UnnamedFields, other: UnnamedFields): string[] =>
    Object.entries(from).flatMap(([message, fields]) =>
      fields
        .filter((field) => other[message]?.includes(field) !== true)
        .map((field) => `${message}.${field}`),
    );
  const remedy = "is named nowhere in src: obey it, refuse it or report it by name";
  return {
    silent: missing(current, listed).map((field) => `${field} ${remedy}`),
    named: missing(listed, current),
  };
}
