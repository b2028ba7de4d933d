/**
 * Whether a connection should be closed because its listener drains. Envoy:
 * `Network::DrainDecision`, `Server::DrainManagerImpl` (source/server/drain_manager_impl.cc).
 */
import type { RandomGenerator } from "../platform/random.ts";
import type { TimeSource } from "../platform/time.ts";

/** Asked at the end of every response (HTTP/1: `connection: close`). */
export interface DrainDecision {
  drainClose(): boolean;
}

export const NEVER_DRAIN: DrainDecision = { drainClose: (): boolean => false };

/** `--drain-strategy`: gradual closes with growing probability over the drain time. */
export type DrainStrategy = "gradual" | "immediate";

export interface DrainOptions {
  /** `--drain-time-s` in ms; 0 closes at once. */
  readonly drainTimeMs: number;
  readonly strategy: DrainStrategy;
}

/** The drain of one filter chain, one listener or the whole server; asks its parent too. */
export class DrainManager implements DrainDecision {
  private readonly parent: DrainDecision;
  private readonly options: DrainOptions;
  private readonly time: TimeSource;
  private readonly random: RandomGenerator;
  private startedMs = -1;

  constructor(
    parent: DrainDecision,
    options: DrainOptions,
    time: TimeSource,
    random: RandomGenerator,
  ) {
    this.parent = parent;
    this.options = options;
    this.time = time;
    this.random = random;
  }

  get draining(): boolean {
    return this.startedMs >= 0;
  }

  /** Starts the drain; a second call changes nothing. */
  startDrain(): void {
    if (this.startedMs < 0) this.startedMs = this.time.monotonicMs();
  }

  drainClose(): boolean {
    return this.ownDecision() || this.parent.drainClose();
  }

  private ownDecision(): boolean {
    if (this.startedMs < 0) return false;
    const { drainTimeMs, strategy } = this.options;
    const elapsedMs = this.time.monotonicMs() - this.startedMs;
    if (strategy === "immediate" || elapsedMs >= drainTimeMs) return true;
    return (this.random.uint32() / 4294967296) * drainTimeMs < elapsedMs;
  }
}
