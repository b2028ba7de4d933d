/**
 * A worker thread's side: one data plane, told what to do by messages from the main thread. Traffic
 * never leaves the thread.
 */
import { CompileContext } from "../../config/compile-context.ts";
import { compileStatsConfig } from "../../config/stats-config.ts";
import type { LoggerRegistry } from "../../log/logger.ts";
import type { MessageChannelEnd } from "../../platform/threads.ts";
import type { Timer, TimerOwner } from "../../platform/time.ts";
import { StatSlab } from "../../stats/slab.ts";
import { createSilentScope, StatsStore } from "../../stats/stats-store.ts";
import { DataPlane, type DataPlanePlatform, type PreparedUpdate } from "../data-plane.ts";
import { DirectPort } from "../direct-port.ts";
import { type Observed, observe } from "../observed-platform.ts";
import { createGlobalLimit } from "../overload-config.ts";
import { LayeredRuntime } from "../runtime/layered-runtime.ts";
import { ServerConditions } from "../server-conditions.ts";
import { MessageCalls } from "./message-calls.ts";
import type { PlaneInit, ToPlane, ToServer } from "./plane-messages.ts";
import { PlaneSockets } from "./plane-sockets.ts";
import { RemoteSubscriptions } from "./remote-subscriptions.ts";

/** What only the thread itself can do. */
export interface ThreadServices {
  readonly platform: DataPlanePlatform;
  readonly loggers: LoggerRegistry;
  reopenLogs(): void;
  flushLogs(): Promise<void>;
  trimMemory(): void;
  memory(): { readonly heapUsed: number; readonly heapTotal: number };
}

/** An object that is made creates dozens of stats: their names travel together. */
const STATS_DELAY_MS = 200;
const LAYER = "all";

export class PlaneHost implements TimerOwner {
  readonly plane: DataPlane;
  private readonly services: ThreadServices;
  private readonly calls: MessageCalls<ToServer>;
  private readonly observed: Observed;
  private readonly stats: StatsStore;
  private readonly runtime: LayeredRuntime;
  private readonly conditions: ServerConditions;
  private readonly sockets: PlaneSockets;
  private readonly subscriptions: RemoteSubscriptions;
  private readonly port: DirectPort;
  private readonly statsTimer: Timer;
  private prepared: PreparedUpdate | null = null;

  constructor(channel: MessageChannelEnd, init: PlaneInit, services: ThreadServices) {
    const { platform, loggers } = services;
    this.services = services;
    this.calls = new MessageCalls<ToServer>(channel, (message: ToPlane) => this.handle(message));
    this.sockets = new PlaneSockets(platform.sockets, this.calls);
    this.subscriptions = new RemoteSubscriptions(this.calls);
    this.observed = observe({ ...platform, sockets: this.sockets }, loggers);
    const { matcher } = compileStatsConfig(init.statsConfig, [], new CompileContext());
    this.stats = new StatsStore(new StatSlab(), matcher);
    this.observed.bugs.counter = this.stats.root.scope("server").counter("envoy_bug_failures");
    this.runtime = new LayeredRuntime(
      [{ name: LAYER, entries: new Map(init.runtime) }],
      null,
      null,
    );
    this.conditions = new ServerConditions(init.plain.drain, platform.time, platform.random);
    this.conditions.set(init.conditions);
    loggers.setLevels(init.levels);
    this.plane = this.createPlane(init);
    this.port = new DirectPort(init.id, this.plane);
    this.runtime.onChange = () => this.plane.clusters.refresh();
    this.statsTimer = this.plane.dispatcher.create(this, 0);
    this.followStats();
  }

  /** An error that nothing caught. */
  reportBug(error: unknown): void {
    this.observed.bugs.report(error);
  }

  private createPlane(init: PlaneInit): DataPlane {
    const { runtime, conditions, stats, subscriptions } = this;
    const { id, dataPlanes, maxDownstreamConnections, connectionCount } = init;
    return new DataPlane(
      this.observed.platform,
      {
        ...init.plain,
        stats,
        configurationStats: id === 0 ? stats.root : createSilentScope(),
        shared: init.shared,
        runtime,
        serverDrain: conditions.drains,
        healthCheckFailed: conditions.healthCheckFailed,
        globalLimit: createGlobalLimit(maxDownstreamConnections, runtime, connectionCount, id),
        endpoints: subscriptions,
        routes: subscriptions,
        requestLogs: this.observed.requestLogs,
      },
      { id, dataPlanes, bindsUnshared: true },
    );
  }

  /** Names of stats came or went some time ago. */
  onTimer(): void {
    this.sendStats();
  }

  private followStats(): void {
    this.stats.slab.onChange = () => this.statsTimer.arm(STATS_DELAY_MS);
    this.sendStats();
  }

  private sendStats(): void {
    this.calls.tell({ kind: "stats", update: this.stats.slab.takeUpdate() });
  }

  private handle(message: ToPlane): unknown {
    switch (message.kind) {
      case "prepare":
        this.prepared = this.plane.prepare(message.update);
        return this.prepared.diagnostics;
      case "commit":
        return this.commit();
      case "discard":
        this.prepared = null;
        return null;
      case "resource":
        return this.subscriptions.onMessage(message.subscription, message.message);
      case "resourceFailed":
        return this.subscriptions.onFailure(message.subscription);
      case "adopt":
        return this.sockets.adopt(message.port, message.descriptor);
      case "giveBack":
        return this.sockets.giveBack();
      case "runtime":
        return this.runtime.replaceLayer(LAYER, new Map(message.entries));
      case "conditions":
        this.conditions.set(message.conditions);
        return this.services.loggers.setLevels(message.levels);
      default:
        return this.forward(message);
    }
  }

  /** What a data plane on the main thread is asked too. */
  private forward(message: ToPlane): unknown {
    const { port, services } = this;
    switch (message.kind) {
      case "started":
        return port.started();
      case "stopListeners":
        return port.stopListeners(message.direction);
      case "closeQuietConnections":
        return port.closeQuietConnections(message.quietMs);
      case "connectionCount":
        return port.connectionCount();
      case "facts":
        return port.facts();
      case "clusters":
        return port.clusters().then((all) => [...all]);
      case "memory":
        return services.memory();
      case "reopenLogs":
        return services.reopenLogs();
      case "trimMemory":
        return services.trimMemory();
      case "refreshStats":
        return this.refreshStats();
      case "close":
        return this.close();
      default:
        return null;
    }
  }

  private commit(): Promise<unknown> {
    const { prepared } = this;
    this.prepared = null;
    return new Promise((resolve) => {
      if (prepared === null) resolve([]);
      else prepared.commit(resolve);
    });
  }

  private async refreshStats(): Promise<void> {
    await this.port.refreshStats();
    this.sendStats();
  }

  private async close(): Promise<void> {
    this.stats.slab.onChange = null;
    this.statsTimer.close();
    await this.port.close();
    await this.services.flushLogs();
  }
}
