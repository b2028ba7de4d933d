/**
 * Stats of a listener, `listener.<address>.*`. Envoy: ALL_LISTENER_STATS,
 * ALL_PER_HANDLER_LISTENER_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Connections of one listener over all data planes. */
export class ListenerStats {
  readonly downstreamCxActive: Gauge;
  readonly downstreamCxDestroy: Counter;
  readonly downstreamCxOverflow: Counter;
  readonly downstreamCxOverloadReject: Counter;
  readonly downstreamCxTotal: Counter;
  readonly downstreamCxTransportSocketConnectTimeout: Counter;
  readonly downstreamGlobalCxOverflow: Counter;
  readonly downstreamListenerFilterError: Counter;
  readonly downstreamListenerFilterRemoteClose: Counter;
  readonly downstreamPreCxActive: Gauge;
  readonly downstreamPreCxTimeout: Counter;
  readonly noFilterChainMatch: Counter;
  readonly connectionsAcceptedPerSocketEvent: Histogram;
  readonly downstreamCxLengthMs: Histogram;
  readonly extensionConfigMissing: Counter;
  readonly networkExtensionConfigMissing: Counter;

  constructor(scope: StatsScope) {
    this.downstreamCxActive = scope.gauge("downstream_cx_active");
    this.downstreamCxDestroy = scope.counter("downstream_cx_destroy");
    this.downstreamCxOverflow = scope.counter("downstream_cx_overflow");
    this.downstreamCxOverloadReject = scope.counter("downstream_cx_overload_reject");
    this.downstreamCxTotal = scope.counter("downstream_cx_total");
    this.downstreamCxTransportSocketConnectTimeout = scope.counter(
      "downstream_cx_transport_socket_connect_timeout",
    );
    this.downstreamGlobalCxOverflow = scope.counter("downstream_global_cx_overflow");
    this.downstreamListenerFilterError = scope.counter("downstream_listener_filter_error");
    this.downstreamListenerFilterRemoteClose = scope.counter(
      "downstream_listener_filter_remote_close",
    );
    this.downstreamPreCxActive = scope.gauge("downstream_pre_cx_active");
    this.downstreamPreCxTimeout = scope.counter("downstream_pre_cx_timeout");
    this.noFilterChainMatch = scope.counter("no_filter_chain_match");
    this.connectionsAcceptedPerSocketEvent = scope.histogram(
      "connections_accepted_per_socket_event",
    );
    this.downstreamCxLengthMs = scope.histogram("downstream_cx_length_ms", "milliseconds");
    this.extensionConfigMissing = scope.counter("extension_config_missing");
    this.networkExtensionConfigMissing = scope.counter("network_extension_config_missing");
  }
}

/** One data plane's part of a listener. */
export class ListenerWorkerStats {
  readonly downstreamCxActive: Gauge;
  readonly downstreamCxTotal: Counter;

  constructor(scope: StatsScope) {
    this.downstreamCxActive = scope.gauge("downstream_cx_active");
    this.downstreamCxTotal = scope.counter("downstream_cx_total");
  }
}

/** `scope` is `listener.<stat_prefix or address>`. */
export function createListenerStats(scope: StatsScope): ListenerStats {
  return new ListenerStats(scope);
}

/** `scope` is `listener.<address>.worker_<id>`, or `.main_thread` for admin. */
export function createListenerWorkerStats(scope: StatsScope): ListenerWorkerStats {
  return new ListenerWorkerStats(scope);
}
