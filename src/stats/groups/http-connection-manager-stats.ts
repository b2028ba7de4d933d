/**
 * Stats of the HTTP connection manager, `http.<stat_prefix>.*`.
 * Envoy: ALL_HTTP_CONN_MAN_STATS; docs http_conn_man/stats.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";
import { createTracingStats, type TracingStats } from "./tracing-stats.ts";

/** Connections: `http.<stat_prefix>.downstream_cx_*`. */
export class DownstreamConnectionStats {
  readonly downstreamCxActive: Gauge;
  readonly downstreamCxDelayedCloseTimeout: Counter;
  readonly downstreamCxDestroy: Counter;
  readonly downstreamCxDestroyActiveRq: Counter;
  readonly downstreamCxDestroyLocal: Counter;
  readonly downstreamCxDestroyLocalActiveRq: Counter;
  readonly downstreamCxDestroyRemote: Counter;
  readonly downstreamCxDestroyRemoteActiveRq: Counter;
  readonly downstreamCxDrainClose: Counter;
  readonly downstreamCxHttp1Active: Gauge;
  readonly downstreamCxHttp1SoftDrain: Gauge;
  readonly downstreamCxHttp1Total: Counter;
  readonly downstreamCxHttp2Active: Gauge;
  readonly downstreamCxHttp2Total: Counter;
  readonly downstreamCxHttp3Active: Gauge;
  readonly downstreamCxHttp3Total: Counter;
  readonly downstreamCxIdleTimeout: Counter;
  readonly downstreamCxMaxDurationReached: Counter;
  readonly downstreamCxMaxRequestsReached: Counter;
  readonly downstreamCxOverloadDisableKeepalive: Counter;
  readonly downstreamCxProtocolError: Counter;
  readonly downstreamCxRxBytesBuffered: Gauge;
  readonly downstreamCxRxBytesTotal: Counter;
  readonly downstreamCxSslActive: Gauge;
  readonly downstreamCxSslTotal: Counter;
  readonly downstreamCxTotal: Counter;
  readonly downstreamCxTxBytesBuffered: Gauge;
  readonly downstreamCxTxBytesTotal: Counter;
  readonly downstreamCxUpgradesActive: Gauge;
  readonly downstreamCxUpgradesTotal: Counter;
  readonly downstreamFlowControlPausedReadingTotal: Counter;
  readonly downstreamFlowControlResumedReadingTotal: Counter;
  readonly downstreamCxLengthMs: Histogram;

  constructor(scope: StatsScope) {
    this.downstreamCxActive = scope.gauge("downstream_cx_active");
    this.downstreamCxDelayedCloseTimeout = scope.counter("downstream_cx_delayed_close_timeout");
    this.downstreamCxDestroy = scope.counter("downstream_cx_destroy");
    this.downstreamCxDestroyActiveRq = scope.counter("downstream_cx_destroy_active_rq");
    this.downstreamCxDestroyLocal = scope.counter("downstream_cx_destroy_local");
    this.downstreamCxDestroyLocalActiveRq = scope.counter("downstream_cx_destroy_local_active_rq");
    this.downstreamCxDestroyRemote = scope.counter("downstream_cx_destroy_remote");
    this.downstreamCxDestroyRemoteActiveRq = scope.counter(
      "downstream_cx_destroy_remote_active_rq",
    );
    this.downstreamCxDrainClose = scope.counter("downstream_cx_drain_close");
    this.downstreamCxHttp1Active = scope.gauge("downstream_cx_http1_active");
    this.downstreamCxHttp1SoftDrain = scope.gauge("downstream_cx_http1_soft_drain");
    this.downstreamCxHttp1Total = scope.counter("downstream_cx_http1_total");
    this.downstreamCxHttp2Active = scope.gauge("downstream_cx_http2_active");
    this.downstreamCxHttp2Total = scope.counter("downstream_cx_http2_total");
    this.downstreamCxHttp3Active = scope.gauge("downstream_cx_http3_active");
    this.downstreamCxHttp3Total = scope.counter("downstream_cx_http3_total");
    this.downstreamCxIdleTimeout = scope.counter("downstream_cx_idle_timeout");
    this.downstreamCxMaxDurationReached = scope.counter("downstream_cx_max_duration_reached");
    this.downstreamCxMaxRequestsReached = scope.counter("downstream_cx_max_requests_reached");
    this.downstreamCxOverloadDisableKeepalive = scope.counter(
      "downstream_cx_overload_disable_keepalive",
    );
    this.downstreamCxProtocolError = scope.counter("downstream_cx_protocol_error");
    this.downstreamCxRxBytesBuffered = scope.gauge("downstream_cx_rx_bytes_buffered");
    this.downstreamCxRxBytesTotal = scope.counter("downstream_cx_rx_bytes_total");
    this.downstreamCxSslActive = scope.gauge("downstream_cx_ssl_active");
    this.downstreamCxSslTotal = scope.counter("downstream_cx_ssl_total");
    this.downstreamCxTotal = scope.counter("downstream_cx_total");
    this.downstreamCxTxBytesBuffered = scope.gauge("downstream_cx_tx_bytes_buffered");
    this.downstreamCxTxBytesTotal = scope.counter("downstream_cx_tx_bytes_total");
    this.downstreamCxUpgradesActive = scope.gauge("downstream_cx_upgrades_active");
    this.downstreamCxUpgradesTotal = scope.counter("downstream_cx_upgrades_total");
    this.downstreamFlowControlPausedReadingTotal = scope.counter(
      "downstream_flow_control_paused_reading_total",
    );
    this.downstreamFlowControlResumedReadingTotal = scope.counter(
      "downstream_flow_control_resumed_reading_total",
    );
    this.downstreamCxLengthMs = scope.histogram("downstream_cx_length_ms", "milliseconds");
  }
}

/**
 * All stats of one connection manager: connections, requests, trace decisions.
 * `scope` is `http.<stat_prefix>`.
 */
export class HttpConnectionManagerStats extends DownstreamConnectionStats {
  readonly downstreamRqActive: Gauge;
  readonly downstreamRqFailedPathNormalization: Counter;
  readonly downstreamRqHeaderTimeout: Counter;
  readonly downstreamRqHttp1Total: Counter;
  readonly downstreamRqHttp2Total: Counter;
  readonly downstreamRqHttp3Total: Counter;
  readonly downstreamRqIdleTimeout: Counter;
  readonly downstreamRqMaxDurationReached: Counter;
  readonly downstreamRqNonRelativePath: Counter;
  readonly downstreamRqOverloadClose: Counter;
  readonly downstreamRqRedirectedWithNormalizedPath: Counter;
  readonly downstreamRqRejectedViaIpDetection: Counter;
  readonly downstreamRqResponseBeforeRqComplete: Counter;
  readonly downstreamRqRxReset: Counter;
  readonly downstreamRqTimeout: Counter;
  readonly downstreamRqTooLarge: Counter;
  readonly downstreamRqTooManyPrematureResets: Counter;
  readonly downstreamRqTotal: Counter;
  readonly downstreamRqTxReset: Counter;
  readonly downstreamRqWsOnNonWsRoute: Counter;
  readonly rsTooLarge: Counter;
  readonly downstreamRqTime: Histogram;
  readonly tracing: TracingStats;

  constructor(scope: StatsScope) {
    super(scope);
    this.downstreamRqActive = scope.gauge("downstream_rq_active");
    this.downstreamRqFailedPathNormalization = scope.counter(
      "downstream_rq_failed_path_normalization",
    );
    this.downstreamRqHeaderTimeout = scope.counter("downstream_rq_header_timeout");
    this.downstreamRqHttp1Total = scope.counter("downstream_rq_http1_total");
    this.downstreamRqHttp2Total = scope.counter("downstream_rq_http2_total");
    this.downstreamRqHttp3Total = scope.counter("downstream_rq_http3_total");
    this.downstreamRqIdleTimeout = scope.counter("downstream_rq_idle_timeout");
    this.downstreamRqMaxDurationReached = scope.counter("downstream_rq_max_duration_reached");
    this.downstreamRqNonRelativePath = scope.counter("downstream_rq_non_relative_path");
    this.downstreamRqOverloadClose = scope.counter("downstream_rq_overload_close");
    this.downstreamRqRedirectedWithNormalizedPath = scope.counter(
      "downstream_rq_redirected_with_normalized_path",
    );
    this.downstreamRqRejectedViaIpDetection = scope.counter(
      "downstream_rq_rejected_via_ip_detection",
    );
    this.downstreamRqResponseBeforeRqComplete = scope.counter(
      "downstream_rq_response_before_rq_complete",
    );
    this.downstreamRqRxReset = scope.counter("downstream_rq_rx_reset");
    this.downstreamRqTimeout = scope.counter("downstream_rq_timeout");
    this.downstreamRqTooLarge = scope.counter("downstream_rq_too_large");
    this.downstreamRqTooManyPrematureResets = scope.counter(
      "downstream_rq_too_many_premature_resets",
    );
    this.downstreamRqTotal = scope.counter("downstream_rq_total");
    this.downstreamRqTxReset = scope.counter("downstream_rq_tx_reset");
    this.downstreamRqWsOnNonWsRoute = scope.counter("downstream_rq_ws_on_non_ws_route");
    this.rsTooLarge = scope.counter("rs_too_large");
    this.downstreamRqTime = scope.histogram("downstream_rq_time", "milliseconds");
    this.tracing = createTracingStats(scope.scope("tracing"));
  }
}
