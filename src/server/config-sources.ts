/**
 * Everything that is watched for configuration after the start: clusters and listeners as complete
 * lists, endpoint sets and routes by name. Files for now.
 */
import type { ConfigLoader } from "../config/config-loader.ts";
import type { ResourceStore } from "../config/resource-store.ts";
import type { Logger } from "../log/logger.ts";
import type { Files } from "../platform/files.ts";
import type { TimeSource } from "../platform/time.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { Counter } from "../stats/counter.ts";
import { createReloadStats } from "../stats/groups/reload-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { DataPlanes } from "./data-planes.ts";
import { CLUSTER_TYPE, DynamicConfig, LISTENER_TYPE } from "./dynamic-config.ts";
import {
  FilesystemSubscription,
  type SubscriptionServices,
  type UnknownDynamicFields,
  watchedFile,
} from "./filesystem-subscription.ts";
import { NamedSubscriptions } from "./named-subscriptions.ts";
import type { UnsupportedRegistry } from "./unsupported-registry.ts";

export interface ConfigSourceServices {
  readonly loader: ConfigLoader;
  readonly files: Files;
  readonly time: TimeSource;
  readonly logger: Logger;
  readonly store: ResourceStore;
  readonly unsupported: UnsupportedRegistry;
  readonly unknownFields: UnknownDynamicFields;
  /** `server.dynamic_unknown_fields`. */
  readonly unknownFieldCounter: Counter;
}

export class ConfigSources {
  /** Endpoint sets and routes. */
  readonly named: NamedSubscriptions;
  private readonly services: ConfigSourceServices;
  private readonly subscriptions: FilesystemSubscription[] = [];
  private readonly dynamic: DynamicConfig[] = [];

  constructor(services: ConfigSourceServices) {
    this.services = services;
    this.named = new NamedSubscriptions(this.subscriptionServices(), services.store);
  }

  /** Clusters first, listeners once they are there: Envoy's order. Resolves when both serve. */
  async start(
    sources: { readonly cds: ConfigSource | null; readonly lds: ConfigSource | null },
    planes: DataPlanes,
    root: StatsScope,
  ): Promise<void> {
    if (sources.cds !== null) {
      await this.subscribe(sources.cds, CLUSTER_TYPE, root.scope("cluster_manager.cds"), planes);
    }
    if (sources.lds !== null) {
      await this.subscribe(sources.lds, LISTENER_TYPE, root.scope("listener_manager.lds"), planes);
    }
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.close();
    for (const dynamic of this.dynamic) dynamic.close();
    this.named.close();
  }

  private subscribe(
    source: ConfigSource,
    typeUrl: typeof CLUSTER_TYPE | typeof LISTENER_TYPE,
    scope: StatsScope,
    planes: DataPlanes,
  ): Promise<void> {
    return new Promise((resolve) => {
      const file = watchedFile(source);
      if (file === null) {
        resolve();
        return;
      }
      const reloads = typeUrl === CLUSTER_TYPE ? createReloadStats(scope) : null;
      const dynamic = new DynamicConfig({ planes, reloads, ...this.services }, typeUrl, resolve);
      const services = this.subscriptionServices();
      const subscription = new FilesystemSubscription(services, file, typeUrl, scope, dynamic);
      this.subscriptions.push(subscription);
      this.dynamic.push(dynamic);
      subscription.start();
    });
  }

  private subscriptionServices(): SubscriptionServices {
    const { loader, files, time, logger, unknownFields, unknownFieldCounter } = this.services;
    return { loader, files, time, logger, unknownFields, unknownFieldCounter };
  }
}
