/**
 * An HTTP filter as configuration names it. `compile` and `compileRoute` are pure and run at config
 * time; `createFactory` runs once per listener and data plane, `create` per stream.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { HttpFilter, HttpFilterCallbacks } from "./http-filter.ts";

/** What a filter gets for one HTTP connection manager. */
export interface HttpFilterContext {
  /** The connection manager's scope: `http.<stat_prefix>.`. */
  readonly stats: StatsScope;
  /** The scope of the whole data plane, for filters with a root of their own. */
  readonly rootStats: StatsScope;
}

/** Makes one filter instance per stream. Null means: nothing to do for this stream. */
export interface HttpFilterInstanceFactory {
  create(callbacks: HttpFilterCallbacks): HttpFilter | null;
  /** Called when the filter chain that owns it is gone for good. */
  close?(): void;
}

/** One entry of the HTTP filter catalogue, type parameters erased by `defineHttpFilter`. */
export interface HttpFilterType {
  /** Canonical name, `envoy.filters.http.fault`. */
  readonly name: string;
  /** Full message names accepted in typed_config, without the type.googleapis.com prefix. */
  readonly messages: readonly string[];
  /** Messages accepted in typed_per_filter_config. */
  readonly routeMessages: readonly string[];
  /** Answers or forwards every request: must stand last. Only the router and its kind. */
  readonly terminal: boolean;
  compile(message: object, context: CompileContext): object | null;
  compileRoute?(message: object, context: CompileContext): object | null;
  createFactory(config: object, context: HttpFilterContext): HttpFilterInstanceFactory;
}

/** An `HttpFilterType` with its types still visible. */
export interface HttpFilterDefinition<Message, Config, RouteMessage, RouteConfig> {
  readonly name: string;
  readonly messages: readonly string[];
  readonly routeMessages?: readonly string[];
  readonly terminal?: boolean;
  compile(message: Message, context: CompileContext): Config | null;
  compileRoute?(message: RouteMessage, context: CompileContext): RouteConfig | null;
  createFactory(config: Config, context: HttpFilterContext): HttpFilterInstanceFactory;
}

/** Checks the type parameters once and erases them for the catalogue. */
export function defineHttpFilter<
  Message extends object,
  Config extends object,
  RouteMessage extends object = never,
  RouteConfig extends object = never,
>(definition: HttpFilterDefinition<Message, Config, RouteMessage, RouteConfig>): HttpFilterType {
  return {
    ...definition,
    routeMessages: definition.routeMessages ?? [],
    terminal: definition.terminal ?? false,
  } as unknown as HttpFilterType;
}
