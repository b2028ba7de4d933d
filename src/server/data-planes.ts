/**
 * All data planes of the process as one: an update is prepared on each and committed on all or on
 * none.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import type { ConfigUpdate, DataPlane, PreparedUpdate } from "./data-plane.ts";

export class DataPlanes {
  readonly all: readonly DataPlane[];

  constructor(all: readonly DataPlane[]) {
    this.all = all;
  }

  /** Every data plane compiles the same messages: the first one's diagnostics speak for all. */
  prepare(makeUpdate: () => ConfigUpdate): PreparedUpdate {
    const prepared = this.all.map((plane) => plane.prepare(makeUpdate()));
    return {
      diagnostics: prepared[0]?.diagnostics ?? [],
      commit: (done) => commitAll(prepared, done),
    };
  }

  /** Speaks for all where they are alike. */
  get first(): DataPlane {
    return this.all[0] as DataPlane;
  }

  /** Open downstream connections. */
  get connectionCount(): number {
    return this.all.reduce((sum, plane) => sum + plane.listeners.connectionCount, 0);
  }

  started(): void {
    for (const plane of this.all) plane.started();
  }

  stopListeners(direction: "all" | "inbound"): void {
    for (const plane of this.all) plane.listeners.stopListeners(direction);
  }

  /** Closes connections that carry nothing and have been quiet for `quietMs`. */
  closeQuietConnections(quietMs: number): void {
    for (const plane of this.all) plane.listeners.closeQuietConnections(quietMs);
  }

  /** Limits and health are those of all data planes together; the first one shows them. */
  showShared(): void {
    this.first.clusters.showShared();
  }

  refreshRuntime(): void {
    for (const plane of this.all) plane.clusters.refresh();
  }

  async close(): Promise<void> {
    await Promise.all(
      this.all.map((plane) => new Promise<void>((resolve) => plane.close(resolve))),
    );
  }
}

function commitAll(
  prepared: readonly PreparedUpdate[],
  done: (problems: readonly Diagnostic[]) => void,
): void {
  const problems: Diagnostic[] = [];
  let waiting = prepared.length;
  for (const one of prepared) {
    one.commit((found) => {
      problems.push(...found);
      if (--waiting === 0) done(problems);
    });
  }
}
