// hot: per request
/**
 * Weighted picks by earliest deadline first: an entry's next deadline is its last one plus
 * 1/weight, ties go to who waited longest. A binary heap in three parallel lists. Envoy:
 * `EdfScheduler` (source/common/upstream/edf_scheduler.h).
 */

import { type RandomGenerator, randomBelow } from "../platform/random.ts";

/** Weight of an item at the moment of a pick; greater than 0. */
export interface Weigher<Item> {
  weight(item: Item): number;
}

export class EdfScheduler<Item> {
  private readonly weigher: Weigher<Item>;
  private readonly items: Item[] = [];
  private readonly deadlines: number[] = [];
  private readonly orders: number[] = [];
  private now = 0;
  private nextOrder = 0;

  constructor(weigher: Weigher<Item>) {
    this.weigher = weigher;
  }

  get size(): number {
    return this.items.length;
  }

  add(item: Item): void {
    this.items.push(item);
    this.deadlines.push(this.now + 1 / this.weigher.weight(item));
    this.orders.push(this.nextOrder++);
    this.siftUp(this.items.length - 1);
  }

  /**
   * The item whose turn it is; it queues again with its weight of now. The scheduler must not be
   * empty.
   */
  pick(): Item {
    const item = this.items[0] as Item;
    this.now = this.deadlines[0] as number;
    this.deadlines[0] = this.now + 1 / this.weigher.weight(item);
    this.orders[0] = this.nextOrder++;
    this.siftDown();
    return item;
  }

  /** Proxies that start together must not send their first requests to the same place. */
  scatter(random: RandomGenerator): void {
    for (let picks = randomBelow(random, this.items.length); picks > 0; picks--) this.pick();
  }

  private before(a: number, b: number): boolean {
    const deadlineA = this.deadlines[a] as number;
    const deadlineB = this.deadlines[b] as number;
    if (deadlineA !== deadlineB) return deadlineA < deadlineB;
    return (this.orders[a] as number) < (this.orders[b] as number);
  }

  private siftUp(start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private siftDown(): void {
    const size = this.items.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) return;
      if (child + 1 < size && this.before(child + 1, child)) child++;
      if (!this.before(child, at)) return;
      this.swap(at, child);
      at = child;
    }
  }

  private swap(a: number, b: number): void {
    const item = this.items[a] as Item;
    const deadline = this.deadlines[a] as number;
    const order = this.orders[a] as number;
    this.items[a] = this.items[b] as Item;
    this.deadlines[a] = this.deadlines[b] as number;
    this.orders[a] = this.orders[b] as number;
    this.items[b] = item;
    this.deadlines[b] = deadline;
    this.orders[b] = order;
  }
}
