/**
 * Clusters and listeners that arrive after the start, from files: what a new version adds, changes
 * and removes. The good resources of a version are used, the bad ones are named. Envoy:
 * `CdsApiHelper`, `LdsApiImpl`.
 */
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import type { LoadedDiscovery, LoadedResource } from "../config/config-loader.ts";
import type { ResourceStore, StoredResource } from "../config/resource-store.ts";
import type { Logger } from "../log/logger.ts";
import type { TimeSource } from "../platform/time.ts";
import type { Cluster } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { Listener } from "../proto/generated/envoy/config/listener/v3.ts";
import type { ReloadStats } from "../stats/groups/reload-stats.ts";
import type { ConfigUpdate } from "./data-plane.ts";
import type { DataPlanes } from "./data-planes.ts";
import { withName } from "./static-config.ts";
import type { UnsupportedRegistry } from "./unsupported-registry.ts";

export const CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
export const LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener";

export interface DynamicConfigServices {
  readonly planes: DataPlanes;
  readonly store: ResourceStore;
  readonly time: TimeSource;
  readonly logger: Logger;
  readonly unsupported: UnsupportedRegistry;
  /** Null for listeners: Envoy does not count their reloads. */
  readonly reloads: ReloadStats | null;
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
    const { store, planes, time } = this.services;
    const resources = update.resources
      .map((one) => this.named(one))
      // What the bootstrap says cannot be replaced from outside.
      .filter(({ name }) => store.get(this.typeUrl, name)?.origin !== "static");
    const { good, broken } = splitResources(resources);
    const changed = good.filter((one) => store.differs(this.typeUrl, one.name, one.bytes));
    for (const { name } of good) store.clearError(this.typeUrl, name);
    const removed = this.removedNames(resources);
    const prepared = planes.prepare(() => this.toUpdate(changed, removed));
    const judged = changed.map((one) => ({ ...one, diagnostics: own(prepared.diagnostics, one) }));
    const refused = [...broken, ...judged].filter(({ diagnostics }) => diagnostics.some(isError));
    const accepted = judged.filter((one) => !refused.includes(one));
    for (const one of refused) this.recordRefused(one, update.version);
    if (accepted.length + removed.length > 0) this.services.reloads?.reloaded(time.wallMs());
    const before = accepted.map(({ name }) => store.get(this.typeUrl, name));
    this.recordAccepted(accepted, update.version, removed);
    prepared.commit((problems) => {
      for (const [index, one] of accepted.entries()) {
        this.checkBound(one, before[index], problems, update.version);
      }
      this.onSettled();
    });
    const problems = refused.flatMap(({ diagnostics }) => diagnostics.filter(isError));
    return problems.length === 0 ? null : problems.map(formatDiagnostic).join("; ");
  }

  /** A listener that could not bind is not in force. */
  private checkBound(
    resource: LoadedResource,
    before: StoredResource | undefined,
    problems: readonly Diagnostic[],
    version: string,
  ): void {
    const { name } = resource;
    const problem = problems.find(({ message }) => message.startsWith(`Listener "${name}" `));
    if (problem === undefined) return;
    this.services.logger.error(formatDiagnostic(problem));
    this.services.store.restore(this.typeUrl, name, before);
    this.recordRefused({ ...resource, diagnostics: [problem] }, version);
  }

  /** A listener without a name is known by its addresses. */
  private named(resource: LoadedResource): LoadedResource {
    if (this.typeUrl !== LISTENER_TYPE || resource.name !== "") return resource;
    const message = withName(resource.message as Listener);
    return { ...resource, message, name: message.name ?? "" };
  }

  private toUpdate(changed: readonly LoadedResource[], removed: readonly string[]): ConfigUpdate {
    const context = (one: LoadedResource): CompileContext => new CompileContext(one.path);
    const clusters = this.typeUrl === CLUSTER_TYPE;
    return {
      clusters: clusters
        ? changed.map((one) => ({
            message: one.message as Cluster,
            context: context(one),
            source: "dynamic",
          }))
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

  private recordRefused(resource: LoadedResource, version: string): void {
    const { store, time } = this.services;
    const { name, bytes, diagnostics } = resource;
    const details = diagnostics.filter(isError).map(formatDiagnostic).join("; ");
    store.putError(this.typeUrl, name, { details, version, bytes, atWallMs: time.wallMs() });
  }

  private recordAccepted(
    accepted: readonly LoadedResource[],
    version: string,
    removed: readonly string[],
  ): void {
    const { store, time, unsupported, logger } = this.services;
    const { typeUrl } = this;
    const kind = typeUrl === CLUSTER_TYPE ? "cluster" : "listener";
    for (const name of removed) {
      store.remove(typeUrl, name);
      unsupported.remove(kind, name);
    }
    for (const { name, bytes, diagnostics } of accepted) {
      const updatedWallMs = time.wallMs();
      store.put({ typeUrl, name, version, origin: "dynamic", bytes, updatedWallMs });
      unsupported.set(kind, name, diagnostics);
      for (const one of diagnostics) logger.warn(`${kind} "${name}": ${formatDiagnostic(one)}`);
    }
    store.setVersion(typeUrl, version);
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

function own(diagnostics: readonly Diagnostic[], { path }: LoadedResource): Diagnostic[] {
  return diagnostics.filter((one) => one.path === path || one.path.startsWith(`${path}.`));
}

/** Those that keep the field rules, and those that do not. */
function splitResources(resources: readonly LoadedResource[]): {
  good: LoadedResource[];
  broken: LoadedResource[];
} {
  const isBroken = ({ diagnostics }: LoadedResource): boolean => diagnostics.some(isError);
  return {
    good: resources.filter((one) => !isBroken(one)),
    broken: resources.filter(isBroken),
  };
}
