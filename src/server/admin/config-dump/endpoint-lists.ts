/**
 * Endpoints in force, as `ClusterLoadAssignment` messages. Envoy: `dumpEndpointConfigs`
 * (source/server/admin/config_dump_handler.cc).
 */
import type { Metadata } from "../../../network/stream-info.ts";
import type { JsonObject } from "../../../proto/plain.ts";
import type { ClusterSource, HostStatus } from "../../../upstream/cluster-manager.ts";
import { coarseHealth } from "../../../upstream/host.ts";
import { localityKey } from "../../../upstream/locality.ts";
import { ENDPOINT_TYPE } from "../../named-subscriptions.ts";
import type { ClusterFacts } from "../../plane-facts.ts";
import type { Server } from "../../server.ts";
import { addressJson } from "../address-json.ts";
import { withoutEmpty } from "../clusters-page.ts";

export async function* endpointLists(
  { planes }: Server,
  source: ClusterSource,
  matches: (name: string) => boolean,
): AsyncGenerator<JsonObject> {
  for (const cluster of (await planes?.clusters()) ?? []) {
    const service = cluster.config.discovery.serviceName ?? "";
    const name = service === "" ? cluster.config.name : service;
    if (cluster.source !== source || !matches(name)) continue;
    yield { endpoint_config: assignment(name, cluster) };
  }
}

function assignment(name: string, cluster: ClusterFacts): JsonObject {
  const groups = new Map<string, HostStatus[]>();
  for (const host of cluster.hosts) {
    const key = localityKey(host.description.locality, host.description.priority);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [host]);
    else group.push(host);
  }
  const endpoints = [...groups].map(([key, hosts]) =>
    localityEndpoints(hosts, cluster.localityWeights.get(key) ?? 0),
  );
  return {
    "@type": ENDPOINT_TYPE,
    cluster_name: name,
    ...(endpoints.length === 0 ? {} : { endpoints }),
    policy: { overprovisioning_factor: cluster.overprovisioningFactor },
  };
}

function localityEndpoints(hosts: readonly HostStatus[], weight: number): JsonObject {
  const { locality, priority } = (hosts[0] as HostStatus).description;
  const { region, zone, subZone } = locality;
  return {
    locality: withoutEmpty({ region, zone, sub_zone: subZone }),
    lb_endpoints: hosts.map(endpoint),
    load_balancing_weight: weight,
    ...(priority === 0 ? {} : { priority }),
  };
}

function endpoint({ description, flags }: HostStatus): JsonObject {
  const { address, hostname, additionalAddresses, metadata, weight } = description;
  return {
    endpoint: {
      address: addressJson(address),
      health_check_config: {},
      ...(hostname === "" ? {} : { hostname }),
      ...(additionalAddresses.length === 0
        ? {}
        : {
            additional_addresses: additionalAddresses.map((one) => ({ address: addressJson(one) })),
          }),
    },
    health_status: coarseHealth(flags).toUpperCase(),
    ...(metadata === null ? {} : { metadata: metadataJson(metadata) }),
    load_balancing_weight: weight,
  };
}

function metadataJson(metadata: Metadata): JsonObject {
  return { filter_metadata: metadata as unknown as JsonObject };
}
