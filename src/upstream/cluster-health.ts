// hot: per request
/**
 * Notices on one data plane that the health of a cluster's hosts changed on any of them: who
 * changes a health flag moves the shared generation on, the others compare it when they choose a
 * host.
 */
import type { Dispatcher, Flushable } from "../platform/dispatcher.ts";
import type { Timer, TimerOwner } from "../platform/time.ts";
import { ClusterWord, type HealthSlot, type HealthSlots } from "./health-slots.ts";

export interface ClusterHealthListener {
  /** Hosts that are looked at whenever some health changed. */
  readonly hostCount: number;
  /** Flags of some hosts are not what they were. */
  onHealthChanged(): void;
}

/** Above this many hosts changes are collected: else a round of checks costs their square. */
const COLLECT_HOSTS = 256;
/** Between two looks passes a millisecond for so many hosts: under a hundredth of the time. */
const HOSTS_PER_MS = 100;

export class ClusterHealth implements Flushable, TimerOwner {
  readonly slot: HealthSlot;
  private readonly dispatcher: Dispatcher;
  private readonly listener: ClusterHealthListener;
  private seen: number;
  private deferred = false;
  /** Large clusters: when this data plane last looked, and what wakes it for the next look. */
  private lookedMs = Number.NEGATIVE_INFINITY;
  private timer: Timer | null = null;

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
    if (generation === this.seen || this.mustWait()) return;
    this.seen = generation;
    this.listener.onHealthChanged();
  }

  onTimer(): void {
    this.catchUp();
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
    this.timer?.close();
    this.slot.release();
  }

  /** Too early for the next look at a large cluster; a timer sees to it. */
  private mustWait(): boolean {
    const { hostCount } = this.listener;
    if (hostCount <= COLLECT_HOSTS) return false;
    const nowMs = this.dispatcher.monotonicMs();
    const waitMs = this.lookedMs + hostCount / HOSTS_PER_MS - nowMs;
    if (waitMs <= 0) {
      this.lookedMs = nowMs;
      return false;
    }
    this.timer ??= this.dispatcher.create(this, 0);
    if (!this.timer.armed) this.timer.arm(waitMs);
    return true;
  }
}
