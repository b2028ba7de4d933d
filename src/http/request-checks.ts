// hot: per request
/**
 * Refuses requests that must not reach routing: missing host, bad authority, bad or odd paths. Also
 * normalises path and host. Envoy: `ConnectionManagerImpl::ActiveStream::decodeHeaders`, steps 5–12
 * of the order of processing.
 */
import { hasConnectionToken } from "../codec/h1/upgrade.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { Protocol } from "../network/stream-info.ts";
import type { ConnectionManagerConfig } from "./connection-manager-config.ts";
import type { ConnectionManagerStats } from "./connection-manager-stats.ts";
import { normalizeHost } from "./host-normalization.ts";
import { HTTP2_NOT_SUPPORTED, isGrpc, type LocalReply } from "./local-reply.ts";
import { normalizePath } from "./path-normalization.ts";

const SLASH = 47;

const MISSING_HOST: LocalReply = { status: 400, body: "", details: "missing_host_header" };
const MISSING_PATH: LocalReply = { status: 404, body: "", details: "missing_path_rejected" };
const ABSOLUTE_PATH: LocalReply = { status: 404, body: "", details: "absolute_path_rejected" };
const BAD_PATH: LocalReply = { status: 400, body: "", details: "path_normalization_failed" };

/**
 * The reply that refuses the request, or null to go on. Path and authority are normalised in place.
 */
export function checkRequest(
  headers: RequestHeaderMap,
  config: ConnectionManagerConfig,
  localPort: number,
  stats: ConnectionManagerStats,
): LocalReply | null {
  if (config.codecType === "HTTP2") return HTTP2_NOT_SUPPORTED;
  if (headers.authority === "") return MISSING_HOST;
  const connect = headers.method === "CONNECT";
  if (headers.path === "" && !connect) return MISSING_PATH;
  if (!connect) {
    if (headers.path.charCodeAt(0) !== SLASH) {
      stats.manager.downstreamRqNonRelativePath.inc();
      return ABSOLUTE_PATH;
    }
    const refusal = checkPath(headers, config, stats);
    if (refusal !== null) return refusal;
  }
  headers.authority = normalizeHost(headers.authority, config.paths, localPort);
  return null;
}

function checkPath(
  headers: RequestHeaderMap,
  config: ConnectionManagerConfig,
  stats: ConnectionManagerStats,
): LocalReply | null {
  const result = normalizePath(headers.path, config.paths);
  headers.path = result.path;
  if (result.kind === "ok") return null;
  // Clients of gRPC follow no redirects.
  if (result.kind === "reject" || isGrpc(headers)) {
    stats.manager.downstreamRqFailedPathNormalization.inc();
    return BAD_PATH;
  }
  stats.manager.downstreamRqRedirectedWithNormalizedPath.inc();
  const { path } = result;
  return {
    status: 307,
    body: "",
    details: "path_normalization_failed",
    modify: (response) => response.set(Headers.Location, path),
  };
}

const CLOSE_BITS = Headers.Connection.bit | Headers.ProxyConnection.bit;

/** Whether the request wants its connection closed after the answer (RFC 9112 §9.3). */
export function asksToClose(headers: RequestHeaderMap, protocol: Protocol): boolean {
  if (protocol === "HTTP/1.0") return !hasConnectionToken(headers, "keep-alive");
  if ((headers.seen & CLOSE_BITS) === 0) return false;
  if (hasConnectionToken(headers, "close")) return true;
  return headers.get(Headers.ProxyConnection)?.toLowerCase() === "close";
}

/** The client waits for `100 Continue`, and the proxy gives it. */
export function expectsContinue(
  headers: RequestHeaderMap,
  config: ConnectionManagerConfig,
): boolean {
  if ((headers.seen & Headers.Expect.bit) === 0 || config.proxy100Continue) return false;
  return headers.get(Headers.Expect)?.toLowerCase() === "100-continue";
}
