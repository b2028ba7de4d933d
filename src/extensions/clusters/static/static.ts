/**
 * `type: STATIC`: the members are the addresses in `load_assignment`. Envoy: `StaticClusterImpl`
 * (source/extensions/clusters/static/static_cluster.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type {
  ClusterFactory,
  DiscoveryConfig,
  DiscoveryListener,
  DiscoveryServices,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../upstream/host-set.ts";
import { compileLoadAssignment, fixedMembership } from "../../../upstream/load-assignment.ts";

export const staticCluster: ClusterFactory = {
  name: "envoy.cluster.static",
  type: "STATIC",
  messageType: "",
  compile,
};

function compile(
  cluster: Cluster,
  _typedConfig: unknown,
  context: CompileContext,
): DiscoveryConfig | null {
  const assignment = cluster.loadAssignment;
  if (assignment === undefined) return new StaticConfig(EMPTY_MEMBERSHIP);
  const config = compileLoadAssignment(assignment, false, context.at("load_assignment"));
  return config === null ? null : new StaticConfig(fixedMembership(config, true));
}

class StaticConfig implements DiscoveryConfig {
  readonly type = "STATIC";
  readonly eager = false;
  readonly hostsVary = false;
  readonly fixedMembership: Membership;

  constructor(membership: Membership) {
    this.fixedMembership = membership;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new StaticDiscovery(this.fixedMembership, services.listener);
  }
}

class StaticDiscovery implements HostDiscovery {
  private readonly membership: Membership;
  private readonly listener: DiscoveryListener;

  constructor(membership: Membership, listener: DiscoveryListener) {
    this.membership = membership;
    this.listener = listener;
  }

  start(): void {
    this.listener.onMembership(this.membership);
    this.listener.onInitialized();
  }

  close(): void {
    // Nothing runs.
  }
}
