/**
 * The listeners of one data plane: add, change, remove, warm, drain. Envoy: `ListenerManagerImpl`
 * (source/common/listener_manager/listener_manager_impl.cc).
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import {
  formatSocketAddress,
  type SocketAddress,
  type SocketFactory,
} from "../platform/sockets.ts";
import type { ListenerManagerStats } from "../stats/groups/listener-manager-stats.ts";
import { drainConnections } from "./draining.ts";
import type { FilterChain } from "./filter-chain.ts";
import { ListenSockets } from "./listen-sockets.ts";
import { type FilterChainSet, Listener, type ListenerServices } from "./listener.ts";
import { ListenerBinding } from "./listener-binding.ts";
import type { ListenerConfig } from "./listener-config.ts";
import {
  type CompiledListenerUpdate,
  compileListenerUpdate,
  type ListenerUpdate,
} from "./listener-update.ts";

export interface ListenerManagerOptions {
  /** Listening sockets may share a port (several data planes, Linux). */
  readonly reusePort: boolean;
  /**
   * False on all data planes but one: what cannot be shared (a Unix socket, a listener with
   * enable_reuse_port off) is bound once. Default true.
   */
  readonly bindsUnshared?: boolean;
}

/** Tells the update that asked for it how a listener ended up; null is well. */
type Settle = (problem: Diagnostic | null) => void;

/** One version of a listener with its sockets. */
interface Entry {
  readonly listener: Listener;
  readonly binding: ListenerBinding;
  /** New chains on their way in (in-place update). */
  incoming: FilterChainSet | null;
  stopped: boolean;
  /** Who waits for this version, or for its incoming chains; called once. */
  settle: Settle | null;
}

/** What admin pages show. */
export interface ListenerStatus {
  readonly config: ListenerConfig;
  readonly state: "active" | "warming" | "draining";
  /** Bound addresses with their real ports. */
  readonly addresses: readonly SocketAddress[];
  readonly connections: number;
}

/** A compiled update, ready to be taken. */
export interface PreparedListenerUpdate {
  readonly diagnostics: readonly Diagnostic[];
  /** Names of the listeners that will be added or changed. */
  readonly accepted: readonly string[];
  /**
   * Removals first, then additions and changes. `done` runs once every listener serves or has
   * failed to bind, with a diagnostic per failure.
   */
  commit(done: (problems: readonly Diagnostic[]) => void): void;
}

export class ListenerManager {
  private readonly services: ListenerServices;
  private readonly stats: ListenerManagerStats;
  private readonly options: ListenerManagerOptions;
  private readonly sockets: ListenSockets;
  private readonly active = new Map<string, Entry>();
  private readonly warming = new Map<string, Entry>();
  private readonly draining = new Set<Listener>();
  private onIdle: (() => void) | null = null;
  /** What `stopListeners` was told; later updates obey it too. */
  private stopped: "none" | "inbound" | "all" = "none";

  constructor(
    services: ListenerServices,
    sockets: SocketFactory,
    stats: ListenerManagerStats,
    options: ListenerManagerOptions,
  ) {
    this.services = services;
    this.stats = stats;
    this.options = options;
    this.sockets = new ListenSockets(sockets);
  }

  /** Compiles; touches nothing live. */
  prepare(update: ListenerUpdate): PreparedListenerUpdate {
    const existing = new Map([...this.active, ...this.warming]);
    const compiled = compileListenerUpdate(
      update,
      this.services.catalogue,
      [...existing.values()].map((entry) => latestConfig(entry)),
    );
    return {
      diagnostics: compiled.diagnostics,
      accepted: compiled.configs.map(({ name }) => name),
      commit: (done) => this.commit(compiled, done),
    };
  }

  status(): ListenerStatus[] {
    const describe = (state: ListenerStatus["state"]) => (entry: Entry) => ({
      config: entry.listener.config,
      state,
      addresses: entry.binding.sockets.flatMap(({ address }) =>
        address === null ? [] : [address],
      ),
      connections: entry.listener.connectionCount,
    });
    return [
      ...[...this.active.values()].map(describe("active")),
      ...[...this.warming.values()].map(describe("warming")),
      ...[...this.draining].map((listener) => ({
        config: listener.config,
        state: "draining" as const,
        addresses: [],
        connections: listener.connectionCount,
      })),
    ];
  }

  /** Open connections of all listeners, draining ones too. */
  get connectionCount(): number {
    let count = 0;
    for (const { listener } of this.active.values()) count += listener.connectionCount;
    for (const listener of this.draining) count += listener.connectionCount;
    return count;
  }

  /** Stops accepting; connections go on. Envoy: `stopListeners`. */
  stopListeners(direction: "all" | "inbound"): void {
    if (this.stopped !== "all") this.stopped = direction;
    for (const entry of this.active.values()) {
      if (entry.stopped || !this.isStopped(entry.listener.config)) continue;
      entry.stopped = true;
      entry.binding.release();
      this.stats.listenerStopped.inc();
    }
    this.sockets.sweep();
  }

  /** Calls back once no connection is open; at once when there is none. */
  whenIdle(callback: () => void): void {
    const waiting = [...this.active.values()].map(({ listener }) => listener);
    const check = (): void => {
      if (this.connectionCount > 0) return;
      for (const listener of waiting) listener.onEmpty = null;
      this.onIdle = null;
      callback();
    };
    this.onIdle = check;
    for (const listener of waiting) listener.onEmpty = check;
    check();
  }

  /** Closes every connection at once. */
  closeConnections(): void {
    for (const { listener } of this.active.values()) listener.closeConnections();
    for (const listener of this.draining) listener.closeConnections();
  }

  /** Closes connections on which nothing is in flight and nothing was for `quietMs`. */
  closeQuietConnections(quietMs: number): void {
    const sinceMs = this.services.dispatcher.monotonicMs() - quietMs;
    for (const { listener } of this.active.values()) listener.closeQuietConnections(sinceMs);
    for (const listener of this.draining) listener.closeQuietConnections(sinceMs);
  }

  /** Ends everything: sockets, connections, chains. */
  close(): void {
    for (const entry of [...this.active.values(), ...this.warming.values()]) {
      entry.binding.release();
      entry.listener.close();
    }
    for (const listener of [...this.draining]) listener.closeConnections();
    this.active.clear();
    this.warming.clear();
    this.sockets.sweep();
    this.updateGauges();
  }

  /**
   * The listener that a restored destination belongs to: exact address first, then the wildcard of
   * its family.
   */
  readonly handOff = (local: SocketAddress): Listener | null => {
    if (local.path !== undefined) return null;
    const wildcard = { ip: local.ip.includes(":") ? "::" : "0.0.0.0", port: local.port };
    return this.findByAddress(local) ?? this.findByAddress(wildcard);
  };

  private findByAddress(address: SocketAddress): Listener | null {
    const text = formatSocketAddress(address);
    for (const { listener, stopped } of this.active.values()) {
      if (!stopped && listener.config.addresses.some((one) => one.text === text)) return listener;
    }
    return null;
  }

  private commit(
    compiled: CompiledListenerUpdate,
    done: (problems: readonly Diagnostic[]) => void,
  ): void {
    const problems: Diagnostic[] = [];
    let waiting = compiled.configs.length + 1;
    // Those of one file go only when those of the other are there.
    const leaving = compiled.removed.map((name) => [name, this.active.get(name)] as const);
    const settle: Settle = (problem) => {
      if (problem !== null) problems.push(problem);
      if (--waiting > 0) return;
      if (compiled.allOrNothing && problems.length === 0) this.removeAll(leaving);
      done(problems);
    };
    if (!compiled.allOrNothing) this.removeAll(leaving);
    for (const config of compiled.configs) {
      const path = compiled.paths.get(config.name) ?? "";
      this.apply(config, (problem) => settle(problem === null ? null : below(path, problem)));
    }
    this.sockets.sweep();
    this.updateGauges();
    settle(null);
  }

  private isStopped({ trafficDirection }: ListenerConfig): boolean {
    return this.stopped === "all" || (this.stopped === "inbound" && trafficDirection === "INBOUND");
  }

  private apply(config: ListenerConfig, settle: Settle): void {
    if (this.isStopped(config)) {
      settle(null);
      return;
    }
    const active = this.active.get(config.name);
    const warming = this.warming.get(config.name);
    if (warming?.listener.config.identity === config.identity) {
      settle(null);
      return;
    }
    if (active !== undefined && latestConfig(active).identity === config.identity) {
      this.discardWarming(config.name);
      settle(null);
      return;
    }
    if (active === undefined && warming === undefined) this.stats.listenerAdded.inc();
    else this.stats.listenerModified.inc();
    this.discardWarming(config.name);
    if (
      active !== undefined &&
      !active.stopped &&
      active.listener.config.identityWithoutChains === config.identityWithoutChains
    ) {
      this.updateInPlace(active, config, settle);
    } else {
      this.warm(config, settle);
    }
  }

  private updateInPlace(entry: Entry, config: ListenerConfig, settle: Settle): void {
    const { listener } = entry;
    this.discardIncoming(entry);
    const incoming = listener.prepareChains(config);
    entry.incoming = incoming;
    entry.settle = settle;
    incoming.gate.whenOpen(() => {
      if (entry.incoming !== incoming) return;
      entry.incoming = null;
      this.stats.listenerInPlaceUpdated.inc();
      for (const chain of listener.adoptChains(incoming)) this.drainChain(chain);
      settleOnce(entry, null);
    });
  }

  private drainChain(chain: FilterChain): void {
    const { dispatcher, drain } = this.services;
    this.stats.totalFilterChainsDraining.inc();
    drainConnections(chain, drain.drainTimeMs, dispatcher, () => {
      this.stats.totalFilterChainsDraining.dec();
      chain.close();
    });
  }

  private warm(config: ListenerConfig, settle: Settle): void {
    const listener = new Listener(config, this.services, this.handOff);
    const binding = new ListenerBinding(listener, this.sockets, {
      reusePort: config.reusePort && this.options.reusePort,
      bindsUnshared: this.options.bindsUnshared ?? true,
    });
    const entry: Entry = { listener, binding, incoming: null, stopped: false, settle };
    this.warming.set(config.name, entry);
    listener.gate.whenOpen(() => {
      // A newer version may have made this one obsolete; then its binding calls nobody back.
      if (this.warming.get(config.name) !== entry) return;
      binding.bind((problem) => this.activate(entry, problem));
    });
  }

  private activate(entry: Entry, problem: Diagnostic | null): void {
    const { name } = entry.listener.config;
    this.warming.delete(name);
    if (problem !== null) {
      this.stats.listenerCreateFailure.inc();
      entry.listener.close();
    } else {
      const old = this.active.get(name);
      this.active.set(name, entry);
      entry.binding.takeSockets();
      this.stats.listenerCreateSuccess.inc();
      if (old !== undefined) this.drain(old);
    }
    this.sockets.sweep();
    this.updateGauges();
    settleOnce(entry, problem);
  }

  /** Spares what came under a name since. */
  private removeAll(leaving: readonly (readonly [name: string, entry: Entry | undefined])[]): void {
    for (const [name, entry] of leaving) if (this.active.get(name) === entry) this.remove(name);
    this.sockets.sweep();
    this.updateGauges();
  }

  private remove(name: string): void {
    const entry = this.active.get(name);
    if (entry === undefined && !this.warming.has(name)) return;
    this.stats.listenerRemoved.inc();
    this.discardWarming(name);
    if (entry === undefined) return;
    this.active.delete(name);
    this.drain(entry);
  }

  private drain(entry: Entry): void {
    const { listener } = entry;
    this.discardIncoming(entry);
    entry.binding.release();
    this.draining.add(listener);
    const { dispatcher, drain } = this.services;
    drainConnections(listener, drain.drainTimeMs, dispatcher, () => {
      this.draining.delete(listener);
      listener.close();
      this.updateGauges();
      this.onIdle?.();
    });
  }

  private discardWarming(name: string): void {
    const entry = this.warming.get(name);
    if (entry === undefined) return;
    this.warming.delete(name);
    entry.binding.release();
    entry.listener.close();
    settleOnce(entry, null);
  }

  private discardIncoming(entry: Entry): void {
    if (entry.incoming === null) return;
    entry.listener.discardChains(entry.incoming);
    entry.incoming = null;
    settleOnce(entry, null);
  }

  private updateGauges(): void {
    this.stats.totalListenersActive.set(this.active.size);
    this.stats.totalListenersWarming.set(this.warming.size);
    this.stats.totalListenersDraining.set(this.draining.size);
  }
}

function settleOnce(entry: Entry, problem: Diagnostic | null): void {
  const { settle } = entry;
  entry.settle = null;
  settle?.(problem);
}

/** The newest version that was accepted, in service or not. */
function latestConfig(entry: Entry): ListenerConfig {
  return entry.incoming?.config ?? entry.listener.config;
}

function below(path: string, diagnostic: Diagnostic): Diagnostic {
  return path === "" ? diagnostic : { ...diagnostic, path: `${path}.${diagnostic.path}` };
}
