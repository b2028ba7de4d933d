/**
 * The pure half of a listener update: compiles everything and refuses what cannot be, before
 * anything live is touched. Envoy: `ListenerManagerImpl::addOrUpdateListener`,
 * `LdsApiImpl::onConfigUpdate` (removals first, each listener alone).
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { Listener as ListenerMessage } from "../proto/generated/envoy/config/listener/v3.ts";
import { compileListener, type ListenerCatalogue, type ListenerConfig } from "./listener-config.ts";

/** A listener to add or change, and where its diagnostics go. */
export interface ListenerResource {
  readonly message: ListenerMessage;
  readonly context: CompileContext;
}

export interface ListenerUpdate {
  /** Names; unknown ones are ignored. */
  readonly removed: readonly string[];
  readonly changed: readonly ListenerResource[];
  /** Remove only once everything changed is bound, and nothing when something is not. */
  readonly allOrNothing?: boolean;
}

export interface CompiledListenerUpdate {
  readonly removed: readonly string[];
  readonly allOrNothing: boolean;
  readonly configs: readonly ListenerConfig[];
  /** Where each of them stands in the configuration, by name. */
  readonly paths: ReadonlyMap<string, string>;
  /** Everything reported, warnings included. */
  readonly diagnostics: readonly Diagnostic[];
}

/** `existing` are the listeners that would stay if nothing changed. */
export function compileListenerUpdate(
  update: ListenerUpdate,
  catalogue: ListenerCatalogue,
  existing: readonly ListenerConfig[],
): CompiledListenerUpdate {
  const removed = new Set(update.removed);
  const byName = new Map(
    existing.filter(({ name }) => !removed.has(name)).map((config) => [config.name, config]),
  );
  const diagnostics = new Set<Diagnostic>();
  const configs: ListenerConfig[] = [];
  const paths = new Map<string, string>();
  const seen = new Set<string>();
  for (const { message, context } of update.changed) {
    const before = context.diagnostics.length;
    const config = compileOne(message, context, catalogue, { byName, seen });
    const own = context.diagnostics.slice(before);
    for (const diagnostic of own) diagnostics.add(diagnostic);
    // Some compile functions report an error and go on, to report the next one too.
    if (config === null || own.some(({ severity }) => severity === "error")) continue;
    byName.set(config.name, config);
    paths.set(config.name, context.path);
    configs.push(config);
  }
  const { allOrNothing = false } = update;
  return { removed: update.removed, allOrNothing, configs, paths, diagnostics: [...diagnostics] };
}

interface Known {
  readonly byName: ReadonlyMap<string, ListenerConfig>;
  readonly seen: Set<string>;
}

function compileOne(
  message: ListenerMessage,
  context: CompileContext,
  catalogue: ListenerCatalogue,
  { byName, seen }: Known,
): ListenerConfig | null {
  const name = message.name ?? "";
  if (name !== "" && seen.has(name)) {
    return context
      .at("name")
      .error(`There is more than one listener named "${name}"`, "give each a name of its own");
  }
  seen.add(name);
  const compiled = compileListener(message, catalogue, context);
  if (compiled === null) return null;
  const config = compiled.name === "" ? { ...compiled, name: unnamed(compiled) } : compiled;
  const old = byName.get(config.name);
  if (old !== undefined && old.reusePort !== config.reusePort) {
    return context
      .at("enable_reuse_port")
      .error("enable_reuse_port of a running listener cannot change", "use another listener name");
  }
  return checkAddresses(config, byName, context) ? config : null;
}

/** Envoy gives a random name; ours stays the same when the file is read again. */
function unnamed(config: ListenerConfig): string {
  return `listener:${config.addresses.map(({ text }) => text).join(",")}`;
}

/** Two listeners may not bind to one address. */
function checkAddresses(
  config: ListenerConfig,
  byName: ReadonlyMap<string, ListenerConfig>,
  context: CompileContext,
): boolean {
  if (!config.bindToPort) return true;
  const mine = new Set(boundTexts(config));
  for (const other of byName.values()) {
    if (other.name === config.name || !other.bindToPort) continue;
    const clash = boundTexts(other).find((text) => mine.has(text));
    if (clash === undefined) continue;
    context
      .at("address")
      .error(
        `Listener "${config.name}" has the same address ${clash} as listener "${other.name}"`,
        "use another port, or set bind_to_port: false on one of them",
      );
    return false;
  }
  return true;
}

/** Port 0 is a new port each time. */
function boundTexts(config: ListenerConfig): string[] {
  return config.addresses
    .filter(({ address }) => address.port !== 0 || address.path !== undefined)
    .map(({ text }) => text);
}
