// hot: per request
/**
 * Numbers and health of hosts in shared memory: each data plane counts in its own stripe, all see
 * the sums; health bits are one shared word. Envoy: `HostStats` (envoy/upstream/host_description.h)
 * and the host's health flags.
 */
import type { HostStats } from "./host.ts";
import {
  createSharedSlots,
  SCRATCH_SLOT,
  SharedSlots,
  type SharedSlotsHandle,
} from "./shared-slots.ts";

const CX_TOTAL = 0;
const CX_ACTIVE = 1;
const CX_CONNECT_FAIL = 2;
const RQ_TOTAL = 3;
const RQ_ACTIVE = 4;
const RQ_SUCCESS = 5;
const RQ_ERROR = 6;
const RQ_TIMEOUT = 7;
const STRIPE_CELLS = 8;

const FLAGS = 0;
/** Connections of all data planes: what a limit per host compares with. */
const CONNECTIONS = 1;
const SHARED_WORDS = 2;

/** Hosts a process can count; further ones work, but their numbers are not kept. */
const CAPACITY = 65536;

/** Memory for the hosts of all data planes. */
export function createHostSlots(dataPlanes: number): SharedSlotsHandle {
  return createSharedSlots({
    capacity: CAPACITY,
    dataPlanes,
    sharedWords: SHARED_WORDS,
    stripeCells: STRIPE_CELLS,
  });
}

/**
 * A data plane died: nothing of it is active any more. What it counted stays.
 */
export function reclaimHostSlots(handle: SharedSlotsHandle, dataPlane: number): void {
  const slots = new SharedSlots(handle);
  for (let slot = 0; slot < slots.end; slot++) {
    const at = slots.cellIndex(slot, dataPlane);
    const connections = slots.wordIndex(slot) + CONNECTIONS;
    Atomics.sub(slots.words, connections, slots.cells[at + CX_ACTIVE] as number);
    slots.cells[at + CX_ACTIVE] = 0;
    slots.cells[at + RQ_ACTIVE] = 0;
  }
}

/** Totals of one host over all data planes, as `/clusters` prints them. */
export interface HostTotals {
  readonly cxActive: number;
  readonly cxConnectFail: number;
  readonly cxTotal: number;
  readonly rqActive: number;
  readonly rqError: number;
  readonly rqSuccess: number;
  readonly rqTimeout: number;
  readonly rqTotal: number;
}

/** The hosts' slots as one data plane uses them. */
export class HostSlots {
  readonly slots: SharedSlots;
  readonly dataPlane: number;

  constructor(handle: SharedSlotsHandle, dataPlane: number) {
    this.slots = new SharedSlots(handle, dataPlane);
    this.dataPlane = dataPlane;
  }

  /** `key` names cluster, configuration and address: equal on every data plane. */
  acquire(key: string): HostSlot {
    return new HostSlot(this, key, this.slots.acquire(key));
  }
}

/** One host's slot. Writes after `release` go nowhere. */
export class HostSlot implements HostStats {
  private readonly owner: HostSlots;
  private readonly key: string;
  private readonly cells: Float64Array;
  private slot: number;
  /** Start of this data plane's stripe. */
  private at: number;
  /** Start of the words that all data planes share. */
  private wordAt: number;

  constructor(owner: HostSlots, key: string, slot: number) {
    this.owner = owner;
    this.key = key;
    this.cells = owner.slots.cells;
    this.slot = slot;
    this.at = owner.slots.cellIndex(slot, owner.dataPlane);
    this.wordAt = owner.slots.wordIndex(slot);
  }

  /**
   * Gives the slot back; a later host with the same key starts from zero once all data planes did.
   */
  release(): void {
    if (this.slot === SCRATCH_SLOT) return;
    this.owner.slots.release(this.key);
    this.slot = SCRATCH_SLOT;
    this.at = this.owner.slots.cellIndex(SCRATCH_SLOT, this.owner.dataPlane);
    this.wordAt = this.owner.slots.wordIndex(SCRATCH_SLOT);
  }

  connectionOpened(): void {
    Atomics.add(this.owner.slots.words, this.wordAt + CONNECTIONS, 1);
    this.countOpened();
  }

  tryConnectionOpened(max: number): boolean {
    const { words } = this.owner.slots;
    if (Atomics.add(words, this.wordAt + CONNECTIONS, 1) >= max) {
      Atomics.sub(words, this.wordAt + CONNECTIONS, 1);
      return false;
    }
    this.countOpened();
    return true;
  }

  private countOpened(): void {
    (this.cells[this.at + CX_TOTAL] as number)++;
    (this.cells[this.at + CX_ACTIVE] as number)++;
  }

  connectionClosed(): void {
    Atomics.sub(this.owner.slots.words, this.wordAt + CONNECTIONS, 1);
    (this.cells[this.at + CX_ACTIVE] as number)--;
  }

  connectFailed(): void {
    (this.cells[this.at + CX_CONNECT_FAIL] as number)++;
  }

  requestStarted(): void {
    (this.cells[this.at + RQ_TOTAL] as number)++;
    (this.cells[this.at + RQ_ACTIVE] as number)++;
  }

  requestEnded(): void {
    (this.cells[this.at + RQ_ACTIVE] as number)--;
  }

  requestSucceeded(): void {
    (this.cells[this.at + RQ_SUCCESS] as number)++;
  }

  requestFailed(): void {
    (this.cells[this.at + RQ_ERROR] as number)++;
  }

  requestTimedOut(): void {
    (this.cells[this.at + RQ_TIMEOUT] as number)++;
  }

  get activeRequests(): number {
    return this.owner.slots.sum(this.slot, RQ_ACTIVE);
  }

  get activeConnections(): number {
    return this.owner.slots.sum(this.slot, CX_ACTIVE);
  }

  flags(): number {
    const slots = this.owner.slots;
    return Atomics.load(slots.words, slots.wordIndex(this.slot) + FLAGS);
  }

  /** False when it was set already. */
  setFlag(flag: number): boolean {
    if (this.slot === SCRATCH_SLOT) return false;
    const { slots } = this.owner;
    const before = Atomics.or(slots.words, slots.wordIndex(this.slot) + FLAGS, flag);
    return (before & flag) !== flag;
  }

  /** False when it was not set. */
  clearFlag(flag: number): boolean {
    const { slots } = this.owner;
    const before = Atomics.and(slots.words, slots.wordIndex(this.slot) + FLAGS, ~flag);
    return (before & flag) !== 0;
  }

  totals(): HostTotals {
    const { slots } = this.owner;
    return {
      cxActive: slots.sum(this.slot, CX_ACTIVE),
      cxConnectFail: slots.sum(this.slot, CX_CONNECT_FAIL),
      cxTotal: slots.sum(this.slot, CX_TOTAL),
      rqActive: slots.sum(this.slot, RQ_ACTIVE),
      rqError: slots.sum(this.slot, RQ_ERROR),
      rqSuccess: slots.sum(this.slot, RQ_SUCCESS),
      rqTimeout: slots.sum(this.slot, RQ_TIMEOUT),
      rqTotal: slots.sum(this.slot, RQ_TOTAL),
    };
  }
}
