/** Subscriptions to one named resource in a file: endpoint assignments and route configurations. */
import type { LoadedResource } from "../config/config-loader.ts";
import type { RouteSubscriptions, RouteWatcher } from "../http/route-subscriptions.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { ClusterLoadAssignment } from "../proto/generated/envoy/config/endpoint/v3.ts";
import type { RouteConfiguration } from "../proto/generated/envoy/config/route/v3.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { EndpointSubscriptions, EndpointWatcher } from "../upstream/discovery.ts";
import { FilesystemSubscription, type SubscriptionServices, watchedFile } from "./filesystem-subscription.ts";

export const ENDPOINT_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
export const ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/** Told of a resource that came into force, for the resource store. */
export type OnResource = (resource: LoadedResource, version: string) => void;

interface NamedWatcher {
  /** Null: the file does not hold the name. */
  onMessage(message: unknown): string | null;
  onFailure(): void;
}

export class NamedSubscriptions implements EndpointSubscriptions, RouteSubscriptions {
  private readonly services: SubscriptionServices;
  private readonly onResource: OnResource;

  constructor(services: SubscriptionServices, onResource: OnResource) {
    this.services = services;
    this.onResource = onResource;
  }

  subscribe(
    source: ConfigSource,
    name: string,
    scope: StatsScope,
    watcher: EndpointWatcher | RouteWatcher,
  ): () => void {
    const endpoints = "onAssignment" in watcher;
    const adapter: NamedWatcher = {
      onMessage: (message) =>
        endpoints
          ? watcher.onAssignment(message as ClusterLoadAssignment | null)
          : message === null
            ? null
            : watcher.onRoutes(message as RouteConfiguration),
      onFailure: () => watcher.onFailure(),
    };
    return this.watch(source, name, endpoints ? ENDPOINT_TYPE : ROUTE_TYPE, scope, adapter);
  }

  private watch(
    source: ConfigSource,
    name: string,
    typeUrl: string,
    scope: StatsScope,
    watcher: NamedWatcher,
  ): () => void {
    const file = watchedFile(source);
    if (file === null) {
      watcher.onFailure();
      return () => undefined;
    }
    const subscription = new FilesystemSubscription(this.services, file, typeUrl, scope, {
      onUpdate: ({ resources, version }) => {
        const resource = resources.find((one) => one.name === name);
        if (resource === undefined) return watcher.onMessage(null);
        const broken = resource.diagnostics.find(({ severity }) => severity === "error");
        if (broken !== undefined) return `${broken.path}: ${broken.message}`;
        const refusal = watcher.onMessage(resource.message);
        if (refusal === null) this.onResource(resource, version);
        return refusal;
      },
      onFailure: () => watcher.onFailure(),
    });
    subscription.start();
    return () => subscription.close();
  }
}
