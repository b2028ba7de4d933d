/**
 * Where route configurations arrive by name (files now, streams later); the server provides it.
 * Envoy: `RdsRouteConfigProvider`.
 */
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { RouteConfiguration } from "../proto/generated/envoy/config/route/v3.ts";
import type { StatsScope } from "../stats/stats-scope.ts";

export interface RouteWatcher {
  /** Returns why the configuration is refused, or null. The previous one stays in force then. */
  onRoutes(message: RouteConfiguration): string | null;
  /** The source could not be read, or nothing came within `initial_fetch_timeout`. */
  onFailure(): void;
}

export interface RouteSubscriptions {
  /**
   * Calls back later, never inside this call. Returns a function that ends the watch. `scope` is
   * `http.<p>.rds.<name>`.
   */
  subscribe(
    source: ConfigSource,
    name: string,
    scope: StatsScope,
    watcher: RouteWatcher,
  ): () => void;
}
