/**
 * Clusters whose members are names: `type: STRICT_DNS`, `type: LOGICAL_DNS`, and `cluster_type:
 * envoy.clusters.dns` which is either of them. Envoy:
 * source/extensions/clusters/{strict_dns,logical_dns,dns}.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { DnsCluster } from "../../../proto/generated/envoy/extensions/clusters/dns/v3.ts";
import type { ClusterFactory, DiscoveryConfig } from "../../../upstream/discovery.ts";
import {
  compileLoadAssignment,
  type LoadAssignmentConfig,
} from "../../../upstream/load-assignment.ts";
import { compileLegacyDns, compileTypedDns, type DnsSettings } from "./dns-settings.ts";
import { LogicalDnsConfig } from "./logical-dns.ts";
import { StrictDnsConfig } from "./strict-dns.ts";

export const strictDns: ClusterFactory = {
  name: "envoy.cluster.strict_dns",
  type: "STRICT_DNS",
  messageType: "",
  compile: (cluster, _typedConfig, context) =>
    compileStrict(cluster, compileLegacyDns(cluster, context), context),
};

export const logicalDns: ClusterFactory = {
  name: "envoy.cluster.logical_dns",
  type: "LOGICAL_DNS",
  messageType: "",
  compile: (cluster, _typedConfig, context) =>
    compileLogical(cluster, compileLegacyDns(cluster, context), context),
};

export const dns: ClusterFactory = {
  name: "envoy.clusters.dns",
  type: "",
  messageType: "envoy.extensions.clusters.dns.v3.DnsCluster",
  compile(cluster, typedConfig, context): DiscoveryConfig | null {
    const message = (typedConfig ?? {}) as DnsCluster;
    const settings = compileTypedDns(message, context.at("cluster_type").at("typed_config"));
    return message.allAddressesInSingleEndpoint === true
      ? compileLogical(cluster, settings, context)
      : compileStrict(cluster, settings, context);
  },
};

function compileStrict(
  cluster: Cluster,
  settings: DnsSettings,
  context: CompileContext,
): DiscoveryConfig | null {
  const assignment = compileNames(cluster, context);
  return assignment === null ? null : new StrictDnsConfig(assignment, settings);
}

function compileLogical(
  cluster: Cluster,
  settings: DnsSettings,
  context: CompileContext,
): DiscoveryConfig | null {
  const assignment = compileNames(cluster, context);
  if (assignment === null) return null;
  if (cluster.loadAssignment?.endpoints?.length === 1 && assignment.endpoints.length === 1) {
    return new LogicalDnsConfig(assignment, settings);
  }
  return context
    .at("load_assignment")
    .error(
      "LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint",
      "use STRICT_DNS for several endpoints",
    );
}

function compileNames(cluster: Cluster, context: CompileContext): LoadAssignmentConfig | null {
  return compileLoadAssignment(cluster.loadAssignment ?? {}, true, context.at("load_assignment"));
}
