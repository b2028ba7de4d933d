/** A data plane on the server's own thread. */
import type { ConfigUpdate, DataPlane } from "./data-plane.ts";
import type { DataPlanePort, PreparedPart } from "./data-plane-port.ts";
import { type ClusterFacts, clusterFacts, listenerFacts, type PlaneFacts } from "./plane-facts.ts";

export class DirectPort implements DataPlanePort {
  readonly id: number;
  readonly plane: DataPlane;

  constructor(id: number, plane: DataPlane) {
    this.id = id;
    this.plane = plane;
  }

  async prepare(update: ConfigUpdate): Promise<PreparedPart> {
    const { diagnostics, commit } = this.plane.prepare(update);
    return {
      diagnostics,
      commit: () => new Promise((resolve) => commit(resolve)),
      discard: () => undefined,
    };
  }

  started(): void {
    this.plane.started();
  }

  stopListeners(direction: "all" | "inbound"): void {
    this.plane.listeners.stopListeners(direction);
  }

  closeQuietConnections(quietMs: number): void {
    this.plane.listeners.closeQuietConnections(quietMs);
  }

  refreshRuntime(): void {
    this.plane.clusters.refresh();
  }

  /** They are shared objects here. */
  refreshConditions(): void {}

  /** The process does. */
  reopenLogs(): void {}

  async connectionCount(): Promise<number> {
    return this.plane.listeners.connectionCount;
  }

  async facts(): Promise<PlaneFacts> {
    const { listeners, clusters } = this.plane;
    return {
      listeners: listeners.status().map(listenerFacts),
      warmingClusters: clusters.warming().map(({ name }) => name),
    };
  }

  async clusters(): Promise<Iterable<ClusterFacts>> {
    return allClusters(this.plane);
  }

  async refreshStats(): Promise<void> {
    // Limits and health are those of all data planes together; the first one shows them.
    if (this.id === 0) this.plane.clusters.showShared();
  }

  async memory(): Promise<null> {
    return null;
  }

  /** The process does. */
  trimMemory(): void {}

  close(): Promise<void> {
    return new Promise((resolve) => this.plane.close(resolve));
  }
}

/** One at a time: there may be many thousand hosts. */
function* allClusters({ clusters }: DataPlane): Generator<ClusterFacts> {
  for (const status of clusters.statuses()) yield clusterFacts(status);
}
