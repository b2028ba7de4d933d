/**
 * `type: ORIGINAL_DST`: the host is where the connection wanted to go, or what filter state,
 * metadata or a header of the request say; it appears at its first use. Envoy: `OriginalDstCluster`
 * (source/extensions/clusters/original_dst/original_dst_cluster.cc).
 */
import { headerName } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type {
  Cluster,
  Cluster_OriginalDstLbConfig,
} from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { MetadataKey } from "../../../proto/generated/envoy/type/metadata/v3.ts";
import type {
  ClusterFactory,
  DiscoveryConfig,
  DiscoveryServices,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import {
  type DestinationSettings,
  type MetadataPath,
  OriginalDstLoadBalancer,
} from "./original-dst-load-balancer.ts";

const DEFAULT_HEADER = "x-envoy-original-dst-host";
const CLEANUP_INTERVAL_MS = 5000;

export const originalDstCluster: ClusterFactory = {
  name: "envoy.cluster.original_dst",
  type: "ORIGINAL_DST",
  messageType: "",
  compile,
};

function compile(
  cluster: Cluster,
  _typedConfig: unknown,
  context: CompileContext,
): DiscoveryConfig | null {
  if (cluster.loadAssignment !== undefined) {
    return context
      .at("load_assignment")
      .error(
        "ORIGINAL_DST clusters must have no load assignment configured",
        "remove it: hosts come with the requests",
      );
  }
  const message = cluster.originalDstLbConfig ?? {};
  const at = context.at("original_dst_lb_config");
  if (message.useHttpHeader !== true && (message.httpHeaderName ?? "") !== "") {
    return at
      .at("http_header_name")
      .error(
        `ORIGINAL_DST cluster: invalid config http_header_name=${message.httpHeaderName} and use_http_header is false`,
        "set use_http_header: true",
      );
  }
  const cleanupIntervalMs = durationMs(cluster.cleanupInterval, CLEANUP_INTERVAL_MS);
  return new OriginalDstConfig(compileSettings(message), cleanupIntervalMs);
}

function compileSettings(message: Cluster_OriginalDstLbConfig): DestinationSettings {
  const name = (message.httpHeaderName ?? "") === "" ? DEFAULT_HEADER : message.httpHeaderName!;
  return {
    header: message.useHttpHeader === true ? headerName(name.toLowerCase()) : null,
    metadata: message.metadataKey === undefined ? null : compilePath(message.metadataKey),
    port: message.upstreamPortOverride ?? -1,
  };
}

function compilePath({ key = "", path = [] }: MetadataKey): MetadataPath {
  return { namespace: key, path: path.map((segment) => segment.key ?? "") };
}

class OriginalDstConfig implements DiscoveryConfig {
  readonly type = "ORIGINAL_DST";
  readonly eager = false;
  readonly hostsVary = false;
  readonly providesLoadBalancer = true;
  readonly hostsOnDemand = true;
  readonly fixedMembership = null;
  private readonly settings: DestinationSettings;
  private readonly cleanupIntervalMs: number;

  constructor(settings: DestinationSettings, cleanupIntervalMs: number) {
    this.settings = settings;
    this.cleanupIntervalMs = cleanupIntervalMs;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new OriginalDstDiscovery(this.settings, this.cleanupIntervalMs, services);
  }
}

class OriginalDstDiscovery implements HostDiscovery, TimerOwner {
  readonly loadBalancer: OriginalDstLoadBalancer;
  private readonly cleanupIntervalMs: number;
  private readonly services: DiscoveryServices;
  private readonly timer: Timer;

  constructor(
    settings: DestinationSettings,
    cleanupIntervalMs: number,
    services: DiscoveryServices,
  ) {
    this.cleanupIntervalMs = cleanupIntervalMs;
    this.services = services;
    this.timer = services.dispatcher.create(this, 0);
    this.loadBalancer = new OriginalDstLoadBalancer(settings, services.listener, services.info);
  }

  start(): void {
    this.services.listener.onInitialized();
    this.timer.arm(this.cleanupIntervalMs);
  }

  close(): void {
    this.timer.close();
  }

  /** Hosts go that nobody chose since the last time, and that have no connection. */
  onTimer(): void {
    const unused = this.loadBalancer.takeUnused();
    if (unused.length > 0) this.services.listener.removeHosts(unused);
    this.timer.arm(this.cleanupIntervalMs);
  }
}
