/**
 * Choosing a host for one request. Envoy: `LoadBalancer`, `LoadBalancerContext`
 * (envoy/upstream/load_balancer.h).
 */

import type { CompileContext } from "../config/compile-context.ts";
import type { Metadata } from "../network/stream-info.ts";
import type { RandomGenerator } from "../platform/random.ts";
import type { Cluster as ClusterMessage } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { Host } from "./host.ts";

/** What a request brings to the choice. Every method is optional knowledge. */
export interface LoadBalancerContext {
  /** From the route's hash_policy; null when there is none. 64-bit unsigned. */
  readonly hash: bigint | null;
  /** Subset criteria: route metadata merged with dynamic metadata `envoy.lb`. */
  readonly metadataMatch: Record<string, unknown> | null;
  /** Request headers for policies that read them; null for TCP. */
  readonly requestMetadata: Metadata | null;
}

export const EMPTY_CONTEXT: LoadBalancerContext = {
  hash: null,
  metadataMatch: null,
  requestMetadata: null,
};

/** Per request; must not allocate. Null when no host may be used. */
export interface LoadBalancer {
  chooseHost(context: LoadBalancerContext): Host | null;
}

/**
 * Chooses among the usable hosts of one priority. Made anew when they change; per request; must not
 * allocate.
 */
export interface HostPicker {
  /** The list is never empty. */
  pick(context: LoadBalancerContext): Host;
}

/** A policy with its settings: makes pickers. */
export interface LoadBalancingPolicy {
  /** Stable name for messages and the admin page. */
  readonly name: string;
  /**
   * `previous` served the same priority and tier before this update; null at first. `hosts` is not
   * empty.
   */
  createPicker(
    hosts: readonly Host[],
    previous: HostPicker | null,
    random: RandomGenerator,
  ): HostPicker;
}

/** An extension that can appear as `lb_policy` or in `load_balancing_policy`. */
export interface LoadBalancerFactory {
  /** Extension name, e.g. `envoy.load_balancing_policies.round_robin`. */
  readonly name: string;
  /** Message type of its typed configuration, without the `type.googleapis.com/` prefix. */
  readonly messageType: string;
  /** Value of `Cluster.lb_policy`, or "" when it has none. */
  readonly lbPolicy: string;
  /** From the typed configuration. Null after an error was reported. */
  compile(message: unknown, context: CompileContext): LoadBalancingPolicy | null;
  /** From `lb_policy` and the fields beside it. */
  compileLegacy(cluster: ClusterMessage, context: CompileContext): LoadBalancingPolicy | null;
}
