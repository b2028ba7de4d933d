/**
 * Subscriptions to one named resource in a file: endpoint assignments and route configurations.
 * Those who ask for the same resource of the same source (data planes, old and new version of a
 * listener) share one subscription. Envoy: `RouteConfigProviderManager`.
 */
import type { LoadedResource } from "../config/config-loader.ts";
import { messageIdentity } from "../config/message-identity.ts";
import type { ResourceStore } from "../config/resource-store.ts";
import type { RouteSubscriptions, RouteWatcher } from "../http/route-subscriptions.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { ClusterLoadAssignment } from "../proto/generated/envoy/config/endpoint/v3.ts";
import type { RouteConfiguration } from "../proto/generated/envoy/config/route/v3.ts";
import { createReloadStats, type ReloadStats } from "../stats/groups/reload-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { EndpointSubscriptions, EndpointWatcher } from "../upstream/discovery.ts";
import {
  FilesystemSubscription,
  type SubscriptionServices,
  watchedFile,
} from "./filesystem-subscription.ts";

export const ENDPOINT_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
export const ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/** What is subscribed to. */
export type NamedKind = "endpoints" | "routes";

const TYPES = { endpoints: ENDPOINT_TYPE, routes: ROUTE_TYPE } as const;

/** Who wants a resource: here, or on another thread. */
export interface NamedWatcher {
  /** Null: the file does not hold the name. Returns why it is refused, or null. */
  onMessage(message: unknown): string | null | Promise<string | null>;
  onFailure(): void;
}

/** A watcher of either kind as one of messages. */
export function namedWatcher(
  name: string,
  watcher: EndpointWatcher | RouteWatcher,
): { readonly kind: NamedKind; readonly watcher: NamedWatcher } {
  const onFailure = (): void => watcher.onFailure();
  if ("onAssignment" in watcher) {
    const onMessage = (message: unknown): string | null =>
      watcher.onAssignment(message as ClusterLoadAssignment | null);
    return { kind: "endpoints", watcher: { onMessage, onFailure } };
  }
  const onMessage = (message: unknown): string | null => {
    if (message !== null) return watcher.onRoutes(message as RouteConfiguration);
    watcher.onFailure();
    return `There is no route configuration named "${name}"`;
  };
  return { kind: "routes", watcher: { onMessage, onFailure } };
}

/** What is known at the moment, for those who join later. */
type Newest =
  | { readonly kind: "waiting" | "failed" }
  | { readonly kind: "message"; readonly message: unknown };

/** One file and name with everybody who wants it. */
class SharedSubscription {
  readonly watchers: Set<NamedWatcher> = new Set();
  newest: Newest = { kind: "waiting" };
  /** Routes only. */
  reloads: ReloadStats | null = null;
  subscription: FilesystemSubscription | null = null;
}

export class NamedSubscriptions implements EndpointSubscriptions, RouteSubscriptions {
  private readonly services: SubscriptionServices;
  private readonly store: ResourceStore;
  private readonly shared = new Map<string, SharedSubscription>();

  constructor(services: SubscriptionServices, store: ResourceStore) {
    this.services = services;
    this.store = store;
  }

  subscribe(
    source: ConfigSource,
    name: string,
    scope: StatsScope,
    watcher: EndpointWatcher | RouteWatcher,
  ): () => void {
    const named = namedWatcher(name, watcher);
    return this.watch({ source, name, kind: named.kind, scope }, named.watcher);
  }

  close(): void {
    for (const { subscription } of this.shared.values()) subscription?.close();
    this.shared.clear();
  }

  /** As `subscribe`; the watcher may answer later. */
  watch(wanted: Wanted, watcher: NamedWatcher): () => void {
    const key = keyOf(wanted);
    const known = this.shared.get(key);
    const shared = known ?? new SharedSubscription();
    shared.watchers.add(watcher);
    if (known === undefined) {
      this.shared.set(key, shared);
      this.open(wanted, shared);
    } else {
      void this.join(shared, watcher);
    }
    return () => this.leave(key, wanted, shared, watcher);
  }

  private open(wanted: Wanted, shared: SharedSubscription): void {
    const file = watchedFile(wanted.source);
    if (file === null) {
      shared.newest = { kind: "failed" };
      for (const watcher of shared.watchers) void this.join(shared, watcher);
      return;
    }
    const { name, kind, scope } = wanted;
    const typeUrl = TYPES[kind];
    if (kind === "routes") shared.reloads = createReloadStats(scope);
    shared.subscription = new FilesystemSubscription(this.services, file, typeUrl, scope, {
      onUpdate: ({ resources, version }) => {
        // A file of endpoints is one cluster's, as in Envoy.
        if (typeUrl === ENDPOINT_TYPE && resources.length > 1) {
          return `Unexpected EDS resource length: ${resources.length}`;
        }
        const only = typeUrl === ENDPOINT_TYPE ? resources[0] : undefined;
        const resource = only ?? resources.find((one) => one.name === name) ?? null;
        return this.take(shared, resource, version);
      },
      onFailure: () => {
        if (shared.newest.kind === "waiting") shared.newest = { kind: "failed" };
        for (const watcher of [...shared.watchers]) watcher.onFailure();
      },
    });
    shared.subscription.start();
  }

  /** Hands a version to everybody; what one refuses does not come into force. */
  private take(
    shared: SharedSubscription,
    resource: LoadedResource | null,
    version: string,
  ): string | null | Promise<string | null> {
    const broken = resource?.diagnostics.find(({ severity }) => severity === "error");
    if (broken !== undefined) {
      for (const watcher of [...shared.watchers]) watcher.onFailure();
      return `${broken.path}: ${broken.message}`;
    }
    return this.hand(shared, new Set(), resource, version);
  }

  /** Those who answer later are waited for, one after the other. */
  private hand(
    shared: SharedSubscription,
    told: Set<NamedWatcher>,
    resource: LoadedResource | null,
    version: string,
  ): string | null | Promise<string | null> {
    const message = resource === null ? null : resource.message;
    for (const watcher of [...shared.watchers]) {
      if (told.has(watcher)) continue;
      told.add(watcher);
      const answer = watcher.onMessage(message);
      if (typeof answer === "string") return answer;
      if (answer === null) continue;
      return answer.then((refusal) => refusal ?? this.hand(shared, told, resource, version));
    }
    this.taken(shared, resource, version);
    return null;
  }

  private taken(
    shared: SharedSubscription,
    resource: LoadedResource | null,
    version: string,
  ): void {
    shared.newest = { kind: "message", message: resource === null ? null : resource.message };
    if (resource === null) return;
    const { typeUrl, name, bytes } = resource;
    if (this.store.differs(typeUrl, name, bytes)) {
      shared.reloads?.reloaded(this.services.time.wallMs());
    }
    this.remember(resource, version);
  }

  /** Later, since nobody expects to be called back while subscribing. */
  private async join(shared: SharedSubscription, watcher: NamedWatcher): Promise<void> {
    await Promise.resolve();
    if (!shared.watchers.has(watcher)) return;
    if (shared.newest.kind === "message") await watcher.onMessage(shared.newest.message);
    else if (shared.newest.kind === "failed") watcher.onFailure();
  }

  private leave(
    key: string,
    wanted: Wanted,
    shared: SharedSubscription,
    watcher: NamedWatcher,
  ): void {
    shared.watchers.delete(watcher);
    if (shared.watchers.size === 0) void this.closeUnused(key, wanted, shared);
  }

  /**
   * A listener that takes another's place may come in the same turn: it goes on with what is known,
   * also while the file is broken.
   */
  private async closeUnused(
    key: string,
    { kind, name }: Wanted,
    shared: SharedSubscription,
  ): Promise<void> {
    await Promise.resolve();
    if (shared.watchers.size > 0 || this.shared.get(key) !== shared) return;
    shared.subscription?.close();
    this.shared.delete(key);
    const typeUrl = TYPES[kind];
    const named = `${typeUrl}\n${name}\n`;
    if (![...this.shared.keys()].some((other) => other.startsWith(named))) {
      this.store.remove(typeUrl, name);
    }
  }

  private remember({ typeUrl, name, bytes }: LoadedResource, version: string): void {
    const updatedWallMs = this.services.time.wallMs();
    this.store.put({ typeUrl, name, version, origin: "dynamic", bytes, updatedWallMs });
  }
}

/** What somebody subscribes to. */
export interface Wanted {
  readonly source: ConfigSource;
  readonly name: string;
  readonly kind: NamedKind;
  readonly scope: StatsScope;
}

/** Each cluster has a subscription of its own, as in Envoy; routes are shared by all listeners. */
function keyOf({ source, name, kind, scope }: Wanted): string {
  const owner = kind === "endpoints" ? scope.prefix : "";
  return `${TYPES[kind]}\n${name}\n${owner}\n${messageIdentity(source)}`;
}
