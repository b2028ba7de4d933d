/**
 * Clusters and listeners that arrive after the start, from files: what a new version adds, changes
 * and removes. The good resources of a version are used, the bad ones are named. Envoy:
 * `CdsApiHelper`, `LdsApiImpl`.
 */
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import type { LoadedDiscovery, LoadedResource } from "../config/config-loader.ts";
import type { ResourceStore } from "../config/resource-store.ts";
import type { Logger } from "../log/logger.ts";
import type { TimeSource } from "../platform/time.ts";
import type { Cluster } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { Listener } from "../proto/generated/envoy/config/listener/v3.ts";
import type { ConfigUpdate } from "./data-plane.ts";
import type { DataPlanes } from "./data-planes.ts";

export const CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
export const LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener";

export interface DynamicConfigServices {
  readonly planes: DataPlanes;
  readonly store: ResourceStore;
  readonly time: TimeSource;
  readonly logger: Logger;
}

/** One of CDS and LDS: a complete list of resources per version. */
export class DynamicConfig {
  private readonly services: DynamicConfigServices;
  private readonly typeUrl: typeof CLUSTER_TYPE | typeof LISTENER_TYPE;
  /** Called after each version was taken or refused: the first time ends the wait at start. */
  private readonly onSettled: () => void;

  constructor(
    services: DynamicConfigServices,
    typeUrl: typeof CLUSTER_TYPE | typeof LISTENER_TYPE,
    onSettled: () => void,
  ) {
    this.services = services;
    this.typeUrl = typeUrl;
    this.onSettled = onSettled;
  }

  onFailure(): void {
    this.onSettled();
  }

  /** Returns what is refused, or null. */
  onUpdate(update: LoadedDiscovery): string | null {
    const { store } = this.services;
    const { good, problems } = splitResources(update.resources);
    const changed = good.filter((one) => store.differs(this.typeUrl, one.name, one.bytes));
    const removed = this.removedNames(update.resources);
    const prepared = this.services.planes.prepare(() => this.toUpdate(changed, removed));
    const refused = this.recordRefused(prepared.diagnostics, changed, update.version);
    prepared.commit((bindProblems) => {
      for (const problem of bindProblems) this.services.logger.error(formatDiagnostic(problem));
      this.onSettled();
    });
    this.recordAccepted(changed, refused, update.version, removed);
    const all = [...problems, ...prepared.diagnostics.filter(isError).map(formatDiagnostic)];
    return all.length === 0 ? null : all.join("; ");
  }

  private toUpdate(changed: readonly LoadedResource[], removed: readonly string[]): ConfigUpdate {
    const context = (one: LoadedResource): CompileContext => new CompileContext(one.path);
    const clusters = this.typeUrl === CLUSTER_TYPE;
    return {
      clusters: clusters
        ? changed.map((one) => ({ message: one.message as Cluster, context: context(one), source: "dynamic" }))
        : [],
      removedClusters: clusters ? removed.map((name) => ({ name, source: "dynamic" })) : [],
      listeners: clusters
        ? []
        : changed.map((one) => ({ message: one.message as Listener, context: context(one) })),
      removedListeners: clusters ? [] : removed,
      clustersMayFollow: true,
    };
  }

  private removedNames(resources: readonly LoadedResource[]): string[] {
    const names = new Set(resources.map(({ name }) => name));
    return this.services.store
      .all(this.typeUrl)
      .filter(({ origin, name }) => origin === "dynamic" && !names.has(name))
      .map(({ name }) => name);
  }

  private recordRefused(
    diagnostics: readonly Diagnostic[],
    changed: readonly LoadedResource[],
    version: string,
  ): ReadonlySet<string> {
    const refused = new Set<string>();
    for (const one of changed) {
      const own = diagnostics.filter((found) => isError(found) && found.path.startsWith(one.path));
      if (own.length === 0) continue;
      refused.add(one.name);
      const details = own.map(formatDiagnostic).join("; ");
      this.services.store.putError(this.typeUrl, one.name, { details, version, atWallMs: this.services.time.wallMs() });
    }
    return refused;
  }

  private recordAccepted(
    changed: readonly LoadedResource[],
    refused: ReadonlySet<string>,
    version: string,
    removed: readonly string[],
  ): void {
    const { store, time } = this.services;
    for (const name of removed) store.remove(this.typeUrl, name);
    for (const { name, bytes } of changed) {
      if (refused.has(name)) continue;
      store.put({ typeUrl: this.typeUrl, name, version, origin: "dynamic", bytes, updatedWallMs: time.wallMs() });
    }
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

function splitResources(resources: readonly LoadedResource[]): { good: LoadedResource[]; problems: string[] } {
  const good: LoadedResource[] = [];
  const problems: string[] = [];
  for (const one of resources) {
    const errors = one.diagnostics.filter(isError);
    if (errors.length === 0) good.push(one);
    else problems.push(...errors.map(formatDiagnostic));
  }
  return { good, problems };
}
