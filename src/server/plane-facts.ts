/**
 * What admin pages show of a data plane: plain data, since the data plane may live on another
 * thread. Asked for when somebody looks.
 */
import type { ListenerStatus } from "../network/listener-manager.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type { ClusterConfig } from "../upstream/cluster-config.ts";
import type { ClusterStatus } from "../upstream/cluster-manager.ts";

/** One version of a listener. */
export interface ListenerFacts {
  readonly name: string;
  readonly state: ListenerStatus["state"];
  readonly bindToPort: boolean;
  readonly configuredAddresses: readonly SocketAddress[];
  /** Bound addresses with their real ports. */
  readonly addresses: readonly SocketAddress[];
  readonly connections: number;
}

/** One cluster with its hosts; host numbers are those of all data planes. */
export interface ClusterFacts extends Omit<ClusterStatus, "config"> {
  readonly config: Pick<ClusterConfig, "name" | "observabilityName" | "thresholds"> & {
    readonly discovery: Pick<ClusterConfig["discovery"], "serviceName">;
  };
}

/** JavaScript memory of one thread, in bytes. */
export interface ThreadMemory {
  readonly heapUsed: number;
  readonly heapTotal: number;
}

export interface PlaneFacts {
  readonly listeners: readonly ListenerFacts[];
  /** Names of clusters that wait for their members. */
  readonly warmingClusters: readonly string[];
}

export function listenerFacts(status: ListenerStatus): ListenerFacts {
  const { config, state, addresses, connections } = status;
  return {
    name: config.name,
    state,
    bindToPort: config.bindToPort,
    configuredAddresses: config.addresses.map(({ address }) => address),
    addresses,
    connections,
  };
}

export function clusterFacts(status: ClusterStatus): ClusterFacts {
  const { name, observabilityName, thresholds, discovery } = status.config;
  const { serviceName } = discovery;
  return {
    ...status,
    config: {
      name,
      observabilityName,
      thresholds,
      discovery: serviceName === undefined ? {} : { serviceName },
    },
  };
}
