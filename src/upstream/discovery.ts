/**
 * Where a cluster's members come from. Each kind of discovery is an extension under
 * `extensions/clusters/`. Envoy: `ClusterFactory`, `ClusterImplBase`
 * (source/common/upstream/cluster_factory_impl.h, upstream_impl.h).
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { DnsResolver } from "../platform/dns.ts";
import type { RandomGenerator } from "../platform/random.ts";
import type { Cluster as ClusterMessage } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { ClusterLoadAssignment } from "../proto/generated/envoy/config/endpoint/v3.ts";
import type { ClusterMembershipStats } from "../stats/groups/cluster-membership-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { ClusterInfo } from "./cluster.ts";
import type { Host, HostDescription } from "./host.ts";
import type { Membership, PrioritySet } from "./host-set.ts";
import type { ClusterLoadBalancer, LoadBalancer } from "./load-balancer.ts";

/** Told by a running discovery. */
export interface DiscoveryListener {
  /** All members, complete. */
  onMembership(membership: Membership): void;
  /**
   * The first answer is here, or the source gave up waiting: the cluster may serve. Calls after the
   * first do nothing.
   */
  onInitialized(): void;
  /** One more member, made at its first use; at once part of the cluster. */
  addHost(description: HostDescription): Host;
  /** The same member with another address or health. */
  updateHost(host: Host, description: HostDescription): void;
  /** Members that `addHost` made. Their connections drain. */
  removeHosts(hosts: readonly Host[]): void;
}

/** Another cluster of the same data plane, for clusters that are made of clusters. */
export interface SiblingCluster {
  readonly info: ClusterInfo;
  readonly members: PrioritySet;
  readonly loadBalancer: LoadBalancer;
  /** Takes in what other data planes found out about the health of its members. */
  catchUp(): void;
}

export interface SiblingClusters {
  /** Null while it is unknown, or has no members yet. */
  find(name: string): SiblingCluster | null;
  /**
   * Calls back when a cluster of that name comes, goes or is replaced, and when its members or
   * their health change. Returns a function that ends the watch.
   */
  watch(name: string, callback: () => void): () => void;
}

/** One cluster's discovery, running. */
export interface HostDiscovery {
  /** Chooses hosts instead of a policy; given when the config says `providesLoadBalancer`. */
  readonly loadBalancer?: ClusterLoadBalancer;
  /** May call the listener before it returns. */
  start(): void;
  /** No call to the listener follows. */
  close(): void;
  /**
   * A connection attempt finished. Envoy: LOGICAL_DNS and STRICT_DNS do not care; kept for
   * on-demand kinds.
   */
  refresh?(): void;
}

/** Where endpoint assignments arrive (files now, streams later); the server provides it. */
export interface EndpointSubscriptions {
  /**
   * Watches one assignment. Calls back later, never inside this call. Returns a function that ends
   * the watch. `scope` is `cluster.<name>`: the subscription counts under it.
   */
  subscribe(
    source: ConfigSource,
    resourceName: string,
    scope: StatsScope,
    watcher: EndpointWatcher,
  ): () => void;
}

export interface EndpointWatcher {
  /**
   * Null when the answer contains no assignment of this name. Returns why the assignment is
   * refused, or null.
   */
  onAssignment(assignment: ClusterLoadAssignment | null): string | null;
  /** The source could not be read, or nothing came within `initial_fetch_timeout`. */
  onFailure(): void;
}

/** What a discovery may use. */
export interface DiscoveryServices {
  readonly dispatcher: Dispatcher;
  readonly dns: DnsResolver;
  readonly endpoints: EndpointSubscriptions;
  readonly stats: ClusterMembershipStats;
  readonly scope: StatsScope;
  readonly listener: DiscoveryListener;
  readonly siblings: SiblingClusters;
  readonly random: RandomGenerator;
  /** Of the cluster itself. */
  readonly info: ClusterInfo;
}

/** A compiled discovery configuration. */
export interface DiscoveryConfig {
  /** Word of the admin page and of `type`: STATIC, STRICT_DNS, … */
  readonly type: string;
  /** Runs although nobody uses the cluster yet: its members must be fetched first. */
  readonly eager: boolean;
  /** `eds_cluster_config.service_name`; absent or "" when the cluster's own name is asked for. */
  readonly serviceName?: string;
  /** Members come and go (not one logical host). Envoy: `BaseDynamicClusterImpl`. */
  readonly hostsVary: boolean;
  /** Its discovery brings a load balancer: `lb_policy` must be CLUSTER_PROVIDED. */
  readonly providesLoadBalancer?: boolean;
  /** Members come with the requests that need them, on each data plane its own. */
  readonly hostsOnDemand?: boolean;
  /** Members known without asking anybody; null when they must be discovered. */
  readonly fixedMembership: Membership | null;
  create(services: DiscoveryServices): HostDiscovery;
}

/** An extension that can appear as `Cluster.type` or `Cluster.cluster_type`. */
export interface ClusterFactory {
  /** `envoy.clusters.static`, … */
  readonly name: string;
  /** Value of `Cluster.type`; "" when only `cluster_type` reaches it. */
  readonly type: string;
  /** Message type of `cluster_type.typed_config`, without prefix; "" when it takes none. */
  readonly messageType: string;
  /** `typedConfig` is null when reached through `type`. Null after an error was reported. */
  compile(
    cluster: ClusterMessage,
    typedConfig: unknown,
    context: CompileContext,
  ): DiscoveryConfig | null;
}
