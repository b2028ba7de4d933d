/**
 * The two ways a connection manager gets its routes: written inline, or by subscription with a swap
 * on every update.
 */
import { formatDiagnostic } from "../../../base/diagnostic.ts";
import { CompileContext } from "../../../config/compile-context.ts";
import type { RouteSource } from "../../../http/connection-manager-runtime.ts";
import type { RouteSubscriptions, RouteWatcher } from "../../../http/route-subscriptions.ts";
import type { NetworkFilterContext } from "../../../network/network-filter.ts";
import type { RouteConfiguration } from "../../../proto/generated/envoy/config/route/v3.ts";
import type { Rds } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { RouteTable } from "../../../route/route.ts";
import type { RouteServices } from "../../../route/route-services.ts";
import { compileRouteTable } from "../../../route/route-table.ts";

/** A live source; `close` ends its subscription. */
export interface ClosableRouteSource extends RouteSource {
  close(): void;
}

/** A compiled source: makes the live one. */
export interface RouteSourceConfig {
  /** Holds the listener's warming gate until the first table is there. */
  create(statPrefix: string, context: NetworkFilterContext): ClosableRouteSource;
}

/** `route_config`. */
export function compileInlineRoutes(
  message: RouteConfiguration,
  services: RouteServices,
  context: CompileContext,
): RouteSourceConfig | null {
  const table = compileRouteTable(message, { ...services, validateClusters: true }, context);
  if (table === null) return null;
  const source: ClosableRouteSource = { current: () => table, close: () => undefined };
  return { create: () => source };
}

/** `rds`. */
export function compileRds(
  message: Rds,
  services: RouteServices,
  subscriptions: RouteSubscriptions,
  context: CompileContext,
): RouteSourceConfig | null {
  const { configSource, routeConfigName = "" } = message;
  if (configSource === undefined)
    return context.error("The config source is missing", "set config_source");
  if (configSource.pathConfigSource === undefined && configSource.path === undefined) {
    return context
      .at("config_source")
      .error("Only files are supported as a source yet", "use path_config_source");
  }
  return {
    create: (statPrefix, listener): ClosableRouteSource => {
      const scope = listener.rootStats.scope(`http.${statPrefix}.rds.${routeConfigName}`);
      const source = new SubscribedRoutes(services, listener.warming.hold());
      source.stop = subscriptions.subscribe(configSource, routeConfigName, scope, source);
      return source;
    },
  };
}

class SubscribedRoutes implements ClosableRouteSource, RouteWatcher {
  stop: (() => void) | null = null;
  private readonly services: RouteServices;
  private readonly ready: () => void;
  private table: RouteTable | null = null;

  constructor(services: RouteServices, ready: () => void) {
    this.services = services;
    this.ready = ready;
  }

  current(): RouteTable | null {
    return this.table;
  }

  onRoutes(message: RouteConfiguration): string | null {
    const context = new CompileContext(message.name ?? "");
    const table = compileRouteTable(
      message,
      { ...this.services, validateClusters: false },
      context,
    );
    this.ready();
    if (table === null) return context.diagnostics.map(formatDiagnostic).join("; ");
    this.table = table;
    return null;
  }

  onFailure(): void {
    this.ready();
  }

  close(): void {
    this.stop?.();
  }
}
