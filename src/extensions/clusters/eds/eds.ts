/**
 * `type: EDS`: the members come in a ClusterLoadAssignment from a configuration source. Envoy:
 * `EdsClusterImpl` (source/extensions/clusters/eds/eds.cc).
 */

import { formatDiagnostic } from "../../../base/diagnostic.ts";
import { CompileContext } from "../../../config/compile-context.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { ConfigSource } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { ClusterLoadAssignment } from "../../../proto/generated/envoy/config/endpoint/v3.ts";
import type {
  ClusterFactory,
  DiscoveryConfig,
  DiscoveryServices,
  EndpointWatcher,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import { EMPTY_MEMBERSHIP } from "../../../upstream/host-set.ts";
import { compileLoadAssignment, fixedMembership } from "../../../upstream/load-assignment.ts";

export const eds: ClusterFactory = {
  name: "envoy.cluster.eds",
  type: "EDS",
  messageType: "",
  compile,
};

function compile(
  cluster: Cluster,
  _typedConfig: unknown,
  context: CompileContext,
): DiscoveryConfig | null {
  const at = context.at("eds_cluster_config");
  const source = cluster.edsClusterConfig?.edsConfig;
  if (source === undefined) {
    return at.error("cannot create an EDS cluster without an EDS config", "set eds_config");
  }
  if (cluster.loadAssignment !== undefined) {
    context.at("load_assignment").warn("An EDS cluster takes its endpoints from eds_config only");
  }
  if (source.pathConfigSource === undefined && source.path === undefined) {
    return at
      .at("eds_config")
      .error("Endpoint discovery works from files only for now", "use path_config_source");
  }
  const name = cluster.name ?? "";
  const service = cluster.edsClusterConfig?.serviceName ?? "";
  return new EdsConfig(source, service === "" ? name : service, service);
}

class EdsConfig implements DiscoveryConfig {
  readonly type = "EDS";
  readonly eager = true;
  readonly hostsVary = true;
  readonly fixedMembership = null;
  readonly source: ConfigSource;
  readonly resourceName: string;
  readonly serviceName: string;

  constructor(source: ConfigSource, resourceName: string, serviceName: string) {
    this.source = source;
    this.resourceName = resourceName;
    this.serviceName = serviceName;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new EdsDiscovery(this, services);
  }
}

class EdsDiscovery implements HostDiscovery, EndpointWatcher, TimerOwner {
  private readonly config: EdsConfig;
  private readonly services: DiscoveryServices;
  private unsubscribe: (() => void) | null = null;
  /** Made by the first assignment that may go stale. */
  private staleTimer: Timer | null = null;

  constructor(config: EdsConfig, services: DiscoveryServices) {
    this.config = config;
    this.services = services;
  }

  start(): void {
    const { endpoints, scope } = this.services;
    const { source, resourceName } = this.config;
    this.unsubscribe = endpoints.subscribe(source, resourceName, scope, this);
  }

  close(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
    this.staleTimer?.close();
  }

  /** `endpoint_stale_after` is over. */
  onTimer(): void {
    const { listener, stats } = this.services;
    stats.assignmentStale.inc();
    listener.onMembership(EMPTY_MEMBERSHIP);
  }

  onAssignment(assignment: ClusterLoadAssignment | null): string | null {
    const { listener, stats } = this.services;
    if (assignment === null) {
      stats.updateEmpty.inc();
      listener.onInitialized();
      return null;
    }
    const name = assignment.clusterName ?? "";
    if (name !== this.config.resourceName) {
      return `Unexpected EDS cluster (expecting ${this.config.resourceName}): ${name}`;
    }
    const context = new CompileContext();
    const config = compileLoadAssignment(assignment, false, context);
    if (config === null) {
      const errors = context.diagnostics.filter((one) => one.severity === "error");
      return errors.map(formatDiagnostic).join("; ");
    }
    this.watchAge(config.staleAfterMs);
    listener.onMembership(fixedMembership(config, false));
    listener.onInitialized();
    return null;
  }

  onFailure(): void {
    this.services.listener.onInitialized();
  }

  private watchAge(staleAfterMs: number): void {
    this.staleTimer?.disarm();
    if (staleAfterMs <= 0) return;
    const { dispatcher, stats } = this.services;
    stats.assignmentTimeoutReceived.inc();
    this.staleTimer ??= dispatcher.create(this, 0);
    this.staleTimer.arm(staleAfterMs);
  }
}
