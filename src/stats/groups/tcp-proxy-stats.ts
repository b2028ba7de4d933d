/**
 * Stats of the TCP proxy, `tcp.<stat_prefix>.*`. Envoy: ALL_TCP_PROXY_STATS.
 */
import type { Counter } from "../counter.ts";
import type { Gauge } from "../gauge.ts";
import type { StatsScope } from "../stats-scope.ts";

/** Connections through one TCP proxy. */
export class TcpProxyStats {
  readonly downstreamCxNoRoute: Counter;
  readonly downstreamCxRxBytesBuffered: Gauge;
  readonly downstreamCxRxBytesTotal: Counter;
  readonly downstreamCxTotal: Counter;
  readonly downstreamCxTxBytesBuffered: Gauge;
  readonly downstreamCxTxBytesTotal: Counter;
  readonly downstreamFlowControlPausedReadingTotal: Counter;
  readonly downstreamFlowControlResumedReadingTotal: Counter;
  readonly earlyDataReceivedCountTotal: Counter;
  readonly idleTimeout: Counter;
  readonly maxDownstreamConnectionDuration: Counter;
  readonly upstreamFlushActive: Gauge;
  readonly upstreamFlushTotal: Counter;

  constructor(scope: StatsScope) {
    this.downstreamCxNoRoute = scope.counter("downstream_cx_no_route");
    this.downstreamCxRxBytesBuffered = scope.gauge("downstream_cx_rx_bytes_buffered");
    this.downstreamCxRxBytesTotal = scope.counter("downstream_cx_rx_bytes_total");
    this.downstreamCxTotal = scope.counter("downstream_cx_total");
    this.downstreamCxTxBytesBuffered = scope.gauge("downstream_cx_tx_bytes_buffered");
    this.downstreamCxTxBytesTotal = scope.counter("downstream_cx_tx_bytes_total");
    this.downstreamFlowControlPausedReadingTotal = scope.counter(
      "downstream_flow_control_paused_reading_total",
    );
    this.downstreamFlowControlResumedReadingTotal = scope.counter(
      "downstream_flow_control_resumed_reading_total",
    );
    this.earlyDataReceivedCountTotal = scope.counter("early_data_received_count_total");
    this.idleTimeout = scope.counter("idle_timeout");
    this.maxDownstreamConnectionDuration = scope.counter("max_downstream_connection_duration");
    this.upstreamFlushActive = scope.gauge("upstream_flush_active");
    this.upstreamFlushTotal = scope.counter("upstream_flush_total");
  }
}

/** `scope` is `tcp.<stat_prefix>`. */
export function createTcpProxyStats(scope: StatsScope): TcpProxyStats {
  return new TcpProxyStats(scope);
}
