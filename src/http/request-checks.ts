// hot: per request
/**
 * Refuses requests that must not reach routing: missing host, bad authority, bad or odd paths. Also
 * normalises path and host. Envoy: `ConnectionManagerImpl::ActiveStream::decodeHeaders`, steps 5–12
 * of the order of processing.
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { ConnectionManagerConfig } from "./connection-manager-config.ts";
import type { ConnectionManagerStats } from "./connection-manager-stats.ts";
import { normalizeHost } from "./host-normalization.ts";
import type { LocalReply } from "./local-reply.ts";
import { normalizePath } from "./path-normalization.ts";

const SLASH = 47;

const MISSING_HOST: LocalReply = { status: 400, body: "", details: "missing_host_header" };
const INVALID_AUTHORITY: LocalReply = { status: 400, body: "", details: "http.invalid_authority" };
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
  if (headers.authority === "") return MISSING_HOST;
  if (!isValidAuthority(headers.authority)) return INVALID_AUTHORITY;
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
  if (result.kind === "ok") {
    headers.path = result.path;
    return null;
  }
  if (result.kind === "reject") {
    stats.manager.downstreamRqFailedPathNormalization.inc();
    return BAD_PATH;
  }
  stats.manager.downstreamRqRedirectedWithNormalizedPath.inc();
  const { path } = result;
  return {
    status: 307,
    body: "",
    details: "path_normalization_failed",
    grpcStatus: 13,
    modify: (response) => response.set(Headers.Location, path),
  };
}

/**
 * 1 where a byte may stand in an authority: RFC 3986 §3.2 without percent signs, as Envoy checks
 * it.
 */
const AUTHORITY: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  /^[0-9A-Za-z!$%&'()*+,\-.:;=@[\]_~]$/.test(String.fromCharCode(code)) ? 1 : 0,
);

export function isValidAuthority(authority: string): boolean {
  for (let index = 0; index < authority.length; index++) {
    if (AUTHORITY[authority.charCodeAt(index) & 255] === 0) return false;
  }
  return true;
}
