/** The main thread's side of one worker's subscriptions: watches for it and sends what comes. */
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { NamedSubscriptions } from "../named-subscriptions.ts";
import type { MessageCalls } from "./message-calls.ts";
import type { ToPlane, ToServer } from "./plane-messages.ts";

type Subscribe = Extract<ToServer, { kind: "subscribe" }>;

export class PlaneSubscriptions {
  private readonly named: NamedSubscriptions;
  private readonly root: StatsScope;
  private readonly calls: MessageCalls<ToPlane>;
  private readonly open = new Map<number, { leave: () => void; scope: StatsScope }>();

  /** Subscriptions count under `root`, in this thread's memory. */
  constructor(named: NamedSubscriptions, root: StatsScope, calls: MessageCalls<ToPlane>) {
    this.named = named;
    this.root = root;
    this.calls = calls;
  }

  subscribe({ subscription, type, source, name, prefix }: Subscribe): void {
    const { calls } = this;
    // A prefix ends with its dot.
    const scope = this.root.scope(prefix.slice(0, -1));
    const watcher = {
      onMessage: (message: unknown) =>
        calls.ask<string>({ kind: "resource", subscription, message }),
      onFailure: () => calls.tell({ kind: "resourceFailed", subscription }),
    };
    const leave = this.named.watch({ source, name, kind: type, scope }, watcher);
    this.open.set(subscription, { leave, scope });
  }

  unsubscribe(subscription: number): void {
    const open = this.open.get(subscription);
    this.open.delete(subscription);
    open?.leave();
    open?.scope.remove();
  }

  /** The worker is gone. What was counted stays, for its successor. */
  close(): void {
    for (const { leave, scope } of this.open.values()) {
      leave();
      scope.release();
    }
    this.open.clear();
  }
}
