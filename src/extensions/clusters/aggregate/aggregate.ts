/**
 * `envoy.clusters.aggregate`: a cluster of clusters. Traffic goes to the first whose hosts are
 * healthy; the chosen cluster's own policy, pools, limits and stats apply. Envoy:
 * source/extensions/clusters/aggregate/cluster.cc. Clusters that are not there are left out.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { ClusterConfig as AggregateMessage } from "../../../proto/generated/envoy/extensions/clusters/aggregate/v3.ts";
import type {
  ClusterFactory,
  DiscoveryConfig,
  DiscoveryServices,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import { EMPTY_MEMBERSHIP } from "../../../upstream/host-set.ts";
import { AggregateLoadBalancer } from "./aggregate-load-balancer.ts";

export const aggregate: ClusterFactory = {
  name: "envoy.clusters.aggregate",
  type: "",
  messageType: "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
  compile,
};

function compile(
  cluster: Cluster,
  typedConfig: unknown,
  context: CompileContext,
): DiscoveryConfig | null {
  const { clusters = [] } = (typedConfig ?? {}) as AggregateMessage;
  const at = context.at("cluster_type").at("typed_config").at("clusters");
  if (clusters.length === 0) return at.error("An aggregate needs clusters", "name at least one");
  const own = clusters.indexOf(cluster.name ?? "");
  if (own >= 0) {
    context
      .at("cluster_type")
      .at("typed_config")
      .at("clusters", own)
      .warn("An aggregate has no hosts of its own: naming itself does nothing", "remove it");
  }
  if ((cluster.loadAssignment?.endpoints ?? []).length > 0) {
    context.at("load_assignment").warn("An aggregate takes its hosts from its clusters only");
  }
  return new AggregateConfig(clusters);
}

class AggregateConfig implements DiscoveryConfig {
  readonly type = "AGGREGATE";
  readonly eager = false;
  readonly hostsVary = false;
  readonly providesLoadBalancer = true;
  readonly fixedMembership = null;
  private readonly clusters: readonly string[];

  constructor(clusters: readonly string[]) {
    this.clusters = clusters;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new AggregateDiscovery(this.clusters, services);
  }
}

class AggregateDiscovery implements HostDiscovery {
  readonly loadBalancer: AggregateLoadBalancer;
  private readonly clusters: readonly string[];
  private readonly services: DiscoveryServices;
  private watches: (() => void)[] = [];

  constructor(clusters: readonly string[], services: DiscoveryServices) {
    this.clusters = clusters;
    this.services = services;
    this.loadBalancer = new AggregateLoadBalancer(clusters, services.siblings, services.random);
  }

  start(): void {
    const { siblings, listener } = this.services;
    const changed = (): void => this.loadBalancer.invalidate();
    this.watches = this.clusters.map((name) => siblings.watch(name, changed));
    // No hosts of its own; with them comes the panic threshold.
    listener.onMembership(EMPTY_MEMBERSHIP);
    listener.onInitialized();
  }

  close(): void {
    for (const stop of this.watches) stop();
    this.watches = [];
  }
}
