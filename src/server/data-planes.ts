/**
 * All data planes of the process as one: an update is prepared on each and committed on all or on
 * none, one update after the other.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { ConfigTurns } from "./config-turns.ts";
import type { ConfigUpdate, DataPlane } from "./data-plane.ts";
import type { DataPlanePort, PreparedPart } from "./data-plane-port.ts";
import type { ClusterFacts, PlaneFacts } from "./plane-facts.ts";

/** One of `commit` and `discard` must be called: the next update waits for it. */
export interface PreparedOnAll {
  readonly diagnostics: readonly Diagnostic[];
  /**
   * Clusters, then listeners once the clusters are warm. Resolves with what went wrong while
   * binding.
   */
  commit(): Promise<readonly Diagnostic[]>;
  discard(): void;
}

/** Where the ports come from: fixed ones, or those of worker threads, which may be replaced. */
export interface PlaneSource {
  /** Those that live now, the lowest number first. */
  ports(): readonly DataPlanePort[];
  /** An update comes into force, without what is refused; the result is told what is not bound. */
  committing(
    update: ConfigUpdate,
    diagnostics: readonly Diagnostic[],
  ): (problems: readonly Diagnostic[]) => void;
  /** Listeners accept from now on. */
  starting(): void;
  /** Before listeners stop. */
  stopping(direction: "all" | "inbound"): void;
  close(): Promise<void>;
}

const NO_FACTS: PlaneFacts = { listeners: [], warmingClusters: [] };

export class DataPlanes {
  /** The data plane of this thread: serves, or, where worker threads do, only compiles. */
  readonly local: DataPlane;
  private readonly source: PlaneSource;
  private readonly turns: ConfigTurns;

  constructor(local: DataPlane, source: PlaneSource, turns: ConfigTurns = new ConfigTurns()) {
    this.local = local;
    this.source = source;
    this.turns = turns;
  }

  get ports(): readonly DataPlanePort[] {
    return this.source.ports();
  }

  /** Every data plane compiles the same messages: the first one's diagnostics speak for all. */
  async prepare(update: ConfigUpdate): Promise<PreparedOnAll> {
    const release = await this.turns.take();
    try {
      const answers = await Promise.all(this.ports.map((port) => port.prepare(update)));
      const parts = answers.filter((part) => part !== null);
      return {
        diagnostics: parts[0]?.diagnostics ?? [NOBODY_LEFT],
        commit: () => this.commit(update, parts, release),
        discard: () => {
          for (const part of parts) part.discard();
          release();
        },
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Open downstream connections. */
  async connectionCount(): Promise<number> {
    const counts = await Promise.all(this.ports.map((port) => port.connectionCount()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  started(): void {
    this.source.starting();
    for (const port of this.ports) port.started();
  }

  stopListeners(direction: "all" | "inbound"): void {
    this.source.stopping(direction);
    for (const port of this.ports) port.stopListeners(direction);
  }

  /** Closes connections that carry nothing and have been quiet for `quietMs`. */
  closeQuietConnections(quietMs: number): void {
    for (const port of this.ports) port.closeQuietConnections(quietMs);
  }

  refreshRuntime(): void {
    for (const port of this.ports) port.refreshRuntime();
  }

  refreshConditions(): void {
    for (const port of this.ports) port.refreshConditions();
  }

  reopenLogs(): void {
    for (const port of this.ports) port.reopenLogs();
  }

  trimMemory(): void {
    for (const port of this.ports) port.trimMemory();
  }

  /** Every data plane has the same configuration: the first one speaks for all. */
  async facts(): Promise<PlaneFacts> {
    return (await this.ports[0]?.facts()) ?? NO_FACTS;
  }

  /**
   * Host numbers live in shared memory, so that each data plane that uses a cluster knows the sums.
   */
  async clusters(): Promise<Iterable<ClusterFacts>> {
    const [first = [], ...others] = await Promise.all(this.ports.map((port) => port.clusters()));
    if (others.length === 0) return first;
    const byName = new Map([...first].map((one) => [one.config.name, one]));
    for (const one of others.flatMap((all) => [...all])) {
      if (one.started && byName.get(one.config.name)?.started !== true)
        byName.set(one.config.name, one);
    }
    return byName.values();
  }

  async refreshStats(): Promise<void> {
    await Promise.all(this.ports.map((port) => port.refreshStats()));
  }

  /** JavaScript memory of all worker threads together, in bytes. */
  async memory(): Promise<{ heapUsed: number; heapTotal: number }> {
    const all = await Promise.all(this.ports.map((port) => port.memory()));
    const sum = { heapUsed: 0, heapTotal: 0 };
    for (const one of all) {
      sum.heapUsed += one?.heapUsed ?? 0;
      sum.heapTotal += one?.heapTotal ?? 0;
    }
    return sum;
  }

  close(): Promise<void> {
    return this.source.close();
  }

  /** Others may prepare as soon as every data plane has been told. */
  private async commit(
    update: ConfigUpdate,
    parts: readonly PreparedPart[],
    release: () => void,
  ): Promise<readonly Diagnostic[]> {
    const settle = this.source.committing(update, parts[0]?.diagnostics ?? []);
    const results = parts.map((part) => part.commit());
    release();
    const problems = unique((await Promise.all(results)).flat());
    settle(problems);
    return problems;
  }
}

const NOBODY_LEFT: Diagnostic = {
  severity: "error",
  path: "",
  message: "Every worker thread ended while it read the configuration",
  remedy: "see the log; try it with --concurrency 1",
};

/** The same address fails on every data plane. */
function unique(problems: readonly Diagnostic[]): Diagnostic[] {
  const byText = new Map(problems.map((one) => [`${one.path}\n${one.message}`, one]));
  return [...byText.values()];
}
