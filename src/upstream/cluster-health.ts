// hot: per request
/**
 * Notices on one data plane that the health of a cluster's hosts changed on any of them: who
 * changes a health flag moves the shared generation on, the others compare it when they choose a
 * host.
 */
import type { Dispatcher, Flushable } from "../platform/dispatcher.ts";
import { ClusterWord, type HealthSlot, type HealthSlots } from "./health-slots.ts";

export interface ClusterHealthListener {
  /** Flags of some hosts are not what they were. */
  onHealthChanged(): void;
}

export class ClusterHealth implements Flushable {
  readonly slot: HealthSlot;
  private readonly dispatcher: Dispatcher;
  private readonly listener: ClusterHealthListener;
  private seen: number;
  private deferred = false;

  /** `key` names the cluster, equal on every data plane. */
  constructor(
    dispatcher: Dispatcher,
    slots: HealthSlots,
    key: string,
    listener: ClusterHealthListener,
  ) {
    this.dispatcher = dispatcher;
    this.slot = slots.acquire(key);
    this.listener = listener;
    this.seen = this.slot.load(ClusterWord.HealthGeneration);
  }

  /** This data plane changed a flag. It looks again at the end of the event, at the latest. */
  changed(): void {
    this.slot.add(ClusterWord.HealthGeneration, 1);
    if (this.deferred) return;
    this.deferred = true;
    this.dispatcher.deferFlush(this);
  }

  /** Per choice of a host. */
  catchUp(): void {
    const generation = this.slot.load(ClusterWord.HealthGeneration);
    if (generation === this.seen) return;
    this.seen = generation;
    this.listener.onHealthChanged();
  }

  flush(): void {
    this.deferred = false;
    this.catchUp();
  }

  /** This data plane opened a connection pool. */
  markUsed(): void {
    this.slot.store(ClusterWord.Used, 1);
  }

  close(): void {
    this.slot.release();
  }
}
