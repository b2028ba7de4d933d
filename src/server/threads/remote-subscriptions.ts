/**
 * Endpoint sets and routes of a worker: the main thread watches the files and sends what they hold.
 */
import type { RouteSubscriptions, RouteWatcher } from "../../http/route-subscriptions.ts";
import type { ConfigSource } from "../../proto/generated/envoy/config/core/v3.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { EndpointSubscriptions, EndpointWatcher } from "../../upstream/discovery.ts";
import { type NamedWatcher, namedWatcher } from "../named-subscriptions.ts";
import type { MessageCalls } from "./message-calls.ts";
import type { ToServer } from "./plane-messages.ts";

/** The worker's side. */
export class RemoteSubscriptions implements EndpointSubscriptions, RouteSubscriptions {
  private readonly calls: MessageCalls<ToServer>;
  private readonly watchers = new Map<number, NamedWatcher>();
  private last = 0;

  constructor(calls: MessageCalls<ToServer>) {
    this.calls = calls;
  }

  subscribe(
    source: ConfigSource,
    name: string,
    scope: StatsScope,
    watcher: EndpointWatcher | RouteWatcher,
  ): () => void {
    const subscription = ++this.last;
    const named = namedWatcher(name, watcher);
    this.watchers.set(subscription, named.watcher);
    const { prefix } = scope;
    this.calls.tell({ kind: "subscribe", subscription, type: named.kind, source, name, prefix });
    return () => {
      if (!this.watchers.delete(subscription)) return;
      this.calls.tell({ kind: "unsubscribe", subscription });
    };
  }

  /** Returns why it is refused, or null. */
  onMessage(subscription: number, message: unknown): string | null | Promise<string | null> {
    return this.watchers.get(subscription)?.onMessage(message) ?? null;
  }

  onFailure(subscription: number): void {
    this.watchers.get(subscription)?.onFailure();
  }
}
