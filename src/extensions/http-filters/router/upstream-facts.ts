/**
 * What stream info tells of the upstream side: made anew for each attempt. Envoy: `UpstreamInfo`,
 * `UpstreamTiming`, `BytesMeter` of the upstream.
 */
import type { StreamInfo, UpstreamInfo } from "../../../network/stream-info.ts";
import type { Host } from "../../../upstream/host.ts";

/** Takes over what another stream info knows of its attempt. */
export function copyUpstreamFacts(from: StreamInfo, to: StreamInfo): void {
  to.upstream = from.upstream;
  to.upstreamTransportFailureReason = from.upstreamTransportFailureReason;
  to.upstreamConnectStartMs = from.upstreamConnectStartMs;
  to.upstreamConnectEndMs = from.upstreamConnectEndMs;
  to.upstreamPoolReadyMs = from.upstreamPoolReadyMs;
  to.upstreamTxStartMs = from.upstreamTxStartMs;
  to.upstreamTxEndMs = from.upstreamTxEndMs;
  to.upstreamRxStartMs = from.upstreamRxStartMs;
  to.upstreamRxBodyStartMs = from.upstreamRxBodyStartMs;
  to.upstreamRxEndMs = from.upstreamRxEndMs;
  to.upstreamWireBytesSent = from.upstreamWireBytesSent;
  to.upstreamWireBytesReceived = from.upstreamWireBytesReceived;
  to.upstreamHeaderBytesSent = from.upstreamHeaderBytesSent;
  to.upstreamHeaderBytesReceived = from.upstreamHeaderBytesReceived;
}

/** Forgets the attempt before. */
export function clearUpstreamFacts(info: StreamInfo): void {
  info.upstream = null;
  info.upstreamTransportFailureReason = "";
  info.upstreamConnectStartMs = -1;
  info.upstreamConnectEndMs = -1;
  info.upstreamPoolReadyMs = -1;
  info.upstreamTxStartMs = -1;
  info.upstreamTxEndMs = -1;
  info.upstreamRxStartMs = -1;
  info.upstreamRxBodyStartMs = -1;
  info.upstreamRxEndMs = -1;
  info.upstreamWireBytesSent = 0;
  info.upstreamWireBytesReceived = 0;
  info.upstreamHeaderBytesSent = 0;
  info.upstreamHeaderBytesReceived = 0;
}

/** The host is named in logs although there is no connection. */
export function unconnectedUpstream({ description }: Host): UpstreamInfo {
  return {
    hostAddress: description.addressText,
    hostname: description.hostname,
    localAddress: null,
    connectionId: 0,
    protocol: null,
    metadata: description.metadata,
  };
}
