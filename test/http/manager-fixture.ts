// A connection manager's settings as Envoy defaults them, and the small facts its parts ask for.
import { parseCidrRange } from "../../src/base/cidr.ts";
import { DEFAULT_HTTP1_SETTINGS } from "../../src/codec/h1/settings.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import type {
  ConnectionManagerConfig,
  ForwardingSettings,
} from "../../src/http/connection-manager-config.ts";
import { ConnectionManagerStats } from "../../src/http/connection-manager-stats.ts";
import { ConnectionInfo } from "../../src/network/stream-info.ts";
import { StatSlab } from "../../src/stats/slab.ts";
import { StatsScope } from "../../src/stats/stats-scope.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";

type Fields = Readonly<Record<string, string>>;

export const DEFAULT_FORWARDING: ForwardingSettings = {
  useRemoteAddress: false,
  xffTrustedHops: 0,
  skipXffAppend: false,
  detections: [{ kind: "xff", trustedHops: 0, skipAppend: true }],
  appendForwardedPort: false,
  internalRanges: [],
  internalUnixSockets: false,
  keepsClientCert: false,
  schemeToOverwrite: "",
  addUserAgent: false,
  serviceCluster: "",
  serviceNode: "",
  via: "",
  localAddress: "",
};

export function managerConfig(
  changes: Partial<ConnectionManagerConfig> = {},
): ConnectionManagerConfig {
  return {
    statPrefix: "in",
    codecType: "AUTO",
    http1: DEFAULT_HTTP1_SETTINGS,
    timeouts: {
      idleMs: 3_600_000,
      maxConnectionDurationMs: 0,
      maxStreamDurationMs: 0,
      streamIdleMs: 300_000,
      requestMs: 0,
      requestHeadersMs: 0,
      drainMs: 5000,
      delayedCloseMs: 1000,
    },
    maxRequestsPerConnection: 0,
    forwarding: DEFAULT_FORWARDING,
    requestId: {
      generate: true,
      preserveExternal: false,
      alwaysSetInResponse: false,
      packTraceReason: true,
    },
    paths: {
      normalizePath: false,
      mergeSlashes: false,
      escapedSlashes: "KEEP_UNCHANGED",
      stripTrailingHostDot: false,
      stripPort: "none",
    },
    serverName: "envoy",
    serverHeader: "OVERWRITE",
    proxy100Continue: false,
    streamErrorOnInvalidMessage: false,
    appendLocalOverload: false,
    proxyStatus: null,
    tracing: null,
    logStarts: false,
    logTunnels: false,
    logIntervalMs: 0,
    http1SafeMaxDuration: false,
    upgrades: new Map(),
    ...changes,
  };
}

export function range(ip: string, length: number): NonNullable<ReturnType<typeof parseCidrRange>> {
  return parseCidrRange(ip, length)!;
}

export function connectionFrom(ip: string): ConnectionInfo {
  return new ConnectionInfo(1, { ip, port: 40_000 }, { ip: "10.0.0.9", port: 8080 });
}

export function request(
  fields: Fields = {},
  method: string = "GET",
  path: string = "/",
): RequestHeaderMap {
  const headers = new RequestHeaderMap();
  headers.method = method;
  headers.path = path;
  headers.authority = "a";
  for (const [name, value] of Object.entries(fields)) headers.add(headerName(name), value);
  return headers;
}

export function response(status: number, fields: Fields = {}): ResponseHeaderMap {
  const headers = new ResponseHeaderMap();
  headers.status = status;
  for (const [name, value] of Object.entries(fields)) headers.add(headerName(name), value);
  return headers;
}

export function managerStats(): ConnectionManagerStats {
  const root = new StatsScope(new StatsStore(new StatSlab()), "");
  return new ConnectionManagerStats(root.scope("http.in"), root.scope("listener.l.http.in"), root);
}
