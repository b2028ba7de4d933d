// hot: per request
/**
 * Whether an answer is the last of its connection, and how it says so. Envoy:
 * `ConnectionManagerImpl::ActiveStream::encodeHeaders` (conn_manager_impl.cc).
 */
import type { ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { ActiveStream } from "./active-stream.ts";
import { logStream } from "./stream-finish.ts";

export function announceEnd(
  stream: ActiveStream,
  headers: ResponseHeaderMap,
  endStream: boolean,
): void {
  const http10 = stream.streamInfo.protocol === "HTTP/1.0";
  // HTTP/1.0 knows no chunks: without a length, the end of the connection ends the body.
  const framedByClose = http10 && !endStream && !headers.has(Headers.ContentLength);
  if (framedByClose) stream.closesConnection = true;
  const last = stream.manager.endsWith(stream);
  if (stream.upgradeRequest && opensTunnel(stream, headers.status)) {
    if (stream.runtime.config.logTunnels) {
      logStream(stream, "DownstreamTunnelSuccessfullyEstablished");
    }
    return;
  }
  if (last) headers.set(Headers.Connection, "close");
  else if (http10) headers.set(Headers.Connection, "keep-alive");
}

function opensTunnel(stream: ActiveStream, status: number): boolean {
  return status === 101 || (stream.requestHeaders?.method === "CONNECT" && status < 300);
}
