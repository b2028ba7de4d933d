/**
 * The configuration in force as one update, for a worker that replaces another. Kept only where
 * worker threads serve.
 */
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { ClusterResource, ConfigUpdate, ListenerResource } from "../data-plane.ts";

export class ConfigJournal {
  private readonly clusters = new Map<string, ClusterResource>();
  private readonly listeners = new Map<string, ListenerResource>();

  /**
   * An update comes into force, without what its diagnostics refuse. The result takes listeners
   * back that could not be bound.
   */
  record(
    update: ConfigUpdate,
    diagnostics: readonly Diagnostic[],
  ): (problems: readonly Diagnostic[]) => void {
    const clustersBefore = new Map(this.clusters);
    for (const { name, source } of update.removedClusters) {
      if (this.clusters.get(name)?.source === source) this.clusters.delete(name);
    }
    for (const one of update.clusters) {
      if (!isRefused(one, diagnostics)) this.clusters.set(one.message.name ?? "", one);
    }
    const before = new Map(this.listeners);
    for (const name of update.removedListeners) this.listeners.delete(name);
    const changed = update.listeners.filter((one) => !isRefused(one, diagnostics));
    for (const one of changed) this.listeners.set(one.message.name ?? "", one);
    return (problems) => {
      if (problems.length === 0) return;
      if (update.allOrNothing) this.keepRemoved(update, clustersBefore, before);
      for (const one of changed) {
        if (isRefused(one, problems)) this.restore(one, before.get(one.message.name ?? ""));
      }
    };
  }

  current(): ConfigUpdate {
    return {
      clusters: [...this.clusters.values()],
      removedClusters: [],
      listeners: [...this.listeners.values()],
      removedListeners: [],
      clustersMayFollow: true,
      allOrNothing: false,
    };
  }

  /** Nothing was removed after all. */
  private keepRemoved(
    update: ConfigUpdate,
    clusters: ReadonlyMap<string, ClusterResource>,
    listeners: ReadonlyMap<string, ListenerResource>,
  ): void {
    for (const { name } of update.removedClusters) {
      const before = clusters.get(name);
      if (before !== undefined && !this.clusters.has(name)) this.clusters.set(name, before);
    }
    for (const name of update.removedListeners) {
      const before = listeners.get(name);
      if (before !== undefined && !this.listeners.has(name)) this.listeners.set(name, before);
    }
  }

  /** Spares what came under its name since. */
  private restore(failed: ListenerResource, before: ListenerResource | undefined): void {
    const name = failed.message.name ?? "";
    if (this.listeners.get(name) !== failed) return;
    if (before === undefined) this.listeners.delete(name);
    else this.listeners.set(name, before);
  }
}

function isRefused({ path }: { readonly path: string }, found: readonly Diagnostic[]): boolean {
  return found.some(
    (one) =>
      one.severity === "error" &&
      (one.path === path || one.path.startsWith(`${path}.`) || one.path.startsWith(`${path}[`)),
  );
}
