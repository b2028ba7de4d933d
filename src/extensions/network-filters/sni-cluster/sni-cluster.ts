/**
 * Lets the TCP proxy use the cluster that SNI names. Envoy: `envoy.filters.network.sni_cluster`.
 */
import {
  defineNetworkFilter,
  type NetworkFilterStatus,
  type NetworkFilterType,
} from "../../../network/network-filter.ts";
import type { SniCluster } from "../../../proto/generated/envoy/extensions/filters/network/sni_cluster/v3.ts";

const NAME = "envoy.filters.network.sni_cluster";
/** What the TCP proxy reads. */
const CLUSTER_KEY = "envoy.tcp_proxy.cluster";

export function sniCluster(): NetworkFilterType {
  return defineNetworkFilter<SniCluster, object>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.sni_cluster.v3.SniCluster"],
    compile: () => ({}),
    createFactory: () => ({
      name: NAME,
      create: ({ streamInfo }) => ({
        onNewConnection: (): NetworkFilterStatus => {
          const name = streamInfo.connection.requestedServerName;
          if (name !== "")
            streamInfo.setFilterState(CLUSTER_KEY, { serializeAsString: () => name });
          return "continue";
        },
      }),
    }),
  });
}
