// hot: per request
/**
 * What the router tells outlier detection and health checks of an attempt. Called only when
 * something watches the host. Envoy: `Filter::updateOutlierDetection`, `onUpstreamHeaders`
 * (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import { isGrpc } from "../../../http/local-reply.ts";
import {
  type HealthCheckMonitor,
  type HostMonitor,
  MonitorResult,
} from "../../../upstream/host.ts";
import { grpcToHttpStatus } from "./grpc-outcome.ts";

/** The final head came. A gRPC status in it counts; one in trailers comes too late. */
export function reportHead(
  monitor: HostMonitor,
  request: RequestHeaderMap,
  response: ResponseHeaderMap,
): void {
  const grpcStatus = isGrpc(request) ? response.get(Headers.GrpcStatus) : undefined;
  monitor.onHttpStatus(grpcStatus === undefined ? response.status : grpcToHttpStatus(grpcStatus));
}

/** Any final head may say that the host must get no more requests. */
export function reportHealth(monitor: HealthCheckMonitor, response: ResponseHeaderMap): void {
  if (response.has(Headers.EnvoyImmediateHealthCheckFail)) monitor.onImmediateHealthCheckFail();
}

/** No connection, or it broke. A full circuit breaker is not the host's fault. */
export function reportReset(monitor: HostMonitor, reason: StreamResetReason): void {
  if (reason !== "overflow") monitor.onResult(MonitorResult.LocalOriginConnectFailed, 0);
}
