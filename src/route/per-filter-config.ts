// hot: per request
/**
 * typed_per_filter_config of the four levels (route configuration, virtual host, route, weighted
 * cluster), merged once per route. HTTP filters are a higher layer: their compile functions come in
 * as `RouteFilterTypes`. Envoy: `PerFilterConfigs` (config_impl.cc).
 */
import type { CompileContext } from "../config/compile-context.ts";
import { messageNameOf } from "../config/matcher/compile-match-tree.ts";
import type { FilterConfig } from "../proto/generated/envoy/config/route/v3.ts";
import type { AnyMessage } from "../proto/plain.ts";
import type { PerFilterConfigs } from "./route.ts";

/** What the route table needs of an HTTP filter. */
export interface RouteFilterType {
  readonly name: string;
  /** Absent when the filter takes no per-route configuration. */
  compileRoute?(message: object, context: CompileContext): object | null;
}

/**
 * Finds the filter that owns a message, e.g. `envoy.extensions.filters.http.cors.v3.CorsPolicy`.
 */
export interface RouteFilterTypes {
  forRouteMessage(messageName: string): RouteFilterType | undefined;
}

/** One filter's entry at one level. `config` is null for a bare switch. */
export interface LevelEntry {
  readonly config: object | null;
  readonly disabled: boolean;
}

export type LevelConfigs = ReadonlyMap<string, LevelEntry>;

interface MergedEntry {
  readonly configs: readonly object[];
  readonly disabled: boolean;
}

const NONE: readonly object[] = [];

class MergedConfigs implements PerFilterConfigs {
  private readonly entries: ReadonlyMap<string, MergedEntry>;

  constructor(entries: ReadonlyMap<string, MergedEntry>) {
    this.entries = entries;
  }

  get(filterName: string): object | undefined {
    const configs = this.entries.get(filterName)?.configs;
    return configs === undefined ? undefined : configs[configs.length - 1];
  }

  all(filterName: string): readonly object[] {
    return this.entries.get(filterName)?.configs ?? NONE;
  }

  disabled(filterName: string): boolean | undefined {
    return this.entries.get(filterName)?.disabled;
  }
}

/** No filter has anything. */
export const NO_FILTER_CONFIGS: PerFilterConfigs = new MergedConfigs(new Map());

/** Merges levels, least specific first. */
export function mergeFilterConfigs(levels: readonly LevelConfigs[]): PerFilterConfigs {
  const merged = new Map<string, { configs: object[]; disabled: boolean }>();
  for (const level of levels) {
    for (const [name, entry] of level) {
      const known = merged.get(name) ?? { configs: [], disabled: false };
      known.disabled = entry.disabled;
      if (entry.config !== null) known.configs.push(entry.config);
      merged.set(name, known);
    }
  }
  return merged.size === 0 ? NO_FILTER_CONFIGS : new MergedConfigs(merged);
}

const FILTER_CONFIG = "envoy.config.route.v3.FilterConfig";

/** Compiles one level; problems are in the context. */
export function compileLevelConfigs(
  messages: Readonly<Record<string, AnyMessage>> | undefined,
  filters: RouteFilterTypes,
  context: CompileContext,
): LevelConfigs {
  const level = new Map<string, LevelEntry>();
  for (const name in messages) {
    const message = messages[name]!;
    const at = context.at("typed_per_filter_config", name);
    if (messageNameOf(message.typeUrl) === FILTER_CONFIG) {
      const entry = compileWrapped((message.value ?? {}) as FilterConfig, filters, at);
      if (entry !== null) level.set(name, entry);
    } else {
      const config = compileEntry(message, false, filters, at);
      level.set(name, { config, disabled: false });
    }
  }
  return level;
}

function compileWrapped(
  wrapper: FilterConfig,
  filters: RouteFilterTypes,
  context: CompileContext,
): LevelEntry | null {
  if (wrapper.disabled === true) return { config: null, disabled: true };
  if (wrapper.config === undefined) {
    return context.error("The filter config is empty", "set config, or disabled: true");
  }
  if (wrapper.config.typeUrl === "") return { config: null, disabled: false };
  const optional = wrapper.isOptional === true;
  return {
    config: compileEntry(wrapper.config, optional, filters, context.at("config")),
    disabled: false,
  };
}

function compileEntry(
  message: AnyMessage,
  optional: boolean,
  filters: RouteFilterTypes,
  context: CompileContext,
): object | null {
  const name = messageNameOf(message.typeUrl);
  const filter = filters.forRouteMessage(name);
  if (filter?.compileRoute !== undefined) {
    return filter.compileRoute((message.value ?? {}) as object, context);
  }
  const problem =
    filter === undefined
      ? `No HTTP filter takes per-route configuration of type ${name}`
      : `Filter ${filter.name} takes no per-route configuration`;
  if (optional) {
    context.warn(`${problem}: left out, since it is optional`);
    return null;
  }
  return context.error(problem, "remove the entry, or wrap it in a FilterConfig with is_optional");
}
