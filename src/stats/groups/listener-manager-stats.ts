/**
 * Stats of the listener manager, `listener_manager.*`. Envoy: ALL_LISTENER_MANAGER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Kept by the main thread. */
export class ListenerManagerStats {
  readonly listenerAdded: Counter;
  readonly listenerCreateFailure: Counter;
  readonly listenerCreateSuccess: Counter;
  readonly listenerInPlaceUpdated: Counter;
  readonly listenerModified: Counter;
  readonly listenerRemoved: Counter;
  readonly listenerStopped: Counter;
  readonly totalFilterChainsDraining: Gauge;
  readonly totalListenersActive: Gauge;
  readonly totalListenersDraining: Gauge;
  readonly totalListenersWarming: Gauge;
  readonly workersStarted: Gauge;

  constructor(scope: StatsScope, workers: StatsScope) {
    this.listenerAdded = scope.counter("listener_added");
    this.listenerCreateFailure = workers.counter("listener_create_failure");
    this.listenerCreateSuccess = workers.counter("listener_create_success");
    this.listenerInPlaceUpdated = scope.counter("listener_in_place_updated");
    this.listenerModified = scope.counter("listener_modified");
    this.listenerRemoved = scope.counter("listener_removed");
    this.listenerStopped = scope.counter("listener_stopped");
    this.totalFilterChainsDraining = scope.gauge("total_filter_chains_draining");
    this.totalListenersActive = scope.gauge("total_listeners_active");
    this.totalListenersDraining = scope.gauge("total_listeners_draining");
    this.totalListenersWarming = scope.gauge("total_listeners_warming");
    this.workersStarted = scope.gauge("workers_started");
  }
}

/** Both are `listener_manager`; what each worker counts for itself goes to `workers`. */
export function createListenerManagerStats(
  scope: StatsScope,
  workers: StatsScope = scope,
): ListenerManagerStats {
  return new ListenerManagerStats(scope, workers);
}
