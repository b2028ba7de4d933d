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
    const removedClusters = update.removedClusters.flatMap(({ name, source }) => {
      const one = this.clusters.get(name);
      return one?.source === source ? [one] : [];
    });
    for (const one of removedClusters) this.clusters.delete(nameOf(one));
    for (const one of accepted(update.clusters, diagnostics)) this.clusters.set(nameOf(one), one);
    const removed = update.removedListeners.flatMap((name) => this.listeners.get(name) ?? []);
    for (const one of removed) this.listeners.delete(nameOf(one));
    const changed = accepted(update.listeners, diagnostics);
    const before = changed.map((one) => this.listeners.get(nameOf(one)));
    for (const one of changed) this.listeners.set(nameOf(one), one);
    return (problems) => {
      if (problems.length === 0) return;
      if (update.allOrNothing) this.putBack(removedClusters, removed);
      const bound = new Set(accepted(changed, problems));
      for (const [index, one] of changed.entries())
        if (!bound.has(one)) this.restore(one, before[index]);
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
  private putBack(
    clusters: readonly ClusterResource[],
    listeners: readonly ListenerResource[],
  ): void {
    for (const one of clusters)
      if (!this.clusters.has(nameOf(one))) this.clusters.set(nameOf(one), one);
    for (const one of listeners)
      if (!this.listeners.has(nameOf(one))) this.listeners.set(nameOf(one), one);
  }

  /** Spares what came under its name since. */
  private restore(failed: ListenerResource, before: ListenerResource | undefined): void {
    const name = nameOf(failed);
    if (this.listeners.get(name) !== failed) return;
    if (before === undefined) this.listeners.delete(name);
    else this.listeners.set(name, before);
  }
}

function nameOf({ message }: ClusterResource | ListenerResource): string {
  return message.name ?? "";
}

/** Those that no error points into. */
function accepted<Resource extends { readonly path: string }>(
  resources: readonly Resource[],
  found: readonly Diagnostic[],
): Resource[] {
  const wrong = found.filter(({ severity }) => severity === "error").map(({ path }) => path);
  return resources.filter(({ path }) => !wrong.some((one) => isBelow(one, path)));
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}.`) || path.startsWith(`${root}[`);
}
