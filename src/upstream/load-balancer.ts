/** Choosing a host for one request. Envoy: `LoadBalancer`, `LoadBalancerContext` (envoy/upstream/load_balancer.h). */
import type { Metadata } from "../network/stream-info.ts";
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

export const EMPTY_CONTEXT: LoadBalancerContext = { hash: null, metadataMatch: null, requestMetadata: null };

/** Per request; must not allocate. Null when no host may be used. */
export interface LoadBalancer {
  chooseHost(context: LoadBalancerContext): Host | null;
}
