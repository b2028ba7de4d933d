/**
 * How the server speaks to one data plane: by direct calls on its own thread, or by messages to a
 * worker thread. Nothing here is called per connection or request.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import type { ConfigUpdate } from "./data-plane.ts";
import type { ClusterFacts, PlaneFacts, ThreadMemory } from "./plane-facts.ts";

/** An update that one data plane has compiled. One of `commit` and `discard` must follow. */
export interface PreparedPart {
  readonly diagnostics: readonly Diagnostic[];
  /** Resolves with what went wrong while binding, once every listener serves or has failed. */
  commit(): Promise<readonly Diagnostic[]>;
  discard(): void;
}

/** Questions to a data plane that ends meanwhile are answered as by one that has nothing. */
export interface DataPlanePort {
  /** 0 … N−1. */
  readonly id: number;
  /** Null: the data plane ended meanwhile. */
  prepare(update: ConfigUpdate): Promise<PreparedPart | null>;
  /** Listeners accept. */
  started(): void;
  stopListeners(direction: "all" | "inbound"): void;
  closeQuietConnections(quietMs: number): void;
  /** Runtime values changed. */
  refreshRuntime(): void;
  /** Health, drain or log levels changed. */
  refreshConditions(): void;
  reopenLogs(): void;
  /** Open downstream connections. */
  connectionCount(): Promise<number>;
  facts(): Promise<PlaneFacts>;
  clusters(): Promise<Iterable<ClusterFacts>>;
  /** Brings gauges and the list of stats up to date. */
  refreshStats(): Promise<void>;
  /** Null on the main thread, whose memory the process knows. */
  memory(): Promise<ThreadMemory | null>;
  /** Gives back what starting needed. */
  trimMemory(): void;
  /** Everything ends at once. */
  close(): Promise<void>;
}
