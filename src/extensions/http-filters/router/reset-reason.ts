/**
 * What an upstream reset means to the client: status, response flag, details. Envoy:
 * `Filter::streamResetReasonToResponseFlag`, `Filter::onUpstreamReset`
 * (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";

const FLAGS: Readonly<Record<StreamResetReason, number>> = {
  "local reset": ResponseFlag.LocalReset,
  "local refused stream reset": ResponseFlag.LocalReset,
  "remote reset": ResponseFlag.UpstreamRemoteReset,
  "remote refused stream reset": ResponseFlag.UpstreamRemoteReset,
  "local connection failure": ResponseFlag.UpstreamConnectionFailure,
  "remote connection failure": ResponseFlag.UpstreamConnectionFailure,
  "connection timeout": ResponseFlag.UpstreamConnectionFailure,
  "connection termination": ResponseFlag.UpstreamConnectionTermination,
  overflow: ResponseFlag.UpstreamOverflow,
  "protocol error": ResponseFlag.UpstreamProtocolError,
  "overload manager reset": ResponseFlag.OverloadManager,
  "remote error with CONNECT request": ResponseFlag.UpstreamRemoteReset,
  "HTTP/1 premature upstream half close": ResponseFlag.LocalReset,
};

export function resetFlag(reason: StreamResetReason): number {
  return FLAGS[reason];
}

export function resetStatus(reason: StreamResetReason): number {
  return reason === "protocol error" ? 502 : 503;
}

/** `upstream_reset_before_response_started{remote_connection_failure|…}` */
export function resetDetails(
  prefix: string,
  reason: StreamResetReason,
  transportFailure: string,
): string {
  const text = transportFailure === "" ? reason : `${reason}|${transportFailure}`;
  return `${prefix}{${text.replace(/\s/g, "_")}}`;
}

/** The body of the local reply. */
export function resetBody(
  reason: StreamResetReason,
  transportFailure: string,
  retried: boolean,
): string {
  const failure = transportFailure === "" ? "" : `, transport failure reason: ${transportFailure}`;
  const again = retried ? "retried and the latest " : "";
  return `upstream connect error or disconnect/reset before headers. ${again}reset reason: ${reason}${failure}`;
}
