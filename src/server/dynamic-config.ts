/**
 * Clusters and listeners that arrive after the start, from files: what a new version adds, changes
 * and removes. The good resources of a version are used, the bad ones are named. Envoy:
 * `CdsApiHelper`, `LdsApiImpl`.
 */
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
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

/** Resources compiled in one go: a few milliseconds. */
const CLUSTERS_PER_SLICE = 32;
const LISTENERS_PER_SLICE = 2;
/** After this long everybody else has a turn, in ms. */
const TURN_MS = 4;
const PAUSE_MS = 1;

/** One of CDS and LDS: a complete list of resources per version. */
export class DynamicConfig {
  private readonly services: DynamicConfigServices;
  private readonly typeUrl: typeof CLUSTER_TYPE | typeof LISTENER_TYPE;
  /** Called after each version was taken or refused: the first time ends the wait at start. */
  private readonly onSettled: () => void;
  private closed = false;

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

  /** Nothing more is applied. */
  close(): void {
    this.closed = true;
  }

  /**
   * Returns what is refused, or null. Applies the version in slices, between which everybody else
   * has a turn.
   */
  async onUpdate(update: LoadedDiscovery): Promise<string | null> {
    const { store, time } = this.services;
    const { typeUrl } = this;
    const resources = update.resources
      .map((one) => this.named(one))
      // What the bootstrap says cannot be replaced from outside.
      .filter(({ name }) => store.get(typeUrl, name)?.origin !== "static");
    const { good, broken } = splitResources(resources);
    const changed = good.filter((one) => store.differs(typeUrl, one.name, one.bytes));
    for (const { name } of good) store.clearError(typeUrl, name);
    const removed = this.removedNames(resources);
    for (const one of broken) this.recordRefused(one, update.version);
    if (changed.length + removed.length > 0) this.services.reloads?.reloaded(time.wallMs());
    const refused = [...broken, ...(await this.apply(changed, removed, update.version))];
    store.setVersion(typeUrl, update.version);
    const problems = refused.flatMap(({ diagnostics }) => diagnostics.filter(isError));
    return problems.length === 0 ? null : problems.map(formatDiagnostic).join("; ");
  }

  /**
   * Returns the resources that are refused. Clusters go last, after those that replace them have
   * come; listeners go first, so that others may have their addresses.
   */
  private async apply(
    changed: readonly LoadedResource[],
    removed: readonly string[],
    version: string,
  ): Promise<LoadedResource[]> {
    const clusters = this.typeUrl === CLUSTER_TYPE;
    const names = new Set<string>();
    const refused: LoadedResource[] = [];
    let open = 1;
    const done = (): void => {
      if (--open === 0) this.onSettled();
    };
    const { time, planes } = this.services;
    let turnEndsMs = time.monotonicMs() + TURN_MS;
    const slices = sliced(changed, clusters ? CLUSTERS_PER_SLICE : LISTENERS_PER_SLICE);
    for (const [index, slice] of slices.entries()) {
      if (this.closed) break;
      open++;
      const own = index === (clusters ? slices.length - 1 : 0) ? removed : [];
      const [unique, twice] = withoutRepeats(slice, names);
      for (const one of twice) this.recordRefused(one, version);
      refused.push(...twice, ...(await this.applySlice(unique, own, version, done)));
      if (time.monotonicMs() < turnEndsMs) continue;
      await new Promise<void>((resolve) => planes.local.dispatcher.after(PAUSE_MS, resolve));
      turnEndsMs = time.monotonicMs() + TURN_MS;
    }
    done();
    return refused;
  }

  private async applySlice(
    slice: readonly LoadedResource[],
    removed: readonly string[],
    version: string,
    done: () => void,
  ): Promise<LoadedResource[]> {
    const { store, planes } = this.services;
    const prepared = await planes.prepare(this.toUpdate(slice, removed));
    if (this.closed) {
      prepared.discard();
      return [];
    }
    const judged = slice.map((one) => ({ ...one, diagnostics: own(prepared.diagnostics, one) }));
    const refused = judged.filter(({ diagnostics }) => diagnostics.some(isError));
    const accepted = judged.filter((one) => !refused.includes(one));
    for (const one of refused) this.recordRefused(one, version);
    const before = accepted.map(({ name }) => store.get(this.typeUrl, name));
    this.recordAccepted(accepted, version, removed);
    void prepared.commit().then((problems) => {
      for (const [index, one] of accepted.entries()) {
        this.checkBound(one, before[index], problems, version);
      }
      done();
    });
    return refused;
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
    const clusters = this.typeUrl === CLUSTER_TYPE;
    return {
      clusters: clusters
        ? changed.map((one) => ({
            message: one.message as Cluster,
            path: one.path,
            source: "dynamic",
          }))
        : [],
      removedClusters: clusters ? removed.map((name) => ({ name, source: "dynamic" })) : [],
      listeners: clusters
        ? []
        : changed.map((one) => ({ message: one.message as Listener, path: one.path })),
      removedListeners: clusters ? [] : removed,
      clustersMayFollow: true,
      allOrNothing: false,
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
      logger.info(`remove ${kind} "${name}"`);
    }
    for (const { name, bytes, diagnostics } of accepted) {
      const updatedWallMs = time.wallMs();
      store.put({ typeUrl, name, version, origin: "dynamic", bytes, updatedWallMs });
      unsupported.set(kind, name, diagnostics);
      logger.info(`add/update ${kind} "${name}"`);
      for (const one of diagnostics) logger.warn(`${kind} "${name}": ${formatDiagnostic(one)}`);
    }
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

/** At least one slice, so that removals have one. */
function sliced<Item>(items: readonly Item[], count: number): Item[][] {
  const slices: Item[][] = [];
  for (let at = 0; at < items.length; at += count) slices.push(items.slice(at, at + count));
  return slices.length === 0 ? [[]] : slices;
}

/** Those whose name is new, and those that say a name again. `names` remembers. */
function withoutRepeats(
  slice: readonly LoadedResource[],
  names: Set<string>,
): readonly [LoadedResource[], LoadedResource[]] {
  const unique: LoadedResource[] = [];
  const twice: LoadedResource[] = [];
  for (const one of slice) {
    if (!names.has(one.name)) unique.push(one);
    else twice.push({ ...one, diagnostics: [repeated(one)] });
    names.add(one.name);
  }
  return [unique, twice];
}

function repeated({ name, path }: LoadedResource): Diagnostic {
  const message = `There is more than one resource named "${name}"`;
  return { severity: "error", path, message, remedy: "give each a name of its own" };
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
