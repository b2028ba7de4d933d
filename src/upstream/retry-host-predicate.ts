/**
 * Which hosts a retry shall avoid, and which priorities. Envoy: `RetryHostPredicate`,
 * `RetryPriority` (envoy/upstream/retry.h). Instances belong to one request.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host-set.ts";
import type { PriorityLoads } from "./load-balancer.ts";

export interface RetryHostPredicate {
  /** True: choose another, while attempts to choose last. */
  shouldSelectAnotherHost(host: Host): boolean;
  /** An attempt of the request goes to this host. */
  onHostAttempted(host: Host): void;
}

export interface RetryPriority {
  /** Loads for the next attempt; `loads` itself when nothing changes. */
  priorityLoads(loads: PriorityLoads, sets: readonly HostSet[]): PriorityLoads;
  onHostAttempted(host: Host): void;
}

/** A compiled extension: makes one instance per request. */
export interface RetryExtensionFactory<Instance> {
  create(): Instance;
}

/** An extension that retry policies can name. */
export interface RetryExtensionType<Instance> {
  /** Extension name, e.g. `envoy.retry_host_predicates.previous_hosts`. */
  readonly name: string;
  /** Message of its typed configuration, without the `type.googleapis.com/` prefix. */
  readonly messageType: string;
  /** Null after an error was reported. */
  compile(message: unknown, context: CompileContext): RetryExtensionFactory<Instance> | null;
}
