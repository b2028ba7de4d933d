/**
 * Choosing a host for one request. Envoy: `LoadBalancer`, `LoadBalancerContext`
 * (envoy/upstream/load_balancer.h).
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { RandomGenerator } from "../platform/random.ts";
import type {
  Cluster as ClusterMessage,
  LoadBalancingPolicy as LoadBalancingPolicyMessage,
} from "../proto/generated/envoy/config/cluster/v3.ts";
import type { ClusterLoadBalancerStats } from "../stats/groups/cluster-load-balancer-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { Host, Locality } from "./host.ts";
import type { HostSet, PrioritySet } from "./host-set.ts";

/** How traffic spreads over priorities, in percent. The two lists together sum to 100. */
export interface PriorityLoads {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** In panic all hosts of the priority are used, whatever their health. */
  readonly panic: readonly boolean[];
}

/** A host that a filter wants, for example from a session cookie. */
export interface OverrideHost {
  /** `ip:port`. */
  readonly addressText: string;
  /** No other host will do: without it the request fails. */
  readonly strict: boolean;
}

/** What a request brings to the choice. Every member is optional knowledge. */
export interface LoadBalancerContext {
  /** From the route's hash_policy; null when there is none. 64-bit unsigned. */
  readonly hash: bigint | null;
  /** Subset criteria: route metadata merged with dynamic metadata `envoy.lb`. */
  readonly metadataMatch: Record<string, unknown> | null;
  /** For policies that hash the request themselves; null for TCP. */
  readonly requestHeaders: RequestHeaderMap | null;
  /** Facts of the downstream side; null when nobody asks on behalf of a request. */
  readonly streamInfo: StreamInfo | null;
  readonly overrideHost: OverrideHost | null;
  /** How often another host is chosen while `shouldSelectAnotherHost` objects; 0 by default. */
  readonly hostSelectionAttempts: number;
  /** Adds a Set-Cookie line to the response: the choice made up a session. */
  addCookie(setCookie: string): void;
  /** Asked only when `hostSelectionAttempts` is above 0. */
  shouldSelectAnotherHost(host: Host): boolean;
  /** A retry may move the load to other priorities; otherwise returns `loads` itself. */
  priorityLoads(loads: PriorityLoads, sets: readonly HostSet[]): PriorityLoads;
}

export const EMPTY_CONTEXT: LoadBalancerContext = Object.freeze({
  hash: null,
  metadataMatch: null,
  requestHeaders: null,
  streamInfo: null,
  overrideHost: null,
  hostSelectionAttempts: 0,
  addCookie: (): void => undefined,
  shouldSelectAnotherHost: (): boolean => false,
  priorityLoads: (loads: PriorityLoads): PriorityLoads => loads,
});

/** Per request; must not allocate. Null when no host may be used. */
export interface LoadBalancer {
  chooseHost(context: LoadBalancerContext): Host | null;
}

/** Told which host a request may use after all; `details` say why there is none. */
export type HostCallback = (host: Host | null, details: string) => void;

/** The load balancer of a whole cluster: told of every change of members or their health. */
export interface ClusterLoadBalancer extends LoadBalancer {
  /** `panicThreshold` in percent; 0 turns panic off. */
  update(hosts: PrioritySet, panicThreshold: number): void;
  /**
   * After `chooseHost` gave none: finds one, which may take time. Calls back once, perhaps at once.
   * Returns a function that ends the wait; null when no host will come.
   */
  awaitHost?(context: LoadBalancerContext, callback: HostCallback): (() => void) | null;
  /** The cluster goes away: timers end. */
  close?(): void;
}

/** The cluster that this proxy itself is a member of (`cluster_manager.local_cluster_name`). */
export interface LocalCluster {
  /** Its priority 0; null while it is not there. */
  hosts(): HostSet | null;
}

/** What load balancers of one data plane may use. */
export interface LoadBalancerServices {
  readonly dispatcher: Dispatcher;
  readonly random: RandomGenerator;
  readonly runtime: RuntimeSnapshot;
  readonly stats: ClusterLoadBalancerStats;
  /** `cluster.<name>`, for counters of a policy of its own. */
  readonly scope: StatsScope;
  /** As `scope`, for gauges that every data plane sees alike: silent on all but one. */
  readonly configurationScope: StatsScope;
  /** Of this proxy: `node.locality`. */
  readonly locality: Locality;
  /** Requests in flight on the cluster, from all data planes. */
  activeRequests(): number;
  /** Null unless the bootstrap names one: then nothing is zone-aware. */
  readonly localCluster: LocalCluster | null;
}

/**
 * Chooses among the usable hosts of one priority. Made anew when they change; per request; must not
 * allocate.
 */
export interface HostPicker {
  /** The list is never empty. Null when no host will do. */
  pick(context: LoadBalancerContext): Host | null;
}

export const NO_HOST_PICKER: HostPicker = { pick: () => null };

/** Makes pickers; the balancer above them chooses priority, tier and locality. */
export interface PickerFactory {
  /** Told before the pickers are made anew, with all hosts there are. */
  onUpdate?(sets: readonly HostSet[]): void;
  /**
   * `previous` served the same priority and tier before this update; null at first. `hosts` is not
   * empty.
   */
  createPicker(
    hosts: readonly Host[],
    previous: HostPicker | null,
    services: LoadBalancerServices,
  ): HostPicker;
}

/** A policy with its settings: makes load balancers. */
export interface LoadBalancingPolicy {
  /** Stable name for messages and the admin page. */
  readonly name: string;
  /** Policies of the picker form return a `PriorityLoadBalancer`. */
  createBalancer(services: LoadBalancerServices): ClusterLoadBalancer;
  /** The same with localities by weight, for policies that may stand within `wrr_locality`. */
  withLocalityWeights?(): LoadBalancingPolicy;
}

/** Compiles the policies that a policy contains. */
export interface PolicyLists {
  /** Null after an error was reported. */
  compile(message: LoadBalancingPolicyMessage, context: CompileContext): LoadBalancingPolicy | null;
}

/** An extension that can appear as `lb_policy` or in `load_balancing_policy`. */
export interface LoadBalancerFactory {
  /** Extension name, e.g. `envoy.load_balancing_policies.round_robin`. */
  readonly name: string;
  /**
   * Message type of its typed configuration, without the `type.googleapis.com/` prefix; "" when it
   * has none, and is found by its name (alone, or as the type of a TypedStruct).
   */
  readonly messageType: string;
  /** Value of `Cluster.lb_policy`, or "" when it has none. */
  readonly lbPolicy: string;
  /** From the typed configuration. Null after an error was reported. */
  compile(
    message: unknown,
    context: CompileContext,
    policies: PolicyLists,
  ): LoadBalancingPolicy | null;
  /** From `lb_policy` and the fields beside it. */
  compileLegacy(cluster: ClusterMessage, context: CompileContext): LoadBalancingPolicy | null;
  /** From `lb_subset_config`, over the policy of `lb_policy`. */
  wrapLegacy?(
    cluster: ClusterMessage,
    policy: LoadBalancingPolicy,
    context: CompileContext,
  ): LoadBalancingPolicy | null;
}
