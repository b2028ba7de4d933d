/**
 * Traffic stats of a cluster, `cluster.<name>.upstream_*`. Envoy: ALL_CLUSTER_TRAFFIC_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { Histogram } from "../histogram.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Connections: `cluster.<name>.upstream_cx_*`. */
export class UpstreamConnectionStats {
  readonly upstreamCxActive: Gauge;
  readonly upstreamCxCloseNotify: Counter;
  readonly upstreamCxConnectAttemptsExceeded: Counter;
  readonly upstreamCxConnectFail: Counter;
  readonly upstreamCxConnectTimeout: Counter;
  readonly upstreamCxConnectWith0Rtt: Counter;
  readonly upstreamCxDestroy: Counter;
  readonly upstreamCxDestroyLocal: Counter;
  readonly upstreamCxDestroyLocalWithActiveRq: Counter;
  readonly upstreamCxDestroyRemote: Counter;
  readonly upstreamCxDestroyRemoteWithActiveRq: Counter;
  readonly upstreamCxDestroyWithActiveRq: Counter;
  readonly upstreamCxHttp1Total: Counter;
  readonly upstreamCxHttp2Total: Counter;
  readonly upstreamCxHttp3Total: Counter;
  readonly upstreamCxIdleTimeout: Counter;
  readonly upstreamCxMaxDurationReached: Counter;
  readonly upstreamCxMaxRequests: Counter;
  readonly upstreamCxNoneHealthy: Counter;
  readonly upstreamCxOverflow: Counter;
  readonly upstreamCxPoolOverflow: Counter;
  readonly upstreamCxProtocolError: Counter;
  readonly upstreamCxRxBytesBuffered: Gauge;
  readonly upstreamCxRxBytesTotal: Counter;
  readonly upstreamCxTotal: Counter;
  readonly upstreamCxTxBytesBuffered: Gauge;
  readonly upstreamCxTxBytesTotal: Counter;
  readonly upstreamCxConnectMs: Histogram;
  readonly upstreamCxLengthMs: Histogram;
  readonly upstreamRqPerCx: Histogram;

  constructor(scope: StatsScope) {
    this.upstreamCxActive = scope.gauge("upstream_cx_active");
    this.upstreamCxCloseNotify = scope.counter("upstream_cx_close_notify");
    this.upstreamCxConnectAttemptsExceeded = scope.counter("upstream_cx_connect_attempts_exceeded");
    this.upstreamCxConnectFail = scope.counter("upstream_cx_connect_fail");
    this.upstreamCxConnectTimeout = scope.counter("upstream_cx_connect_timeout");
    this.upstreamCxConnectWith0Rtt = scope.counter("upstream_cx_connect_with_0_rtt");
    this.upstreamCxDestroy = scope.counter("upstream_cx_destroy");
    this.upstreamCxDestroyLocal = scope.counter("upstream_cx_destroy_local");
    this.upstreamCxDestroyLocalWithActiveRq = scope.counter(
      "upstream_cx_destroy_local_with_active_rq",
    );
    this.upstreamCxDestroyRemote = scope.counter("upstream_cx_destroy_remote");
    this.upstreamCxDestroyRemoteWithActiveRq = scope.counter(
      "upstream_cx_destroy_remote_with_active_rq",
    );
    this.upstreamCxDestroyWithActiveRq = scope.counter("upstream_cx_destroy_with_active_rq");
    this.upstreamCxHttp1Total = scope.counter("upstream_cx_http1_total");
    this.upstreamCxHttp2Total = scope.counter("upstream_cx_http2_total");
    this.upstreamCxHttp3Total = scope.counter("upstream_cx_http3_total");
    this.upstreamCxIdleTimeout = scope.counter("upstream_cx_idle_timeout");
    this.upstreamCxMaxDurationReached = scope.counter("upstream_cx_max_duration_reached");
    this.upstreamCxMaxRequests = scope.counter("upstream_cx_max_requests");
    this.upstreamCxNoneHealthy = scope.counter("upstream_cx_none_healthy");
    this.upstreamCxOverflow = scope.counter("upstream_cx_overflow");
    this.upstreamCxPoolOverflow = scope.counter("upstream_cx_pool_overflow");
    this.upstreamCxProtocolError = scope.counter("upstream_cx_protocol_error");
    this.upstreamCxRxBytesBuffered = scope.gauge("upstream_cx_rx_bytes_buffered");
    this.upstreamCxRxBytesTotal = scope.counter("upstream_cx_rx_bytes_total");
    this.upstreamCxTotal = scope.counter("upstream_cx_total");
    this.upstreamCxTxBytesBuffered = scope.gauge("upstream_cx_tx_bytes_buffered");
    this.upstreamCxTxBytesTotal = scope.counter("upstream_cx_tx_bytes_total");
    this.upstreamCxConnectMs = scope.histogram("upstream_cx_connect_ms", "milliseconds");
    this.upstreamCxLengthMs = scope.histogram("upstream_cx_length_ms", "milliseconds");
    this.upstreamRqPerCx = scope.histogram("upstream_rq_per_cx");
  }
}

/**
 * Connections and requests. Response codes and upstream_rq_completed are counted by
 * ResponseCodeStats; upstream_rq_time is created with the first response, as in Envoy.
 * `scope` is `cluster.<alt_stat_name or name>`; every data plane counts its own.
 */
export class ClusterTrafficStats extends UpstreamConnectionStats {
  readonly bindErrors: Counter;
  readonly originalDstHostInvalid: Counter;
  readonly retryOrShadowAbandoned: Counter;
  readonly upstreamFlowControlBackedUpTotal: Counter;
  readonly upstreamFlowControlDrainedTotal: Counter;
  readonly upstreamFlowControlPausedReadingTotal: Counter;
  readonly upstreamFlowControlResumedReadingTotal: Counter;
  readonly upstreamHttp3Broken: Counter;
  readonly upstreamInternalRedirectFailedTotal: Counter;
  readonly upstreamInternalRedirectSucceededTotal: Counter;
  readonly upstreamRq0rtt: Counter;
  readonly upstreamRqActive: Gauge;
  readonly upstreamRqCancelled: Counter;
  readonly upstreamRqMaintenanceMode: Counter;
  readonly upstreamRqMaxDurationReached: Counter;
  readonly upstreamRqPendingActive: Gauge;
  readonly upstreamRqPendingFailureEject: Counter;
  readonly upstreamRqPendingOverflow: Counter;
  readonly upstreamRqPendingTotal: Counter;
  readonly upstreamRqPerTryIdleTimeout: Counter;
  readonly upstreamRqPerTryTimeout: Counter;
  readonly upstreamRqRetry: Counter;
  readonly upstreamRqRetryBackoffExponential: Counter;
  readonly upstreamRqRetryBackoffRatelimited: Counter;
  readonly upstreamRqRetryLimitExceeded: Counter;
  readonly upstreamRqRetryOverflow: Counter;
  readonly upstreamRqRetrySuccess: Counter;
  readonly upstreamRqRxReset: Counter;
  readonly upstreamRqTimeout: Counter;
  readonly upstreamRqTotal: Counter;
  readonly upstreamRqTxReset: Counter;

  constructor(scope: StatsScope) {
    super(scope);
    this.bindErrors = scope.counter("bind_errors");
    this.originalDstHostInvalid = scope.counter("original_dst_host_invalid");
    this.retryOrShadowAbandoned = scope.counter("retry_or_shadow_abandoned");
    this.upstreamFlowControlBackedUpTotal = scope.counter("upstream_flow_control_backed_up_total");
    this.upstreamFlowControlDrainedTotal = scope.counter("upstream_flow_control_drained_total");
    this.upstreamFlowControlPausedReadingTotal = scope.counter(
      "upstream_flow_control_paused_reading_total",
    );
    this.upstreamFlowControlResumedReadingTotal = scope.counter(
      "upstream_flow_control_resumed_reading_total",
    );
    this.upstreamHttp3Broken = scope.counter("upstream_http3_broken");
    this.upstreamInternalRedirectFailedTotal = scope.counter(
      "upstream_internal_redirect_failed_total",
    );
    this.upstreamInternalRedirectSucceededTotal = scope.counter(
      "upstream_internal_redirect_succeeded_total",
    );
    this.upstreamRq0rtt = scope.counter("upstream_rq_0rtt");
    this.upstreamRqActive = scope.gauge("upstream_rq_active");
    this.upstreamRqCancelled = scope.counter("upstream_rq_cancelled");
    this.upstreamRqMaintenanceMode = scope.counter("upstream_rq_maintenance_mode");
    this.upstreamRqMaxDurationReached = scope.counter("upstream_rq_max_duration_reached");
    this.upstreamRqPendingActive = scope.gauge("upstream_rq_pending_active");
    this.upstreamRqPendingFailureEject = scope.counter("upstream_rq_pending_failure_eject");
    this.upstreamRqPendingOverflow = scope.counter("upstream_rq_pending_overflow");
    this.upstreamRqPendingTotal = scope.counter("upstream_rq_pending_total");
    this.upstreamRqPerTryIdleTimeout = scope.counter("upstream_rq_per_try_idle_timeout");
    this.upstreamRqPerTryTimeout = scope.counter("upstream_rq_per_try_timeout");
    this.upstreamRqRetry = scope.counter("upstream_rq_retry");
    this.upstreamRqRetryBackoffExponential = scope.counter("upstream_rq_retry_backoff_exponential");
    this.upstreamRqRetryBackoffRatelimited = scope.counter("upstream_rq_retry_backoff_ratelimited");
    this.upstreamRqRetryLimitExceeded = scope.counter("upstream_rq_retry_limit_exceeded");
    this.upstreamRqRetryOverflow = scope.counter("upstream_rq_retry_overflow");
    this.upstreamRqRetrySuccess = scope.counter("upstream_rq_retry_success");
    this.upstreamRqRxReset = scope.counter("upstream_rq_rx_reset");
    this.upstreamRqTimeout = scope.counter("upstream_rq_timeout");
    this.upstreamRqTotal = scope.counter("upstream_rq_total");
    this.upstreamRqTxReset = scope.counter("upstream_rq_tx_reset");
  }
}
