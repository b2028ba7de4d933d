// hot: per request
/**
 * The retries of one request: what may be tried again, how often, and when. Exists only where a
 * policy or a request header asks for retries. Envoy: `RetryStateImpl`
 * (source/common/router/retry_state_impl.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import { randomBelow } from "../../../platform/random.ts";
import type { TimerOwner } from "../../../platform/time.ts";
import type { PooledTimer } from "../../../platform/timer-pool.ts";
import type { RetryPolicyConfig } from "../../../route/retry-policy.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type { Host } from "../../../upstream/host.ts";
import type { HostSet } from "../../../upstream/host-set.ts";
import type { PriorityLoads } from "../../../upstream/load-balancer.ts";
import type { ResourceLimit } from "../../../upstream/resource-limits.ts";
import type {
  RetryExtensionFactory,
  RetryHostPredicate,
  RetryPriority,
} from "../../../upstream/retry-host-predicate.ts";
import type { RequestStats } from "./request-stats.ts";
import { resetIntervalMs } from "./reset-interval.ts";
import { AFTER_BACK_OFF, AT_ONCE, type RetryConditions, WONT } from "./retry-conditions.ts";
import type { RouterServices } from "./router-services.ts";

const BASE_INTERVAL_KEY = "upstream.base_retry_backoff_ms";
const BASE_INTERVAL_MS = 25;
const USE_RETRY_KEY = "upstream.use_retry";

/** Whether another attempt follows. */
export const NO_RETRY = 0;
export const RETRY = 1;
/** It would, but the policy allows no more. */
export const RETRY_LIMIT_EXCEEDED = 2;
/** It would, but the cluster has as many retries in flight as it may. */
export const RETRY_OVERFLOW = 3;

export interface RetryOwner {
  /** The wait is over. `timeout`: the attempt before was too slow. */
  onRetryDue(timeout: boolean): void;
}

/** What a retry state belongs to. */
export interface RetryScene {
  readonly services: RouterServices;
  readonly dispatcher: Dispatcher;
  readonly cluster: Cluster;
  readonly entry: RouteEntry;
  readonly counts: RequestStats;
}

export class RetryState implements TimerOwner {
  private readonly owner: RetryOwner;
  private readonly scene: RetryScene;
  private readonly policy: RetryPolicyConfig;
  private readonly conditions: RetryConditions;
  private readonly limit: ResourceLimit;
  private readonly predicates: readonly RetryHostPredicate[];
  private readonly priority: RetryPriority | null;
  private remaining: number;
  private intervalMs: number;
  private readonly maxIntervalMs: number;
  /** Asked for by the last response; 0 = by itself. */
  private resetMs = 0;
  private timer: PooledTimer | null = null;
  /** A retry of ours is counted against the cluster's limit. */
  private retrying = false;
  private afterTimeout = false;

  constructor(owner: RetryOwner, scene: RetryScene, conditions: RetryConditions) {
    const { policy } = conditions;
    this.owner = owner;
    this.scene = scene;
    this.policy = policy;
    this.conditions = conditions;
    this.remaining = conditions.maxRetries;
    const { limits } = scene.cluster.info;
    this.limit = limits[scene.entry.priority === "HIGH" ? 1 : 0].retries;
    const runtime = scene.services.runtime();
    this.intervalMs =
      policy.baseIntervalMs > 0
        ? policy.baseIntervalMs
        : Math.max(1, runtime.getInteger(BASE_INTERVAL_KEY, BASE_INTERVAL_MS));
    this.maxIntervalMs = policy.maxIntervalMs > 0 ? policy.maxIntervalMs : this.intervalMs * 10;
    this.predicates = policy.hostPredicates.map((factory) =>
      (factory as RetryExtensionFactory<RetryHostPredicate>).create(),
    );
    const priority = policy.priority as RetryExtensionFactory<RetryPriority> | null;
    this.priority = priority === null ? null : priority.create();
  }

  /** False: nothing can lead to a retry, so that no body need be kept. */
  get enabled(): boolean {
    return this.conditions.any;
  }

  get hostSelectionAttempts(): number {
    return this.policy.hostSelectionAttempts;
  }

  /** Would a response lead to a retry, limits aside? */
  wouldRetry(response: ResponseHeaderMap, request: RequestHeaderMap): boolean {
    return this.conditions.onHeaders(response, request) !== WONT;
  }

  onHeaders(response: ResponseHeaderMap, request: RequestHeaderMap): number {
    const would = this.conditions.onHeaders(response, request);
    if (would === AFTER_BACK_OFF && this.policy.resetHeaders.length > 0) {
      const nowSeconds = Math.floor(this.scene.dispatcher.wallMs() / 1000);
      const wanted = resetIntervalMs(response, this.policy, nowSeconds);
      if (wanted > 1) this.resetMs = wanted;
    }
    return this.decide(would, false);
  }

  /** `requestStarted`: an upstream has seen something of the request. */
  onReset(reason: StreamResetReason, requestStarted: boolean, timeout: boolean): number {
    return this.decide(this.conditions.onReset(reason, requestStarted), timeout);
  }

  /** An attempt is too slow and goes on beside the next one, whatever `retry_on` says. */
  onHedge(): number {
    return this.decide(AFTER_BACK_OFF, true);
  }

  onHostAttempted(host: Host): void {
    for (const predicate of this.predicates) predicate.onHostAttempted(host);
    this.priority?.onHostAttempted(host);
  }

  shouldSelectAnotherHost(host: Host): boolean {
    for (let index = 0; index < this.predicates.length; index++) {
      if ((this.predicates[index] as RetryHostPredicate).shouldSelectAnotherHost(host)) return true;
    }
    return false;
  }

  priorityLoads(loads: PriorityLoads, sets: readonly HostSet[]): PriorityLoads {
    return this.priority === null ? loads : this.priority.priorityLoads(loads, sets);
  }

  onTimer(): void {
    this.releaseTimer();
    this.owner.onRetryDue(this.afterTimeout);
  }

  /** No retry follows any more. */
  close(): void {
    this.releaseTimer();
    this.releaseLimit();
  }

  private decide(would: number, timeout: boolean): number {
    const { counts, services, dispatcher } = this.scene;
    // A retry whose outcome calls for no other was a success.
    if (this.retrying && would === WONT) counts.retrySucceeded();
    this.close();
    if (would === WONT) return NO_RETRY;
    if (this.remaining === 0) {
      counts.retryLimitExceeded();
      return RETRY_LIMIT_EXCEEDED;
    }
    this.remaining--;
    if (!this.limit.tryAcquire()) {
      counts.retryOverflowed();
      return RETRY_OVERFLOW;
    }
    this.retrying = true;
    if (!services.runtime().featureEnabled(USE_RETRY_KEY, 100, 100, dispatcher.random.uint32())) {
      this.releaseLimit();
      return NO_RETRY;
    }
    counts.retried();
    this.afterTimeout = timeout;
    this.timer = services.retryTimers.acquire(this, 0);
    this.timer.arm(would === AT_ONCE ? 0 : this.nextBackOffMs());
    return RETRY;
  }

  /** Full jitter below a doubling interval; or what the response asked for, and up to half more. */
  private nextBackOffMs(): number {
    const { random } = this.scene.dispatcher;
    const { stats } = this.scene.cluster.info;
    const { resetMs, intervalMs } = this;
    if (resetMs > 0) {
      this.resetMs = 0;
      stats.upstreamRqRetryBackoffRatelimited.inc();
      return resetMs + randomBelow(random, resetMs >> 1);
    }
    stats.upstreamRqRetryBackoffExponential.inc();
    this.intervalMs = Math.min(this.maxIntervalMs, intervalMs * 2);
    return randomBelow(random, Math.min(intervalMs, this.maxIntervalMs));
  }

  private releaseTimer(): void {
    if (this.timer !== null) this.scene.services.retryTimers.release(this.timer);
    this.timer = null;
  }

  private releaseLimit(): void {
    if (this.retrying) this.limit.release();
    this.retrying = false;
  }
}
