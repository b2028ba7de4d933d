/**
 * Stats of the process, `server.*`. Envoy: ALL_SERVER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Kept by the main thread. */
export class ServerStats {
  readonly concurrency: Gauge;
  readonly daysUntilFirstCertExpiring: Gauge;
  readonly debugAssertionFailures: Counter;
  readonly droppedStatFlushes: Counter;
  readonly dynamicUnknownFields: Counter;
  readonly envoyBugFailures: Counter;
  readonly envoyNotifications: Counter;
  readonly hotRestartEpoch: Gauge;
  readonly live: Gauge;
  readonly memoryAllocated: Gauge;
  readonly memoryHeapSize: Gauge;
  readonly memoryPhysicalSize: Gauge;
  readonly parentConnections: Gauge;
  readonly secondsUntilFirstOcspResponseExpiring: Gauge;
  readonly state: Gauge;
  readonly staticUnknownFields: Counter;
  readonly statsRecentLookups: Gauge;
  readonly totalConnections: Gauge;
  readonly uptime: Gauge;
  readonly version: Gauge;
  readonly wipProtos: Counter;
  readonly initializationTimeMs: Histogram;

  constructor(scope: StatsScope) {
    this.concurrency = scope.gauge("concurrency");
    this.daysUntilFirstCertExpiring = scope.gauge("days_until_first_cert_expiring");
    this.debugAssertionFailures = scope.counter("debug_assertion_failures");
    this.droppedStatFlushes = scope.counter("dropped_stat_flushes");
    this.dynamicUnknownFields = scope.counter("dynamic_unknown_fields");
    this.envoyBugFailures = scope.counter("envoy_bug_failures");
    this.envoyNotifications = scope.counter("envoy_notifications");
    this.hotRestartEpoch = scope.gauge("hot_restart_epoch");
    this.live = scope.gauge("live");
    this.memoryAllocated = scope.gauge("memory_allocated");
    this.memoryHeapSize = scope.gauge("memory_heap_size");
    this.memoryPhysicalSize = scope.gauge("memory_physical_size");
    this.parentConnections = scope.gauge("parent_connections");
    this.secondsUntilFirstOcspResponseExpiring = scope.gauge(
      "seconds_until_first_ocsp_response_expiring",
    );
    this.state = scope.gauge("state");
    this.staticUnknownFields = scope.counter("static_unknown_fields");
    this.statsRecentLookups = scope.gauge("stats_recent_lookups");
    this.totalConnections = scope.gauge("total_connections");
    this.uptime = scope.gauge("uptime");
    this.version = scope.gauge("version");
    this.wipProtos = scope.counter("wip_protos");
    this.initializationTimeMs = scope.histogram("initialization_time_ms", "milliseconds");
  }
}

/** `scope` is `server`. */
export function createServerStats(scope: StatsScope): ServerStats {
  return new ServerStats(scope);
}
