/**
 * The HTTP connection manager's settings, compiled: internal units, defaults applied, everything
 * resolved. Envoy: `ConnectionManagerConfig` (source/common/http/conn_manager_config.h). Durations
 * in ms, 0 = off.
 */
import type { CidrRange } from "../base/cidr.ts";
import type { Http1Settings } from "../codec/h1/settings.ts";
import type { EscapedSlashesAction } from "./path-normalization.ts";
import type { ProxyStatusSettings } from "./proxy-status.ts";
import type { TracingSettings } from "./trace-decision.ts";

export type ServerHeaderTransformation = "OVERWRITE" | "APPEND_IF_ABSENT" | "PASS_THROUGH";

export type CodecType = "AUTO" | "HTTP1" | "HTTP2";

export interface TimeoutSettings {
  readonly idleMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  readonly streamIdleMs: number;
  readonly requestMs: number;
  readonly requestHeadersMs: number;
  readonly drainMs: number;
  readonly delayedCloseMs: number;
}

/**
 * How the client's address is found when `use_remote_address` is false. Envoy:
 * `OriginalIPDetection`.
 */
export type OriginalIpDetection =
  | { readonly kind: "xff"; readonly trustedHops: number; readonly skipAppend: boolean }
  | {
      readonly kind: "xff-cidrs";
      readonly trusted: readonly CidrRange[];
      readonly recurse: boolean;
      readonly skipAppend: boolean;
    }
  | {
      readonly kind: "custom-header";
      readonly headerName: string;
      readonly trusted: boolean;
      /** 0 = do not reject. */
      readonly rejectStatus: number;
    };

export interface ForwardingSettings {
  readonly useRemoteAddress: boolean;
  readonly xffTrustedHops: number;
  readonly skipXffAppend: boolean;
  readonly detections: readonly OriginalIpDetection[];
  readonly appendForwardedPort: boolean;
  /** What counts as internal; empty = nothing. */
  readonly internalRanges: readonly CidrRange[];
  readonly internalUnixSockets: boolean;
  /** `x-forwarded-client-cert` of the client is kept (ALWAYS_FORWARD_ONLY). */
  readonly keepsClientCert: boolean;
  /** "" = keep. */
  readonly schemeToOverwrite: string;
  readonly addUserAgent: boolean;
  readonly serviceCluster: string;
  readonly serviceNode: string;
  readonly via: string;
  /** Added to `x-forwarded-for` instead of a loopback peer: the node's own address. */
  readonly localAddress: string;
}

export interface RequestIdSettings {
  readonly generate: boolean;
  readonly preserveExternal: boolean;
  readonly alwaysSetInResponse: boolean;
  readonly packTraceReason: boolean;
}

export interface PathSettings {
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: EscapedSlashesAction;
  readonly stripTrailingHostDot: boolean;
  readonly stripPort: "none" | "matching" | "any";
}

export interface ConnectionManagerConfig {
  readonly statPrefix: string;
  readonly codecType: CodecType;
  readonly http1: Http1Settings;
  readonly timeouts: TimeoutSettings;
  readonly maxRequestsPerConnection: number;
  /** `max_connection_duration` only marks the next answer as the last (HTTP/1). */
  readonly http1SafeMaxDuration: boolean;
  readonly forwarding: ForwardingSettings;
  readonly requestId: RequestIdSettings;
  readonly paths: PathSettings;
  readonly serverName: string;
  readonly serverHeader: ServerHeaderTransformation;
  readonly proxy100Continue: boolean;
  readonly streamErrorOnInvalidMessage: boolean;
  readonly appendLocalOverload: boolean;
  /** Null: no `proxy-status` header. */
  readonly proxyStatus: ProxyStatusSettings | null;
  /** Null: no request is traced. */
  readonly tracing: TracingSettings | null;
  /** A log line when a request begins, and when a tunnel stands, beside the one at the end. */
  readonly logStarts: boolean;
  readonly logTunnels: boolean;
  /** How often a stream in progress is logged, in ms; 0 = never. */
  readonly logIntervalMs: number;
  /** Upgrade type in lower case → enabled. */
  readonly upgrades: ReadonlyMap<string, boolean>;
}
