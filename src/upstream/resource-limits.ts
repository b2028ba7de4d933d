// hot: per request
/**
 * Circuit breakers: how many connections, waiting requests, requests, retries and pools a cluster
 * may have at one priority, counted over all data planes in shared words. Envoy:
 * `ResourceManagerImpl` (source/common/upstream/resource_manager_impl.h).
 */
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { Gauge } from "../stats/gauge.ts";
import type {
  CircuitBreakerRemainingStats,
  CircuitBreakerStats,
} from "../stats/groups/circuit-breaker-stats.ts";
import {
  createSharedSlots,
  SCRATCH_SLOT,
  SharedSlots,
  type SharedSlotsHandle,
} from "./shared-slots.ts";

const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;
const POOLS = 4;
const WORDS_PER_PRIORITY = 5;
const PRIORITIES = 2;
const SHARED_WORDS = WORDS_PER_PRIORITY * PRIORITIES;

const CAPACITY = 16384;

/** Highest counts at one priority. Envoy: `CircuitBreakers.Thresholds`. */
export interface Thresholds {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly maxConnectionPools: number;
  /** Connections to one host; from `per_host_thresholds`. */
  readonly maxConnectionsPerHost: number;
  /** Counts instead of `maxRetries`; null without. */
  readonly retryBudget: RetryBudget | null;
  /** Keep gauges of what is left. */
  readonly trackRemaining: boolean;
}

/** Retries as a share of what is under way. Envoy: `CircuitBreakers.Thresholds.RetryBudget`. */
export interface RetryBudget {
  /** Of requests in flight and waiting together. */
  readonly percent: number;
  /** So many are always allowed. */
  readonly minConcurrency: number;
}

export const DEFAULT_RETRY_BUDGET: RetryBudget = { percent: 20, minConcurrency: 3 };

/** Memory for the limits of all clusters; one stripe per data plane remembers its own share. */
export function createLimitSlots(dataPlanes: number): SharedSlotsHandle {
  return createSharedSlots({
    capacity: CAPACITY,
    dataPlanes,
    sharedWords: SHARED_WORDS,
    stripeCells: SHARED_WORDS,
  });
}

/** A data plane died: gives back what it had taken of every limit. */
export function reclaimLimitSlots(handle: SharedSlotsHandle, dataPlane: number): void {
  const slots = new SharedSlots(handle);
  for (let slot = 0; slot < slots.end; slot++) {
    const own = slots.cellIndex(slot, dataPlane);
    const shared = slots.wordIndex(slot);
    for (let word = 0; word < SHARED_WORDS; word++) {
      Atomics.sub(slots.words, shared + word, slots.cells[own + word] as number);
      slots.cells[own + word] = 0;
    }
  }
}

/** One limit of one cluster at one priority. */
export class ResourceLimit {
  max: number;
  private readonly words: Int32Array;
  private index: number;
  private readonly own: Float64Array;
  private ownIndex: number;
  private detached = false;
  /** What the gauges were last computed from. */
  private shown = 0;
  private readonly openGauge: Gauge;
  protected readonly remainingGauge: Gauge | null;

  constructor(place: LimitPlace, max: number, openGauge: Gauge, remainingGauge: Gauge | null) {
    this.words = place.slots.words;
    this.index = place.word;
    this.own = place.slots.cells;
    this.ownIndex = place.cell;
    this.max = max;
    this.openGauge = openGauge;
    this.remainingGauge = remainingGauge;
    if (remainingGauge !== null) remainingGauge.set(max);
  }

  /** Taken by all data planes together. */
  get count(): number {
    return Atomics.load(this.words, this.index);
  }

  canCreate(): boolean {
    return Atomics.load(this.words, this.index) < this.max;
  }

  /** Takes one unless that would pass the limit. */
  tryAcquire(): boolean {
    return this.tryAcquireBelow(this.max);
  }

  protected tryAcquireBelow(max: number): boolean {
    if (Atomics.add(this.words, this.index, 1) >= max) {
      Atomics.sub(this.words, this.index, 1);
      return false;
    }
    (this.own[this.ownIndex] as number)++;
    this.show();
    return true;
  }

  /** Takes one whatever the limit says. */
  acquire(): void {
    Atomics.add(this.words, this.index, 1);
    (this.own[this.ownIndex] as number)++;
    this.show();
  }

  release(): void {
    Atomics.sub(this.words, this.index, 1);
    (this.own[this.ownIndex] as number)--;
    this.show();
  }

  /** The slot is given back: what is still released later goes nowhere. */
  detach(scratch: LimitPlace): void {
    this.detached = true;
    this.index = scratch.word;
    this.ownIndex = scratch.cell;
  }

  /**
   * As `show`, if the gauges are behind what other data planes, or an earlier cluster of the name,
   * took and gave back; unused gauges stay unused.
   */
  showIfBehind(): void {
    const { count } = this;
    const open = count < this.max ? 0 : 1;
    // A limit of 0 is open without use: only use shows it.
    const opened = count > 0 || this.max > 0 ? open : this.openGauge.value();
    const left = this.remainingGauge !== null && count !== this.shown;
    if (left || this.openGauge.value() !== opened) this.show();
  }

  /** Brings the gauges up to date. */
  show(): void {
    if (this.detached) return;
    const count = Atomics.load(this.words, this.index);
    this.shown = count;
    this.openGauge.set(count < this.max ? 0 : 1);
    if (this.remainingGauge !== null) {
      this.remainingGauge.set(count < this.max ? this.max - count : 0);
    }
  }
}

/** The limit of retries: fixed, or a share of the requests. Envoy: `RetryBudgetImpl`. */
export class RetryLimit extends ResourceLimit {
  /** Null: `max` is the limit. */
  budget: RetryBudget | null = null;
  /** What the budget is a share of. */
  requests: readonly ResourceLimit[] = [];

  override canCreate(): boolean {
    return this.count < this.allowed();
  }

  override tryAcquire(): boolean {
    return this.tryAcquireBelow(this.allowed());
  }

  /** As in Envoy: the gauge compares with `max`, and a budget does not tell what is left of it. */
  override show(): void {
    super.show();
    if (this.budget !== null) this.remainingGauge?.set(0);
  }

  private allowed(): number {
    const { budget } = this;
    if (budget === null) return this.max;
    let active = 0;
    for (const limit of this.requests) active += limit.count;
    return Math.max(Math.floor((budget.percent / 100) * active), budget.minConcurrency);
  }
}

interface LimitPlace {
  readonly slots: SharedSlots;
  readonly word: number;
  readonly cell: number;
}

/** The limits of one cluster at one priority. Envoy: `ResourceManager`. */
export class ResourceLimits {
  readonly connections: ResourceLimit;
  readonly pendingRequests: ResourceLimit;
  readonly requests: ResourceLimit;
  readonly retries: RetryLimit;
  readonly connectionPools: ResourceLimit;
  readonly maxConnectionsPerHost: number;
  private readonly thresholds: Thresholds;

  constructor(
    place: LimitPlace,
    thresholds: Thresholds,
    open: CircuitBreakerStats,
    left: CircuitBreakerRemainingStats | null,
  ) {
    const at = (kind: number): LimitPlace => ({
      slots: place.slots,
      word: place.word + kind,
      cell: place.cell + kind,
    });
    const limit = (kind: number, max: number, gauge: Gauge, rest: Gauge | undefined) =>
      new ResourceLimit(at(kind), max, gauge, rest ?? null);
    this.maxConnectionsPerHost = thresholds.maxConnectionsPerHost;
    this.connections = limit(
      CONNECTIONS,
      thresholds.maxConnections,
      open.cxOpen,
      left?.remainingCx,
    );
    this.pendingRequests = limit(
      PENDING,
      thresholds.maxPendingRequests,
      open.rqPendingOpen,
      left?.remainingPending,
    );
    this.requests = limit(REQUESTS, thresholds.maxRequests, open.rqOpen, left?.remainingRq);
    const { maxRetries } = thresholds;
    const retriesLeft = left?.remainingRetries ?? null;
    this.retries = new RetryLimit(at(RETRIES), maxRetries, open.rqRetryOpen, retriesLeft);
    this.retries.budget = thresholds.retryBudget;
    this.retries.requests = [this.requests, this.pendingRequests];
    this.connectionPools = limit(
      POOLS,
      thresholds.maxConnectionPools,
      open.cxPoolOpen,
      left?.remainingCxPools,
    );
    this.thresholds = thresholds;
  }

  /** Runtime may override each limit: `circuit_breakers.<cluster>.<priority>.max_requests`, … */
  readRuntime(runtime: RuntimeSnapshot, prefix: string): void {
    const { thresholds } = this;
    const configured = [
      thresholds.maxConnections,
      thresholds.maxPendingRequests,
      thresholds.maxRequests,
      thresholds.maxRetries,
      thresholds.maxConnectionPools,
    ];
    const limits = this.all();
    for (let index = 0; index < limits.length; index++) {
      const key = `${prefix}.${RUNTIME_WORDS[index]}`;
      const max = runtime.getInteger(key, configured[index] as number);
      (limits[index] as ResourceLimit).max = max;
    }
    this.retries.budget = readBudget(thresholds.retryBudget, runtime, `${prefix}.retry_budget`);
  }

  /** Brings the gauges up to date with what other data planes took and gave back. */
  showIfBehind(): void {
    for (const limit of this.all()) limit.showIfBehind();
  }

  detach(slots: LimitSlots): void {
    const scratch = slots.place(SCRATCH_SLOT, 0);
    for (const limit of this.all()) limit.detach(scratch);
  }

  private all(): readonly ResourceLimit[] {
    return [
      this.connections,
      this.pendingRequests,
      this.requests,
      this.retries,
      this.connectionPools,
    ];
  }
}

/** Either part in the runtime makes a budget where none is configured. */
function readBudget(
  configured: RetryBudget | null,
  runtime: RuntimeSnapshot,
  prefix: string,
): RetryBudget | null {
  const percent = runtime.getInteger(`${prefix}.budget_percent`, UNSET);
  const minConcurrency = runtime.getInteger(`${prefix}.min_retry_concurrency`, UNSET);
  if (percent === UNSET && minConcurrency === UNSET) return configured;
  const base = configured ?? DEFAULT_RETRY_BUDGET;
  return {
    percent: percent === UNSET ? base.percent : percent,
    minConcurrency: minConcurrency === UNSET ? base.minConcurrency : minConcurrency,
  };
}

const UNSET = -1;

/** Runtime keys end in these, in the order of the limits. */
const RUNTIME_WORDS = [
  "max_connections",
  "max_pending_requests",
  "max_requests",
  "max_retries",
  "max_connection_pools",
] as const;

/** The limits' slots as one data plane uses them. */
export class LimitSlots {
  readonly slots: SharedSlots;
  private readonly dataPlane: number;

  constructor(handle: SharedSlotsHandle, dataPlane: number) {
    this.slots = new SharedSlots(handle, dataPlane);
    this.dataPlane = dataPlane;
  }

  /** The place of a cluster's limits; `key` is equal on every data plane. `release` must follow. */
  acquire(key: string): number {
    return this.slots.acquire(key);
  }

  release(key: string): void {
    this.slots.release(key);
  }

  /** `priority` is 0 for DEFAULT and 1 for HIGH. */
  place(slot: number, priority: number): LimitPlace {
    const offset = priority * WORDS_PER_PRIORITY;
    return {
      slots: this.slots,
      word: this.slots.wordIndex(slot) + offset,
      cell: this.slots.cellIndex(slot, this.dataPlane) + offset,
    };
  }
}
