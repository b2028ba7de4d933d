/**
 * What the whole server tells its connections: whether health checks fail, and whether it drains.
 * Each thread has its own copy. Envoy: `Server::Instance::healthCheckFailed`, `DrainManager`.
 */
import { DrainManager, type DrainOptions, NEVER_DRAIN } from "../network/drain-decision.ts";
import type { TrafficDirection } from "../network/network-filter.ts";
import type { RandomGenerator } from "../platform/random.ts";
import type { TimeSource } from "../platform/time.ts";

/** Plain data, for other threads. */
export interface ConditionsState {
  /** /healthcheck/fail. */
  readonly healthFailed: boolean;
  /** Every answer announces the end of its connection. */
  readonly shuttingDown: boolean;
  /** /drain_listeners?graceful: answers do so more and more often. */
  readonly gracefulDrain: "none" | "inbound" | "all";
}

export class ServerConditions {
  private readonly drain: DrainManager;
  private current: ConditionsState = {
    healthFailed: false,
    shuttingDown: false,
    gracefulDrain: "none",
  };

  constructor(options: DrainOptions, time: TimeSource, random: RandomGenerator) {
    this.drain = new DrainManager(NEVER_DRAIN, options, time, random);
  }

  get state(): ConditionsState {
    return this.current;
  }

  /** A drain that began goes on from where it is. */
  set(change: Partial<ConditionsState>): void {
    this.current = { ...this.current, ...change };
    if (this.current.gracefulDrain !== "none") this.drain.startDrain();
  }

  /** For hot code. */
  readonly healthCheckFailed = (): boolean => this.current.healthFailed;

  /** Whether answers to that side announce the end of their connection. */
  readonly drains = (direction: TrafficDirection): boolean => {
    const { shuttingDown, gracefulDrain } = this.current;
    if (shuttingDown) return true;
    if (gracefulDrain === "none") return false;
    return (gracefulDrain === "all" || direction === "INBOUND") && this.drain.drainClose();
  };
}
