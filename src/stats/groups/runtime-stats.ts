/**
 * Stats of the layered runtime, `runtime.*`. Envoy: ALL_RUNTIME_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Kept by the main thread. */
export class RuntimeStats {
  readonly adminOverridesActive: Gauge;
  readonly deprecatedFeatureSeenSinceProcessStart: Gauge;
  readonly deprecatedFeatureUse: Counter;
  readonly loadError: Counter;
  readonly loadSuccess: Counter;
  readonly numKeys: Gauge;
  readonly numLayers: Gauge;
  readonly overrideDirExists: Counter;
  readonly overrideDirNotExists: Counter;

  constructor(scope: StatsScope) {
    this.adminOverridesActive = scope.gauge("admin_overrides_active");
    this.deprecatedFeatureSeenSinceProcessStart = scope.gauge(
      "deprecated_feature_seen_since_process_start",
    );
    this.deprecatedFeatureUse = scope.counter("deprecated_feature_use");
    this.loadError = scope.counter("load_error");
    this.loadSuccess = scope.counter("load_success");
    this.numKeys = scope.gauge("num_keys");
    this.numLayers = scope.gauge("num_layers");
    this.overrideDirExists = scope.counter("override_dir_exists");
    this.overrideDirNotExists = scope.counter("override_dir_not_exists");
  }
}

/** `scope` is `runtime`. */
export function createRuntimeStats(scope: StatsScope): RuntimeStats {
  return new RuntimeStats(scope);
}
