// A listener manager on simulated time and a memory network, with the filters a test names.
import assert from "node:assert/strict";
import { type Diagnostic, formatDiagnostic } from "../../src/base/diagnostic.ts";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import { UNLIMITED } from "../../src/network/connection-limit.ts";
import type { ConnectionLogCompiler } from "../../src/network/connection-log.ts";
import { byMessage } from "../../src/network/filter-chain-config.ts";
import type { ListenerServices } from "../../src/network/listener.ts";
import type { ListenerFilterType } from "../../src/network/listener-filter.ts";
import { ListenerManager } from "../../src/network/listener-manager.ts";
import type { NetworkFilterType } from "../../src/network/network-filter.ts";
import type { StreamInfo } from "../../src/network/stream-info.ts";
import type { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { Filter, Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import { createListenerManagerStats } from "../../src/stats/groups/listener-manager-stats.ts";
import { readCell, StatSlab } from "../../src/stats/slab.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";
import { assertNoLeaks } from "./leaks.ts";
import { MemoryClient, type MemoryClientOptions } from "./memory-client.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { SimulatedTime } from "./simulated-time.ts";

export interface ListenerFixtureOptions {
  readonly networkFilters?: readonly NetworkFilterType[];
  readonly listenerFilters?: readonly ListenerFilterType[];
  readonly services?: Partial<ListenerServices>;
  /** Keep the stream info of every access-log line. */
  readonly logged?: StreamInfo[];
}

export class ListenerFixture {
  readonly time: SimulatedTime;
  readonly network: MemoryNetwork;
  readonly dispatcher: Dispatcher;
  readonly store: StatsStore;
  readonly services: ListenerServices;
  readonly manager: ListenerManager;

  constructor(options: ListenerFixtureOptions = {}, world?: ListenerFixtureWorld) {
    const { time, network, dispatcher, store } = world ?? createWorld();
    this.time = time;
    this.network = network;
    this.dispatcher = dispatcher;
    this.store = store;
    let connectionId = 0;
    this.services = {
      dispatcher,
      stats: store.root,
      catalogue: {
        networkFilters: byMessage(options.networkFilters ?? []),
        listenerFilters: byMessage(options.listenerFilters ?? []),
        logs: recordingLogs(options.logged ?? []),
      },
      runtime: DEFAULT_RUNTIME,
      drain: { drainTimeMs: 600_000, strategy: "gradual" },
      serverDrain: () => false,
      healthCheckFailed: () => false,
      globalLimit: UNLIMITED,
      rejectsConnections: () => false,
      workerId: 0,
      nextConnectionId: () => ++connectionId,
      ...options.services,
    };
    const stats = createListenerManagerStats(store.root.scope("listener_manager"));
    this.manager = new ListenerManager(this.services, network, stats, { reusePort: false });
  }

  /** Applies an update and waits for it; answers the diagnostics, as text. */
  async update(changed: readonly Listener[], removed: readonly string[] = []): Promise<string[]> {
    const resources = changed.map((message) => ({ message, context: new CompileContext() }));
    const prepared = this.manager.prepare({ changed: resources, removed });
    let bound: readonly Diagnostic[] | null = null;
    prepared.commit((problems) => {
      bound = problems;
    });
    await this.time.advance(0);
    return [...prepared.diagnostics, ...(bound ?? [])].map(formatDiagnostic);
  }

  /** As `update`, and fails on any diagnostic. */
  async apply(...changed: Listener[]): Promise<void> {
    assert.deepEqual(await this.update(changed), []);
  }

  connect(port: number, options?: MemoryClientOptions): MemoryClient {
    return new MemoryClient(this.network, { ip: "127.0.0.1", port }, options);
  }

  /** A counter or gauge by full name; 0 when it does not exist. */
  stat(name: string): number {
    const { slab } = this.store;
    const entry = slab.entries.find((candidate) => candidate?.name === name) ?? null;
    return entry === null ? 0 : readCell(slab.pages, entry.cell) + 0;
  }

  /** Closes everything and checks that nothing is left. */
  async close(): Promise<void> {
    this.manager.close();
    for (const socket of [...this.network.open]) socket.destroy();
    await assertNoLeaks({
      time: this.time,
      network: this.network,
      dispatchers: [this.dispatcher],
      gauges: () => this.gauges(),
    });
  }

  private gauges(): { name: string; value: number }[] {
    const { slab } = this.store;
    return slab.entries.flatMap((entry) =>
      entry !== null && entry.kind === "gauge" && !LASTING_GAUGE.test(entry.name)
        ? [{ name: entry.name, value: readCell(slab.pages, entry.cell) }]
        : [],
    );
  }
}

/** Gauges about what is configured, not about what is going on. */
const LASTING_GAUGE = /^cluster_manager\.|\.membership_|\.circuit_breakers\./;

export interface ListenerFixtureWorld {
  readonly time: SimulatedTime;
  readonly network: MemoryNetwork;
  readonly dispatcher: Dispatcher;
  readonly store: StatsStore;
}

/** Time, network, dispatcher and stats, for fixtures that share them with upstreams. */
export function createWorld(): ListenerFixtureWorld {
  const time = new SimulatedTime();
  return {
    time,
    network: new MemoryNetwork(time),
    dispatcher: time.dispatcher(),
    store: new StatsStore(new StatSlab()),
  };
}

/** A listener on 127.0.0.1 with one chain. */
export function listenerMessage(port: number, filters: Filter[], more: Listener = {}): Listener {
  return {
    name: `on_${port}`,
    address: { socketAddress: { address: "127.0.0.1", portValue: port } },
    filterChains: [{ filters }],
    ...more,
  };
}

/** A filter with its typed_config. */
export function filterMessage(message: string, value: object = {}): Filter {
  return { name: message, typedConfig: { typeUrl: `type.googleapis.com/${message}`, value } };
}

function recordingLogs(logged: StreamInfo[]): ConnectionLogCompiler {
  return {
    compile: () => ({}),
    create: () => ({ log: (streamInfo) => void logged.push(streamInfo) }),
  };
}
