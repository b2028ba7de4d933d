/** A data plane on a worker thread, as the main thread speaks to it. */
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Thread } from "../../platform/threads.ts";
import { SlabMirror } from "../../stats/slab.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { ConfigUpdate } from "../data-plane.ts";
import type { DataPlanePort, PreparedPart } from "../data-plane-port.ts";
import type { NamedSubscriptions } from "../named-subscriptions.ts";
import type { ClusterFacts, PlaneFacts, ThreadMemory } from "../plane-facts.ts";
import type { RuntimeValue } from "../runtime/runtime-value.ts";
import type { ConditionsState } from "../server-conditions.ts";
import type { ListenPorts } from "./listen-ports.ts";
import { MessageCalls } from "./message-calls.ts";
import type { LogLevels, ToPlane, ToServer } from "./plane-messages.ts";
import { PlaneSubscriptions } from "./plane-subscriptions.ts";

/** What the main thread gives to its workers. */
export interface ThreadPortServices {
  readonly ports: ListenPorts;
  readonly named: NamedSubscriptions;
  /** Stats of the subscriptions. */
  readonly root: StatsScope;
  runtime(): ReadonlyMap<string, RuntimeValue>;
  conditions(): ConditionsState;
  levels(): LogLevels;
}

const NO_FACTS: PlaneFacts = { listeners: [], warmingClusters: [] };

export class ThreadPort implements DataPlanePort {
  readonly id: number;
  readonly mirror: SlabMirror = new SlabMirror();
  readonly calls: MessageCalls<ToPlane>;
  private readonly services: ThreadPortServices;
  private readonly subscriptions: PlaneSubscriptions;

  constructor(id: number, thread: Thread, services: ThreadPortServices) {
    this.id = id;
    this.services = services;
    this.calls = new MessageCalls<ToPlane>(thread, (message: ToServer) => this.handle(message));
    this.subscriptions = new PlaneSubscriptions(services.named, services.root, this.calls);
  }

  async prepare(update: ConfigUpdate): Promise<PreparedPart | null> {
    const { calls } = this;
    const diagnostics = await calls.ask<readonly Diagnostic[]>({ kind: "prepare", update });
    if (diagnostics === null) return null;
    return {
      diagnostics,
      commit: async () => (await calls.ask<readonly Diagnostic[]>({ kind: "commit" })) ?? [],
      discard: () => calls.tell({ kind: "discard" }),
    };
  }

  started(): void {
    this.calls.tell({ kind: "started" });
  }

  stopListeners(direction: "all" | "inbound"): void {
    this.calls.tell({ kind: "stopListeners", direction });
  }

  closeQuietConnections(quietMs: number): void {
    this.calls.tell({ kind: "closeQuietConnections", quietMs });
  }

  refreshRuntime(): void {
    this.calls.tell({ kind: "runtime", entries: this.services.runtime() });
  }

  refreshConditions(): void {
    const { services } = this;
    const conditions = services.conditions();
    this.calls.tell({ kind: "conditions", conditions, levels: services.levels() });
  }

  reopenLogs(): void {
    this.calls.tell({ kind: "reopenLogs" });
  }

  async connectionCount(): Promise<number> {
    return (await this.calls.ask<number>({ kind: "connectionCount" })) ?? 0;
  }

  async facts(): Promise<PlaneFacts> {
    return (await this.calls.ask<PlaneFacts>({ kind: "facts" })) ?? NO_FACTS;
  }

  async clusters(): Promise<Iterable<ClusterFacts>> {
    return (await this.calls.ask<readonly ClusterFacts[]>({ kind: "clusters" })) ?? [];
  }

  async refreshStats(): Promise<void> {
    await this.calls.ask({ kind: "refreshStats" });
  }

  memory(): Promise<ThreadMemory | null> {
    return this.calls.ask<ThreadMemory>({ kind: "memory" });
  }

  trimMemory(): void {
    this.calls.tell({ kind: "trimMemory" });
  }

  async close(): Promise<void> {
    await this.calls.ask({ kind: "close" });
  }

  /** The thread is gone: open questions are answered with nothing. */
  ended(): void {
    this.calls.end();
    this.subscriptions.close();
  }

  private handle(message: ToServer): unknown {
    const { services, id } = this;
    switch (message.kind) {
      case "listen":
        return services.ports.listen(id, message.options);
      case "unlisten":
        return services.ports.unlisten(id, message.port);
      case "subscribe":
        return this.subscriptions.subscribe(message);
      case "unsubscribe":
        return this.subscriptions.unsubscribe(message.subscription);
      case "stats":
        return this.mirror.apply(message.update);
    }
  }
}
