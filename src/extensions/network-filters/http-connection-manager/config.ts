/** `HttpConnectionManager` compiled: codec, headers, time-outs, routes, filters, logs. */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import type {
  ConnectionManagerConfig,
  PathSettings,
  RequestIdSettings,
  TimeoutSettings,
} from "../../../http/connection-manager-config.ts";
import type { ProxyStatusSettings } from "../../../http/proxy-status.ts";
import type { TracingSettings } from "../../../http/trace-decision.ts";
import type { HttpConnectionManager } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { UuidRequestIdConfig } from "../../../proto/generated/envoy/extensions/request_id/uuid/v3.ts";
import { compileForwarding, type NodeFacts } from "./forwarding.ts";
import { compileHttp1Settings } from "./http1-settings.ts";
import { reportUnsupported } from "./unsupported-fields.ts";

const UUID_REQUEST_ID = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";

export function compileConnectionManager(
  message: HttpConnectionManager,
  node: NodeFacts,
  context: CompileContext,
): ConnectionManagerConfig {
  reportUnsupported(message, context);
  if (message.codecType === "HTTP3")
    context.at("codec_type").error("HTTP/3 is not supported", "use AUTO or HTTP1");
  if (message.codecType === "HTTP2") {
    context
      .at("codec_type")
      .warn("HTTP/2 is not supported yet: requests get 503", "use AUTO or HTTP1");
  }
  return {
    statPrefix: message.statPrefix ?? "",
    codecType:
      message.codecType === "HTTP1" || message.codecType === "HTTP2" ? message.codecType : "AUTO",
    http1: compileHttp1Settings(message, context),
    timeouts: compileTimeouts(message),
    maxRequestsPerConnection: message.commonHttpProtocolOptions?.maxRequestsPerConnection ?? 0,
    http1SafeMaxDuration: message.http1SafeMaxConnectionDuration ?? false,
    forwarding: compileForwarding(message, node, context),
    requestId: compileRequestId(message, context),
    paths: compilePaths(message, context),
    serverName: message.serverName || "envoy",
    serverHeader: message.serverHeaderTransformation ?? "OVERWRITE",
    proxy100Continue: message.proxy100Continue ?? false,
    streamErrorOnInvalidMessage:
      message.httpProtocolOptions?.overrideStreamErrorOnInvalidHttpMessage ??
      message.streamErrorOnInvalidHttpMessage ??
      false,
    appendLocalOverload: message.appendLocalOverload ?? false,
    proxyStatus: compileProxyStatus(message, node),
    tracing: compileTracing(message),
    logStarts:
      message.accessLogOptions?.flushAccessLogOnNewRequest ??
      message.flushAccessLogOnNewRequest ??
      false,
    logTunnels: message.accessLogOptions?.flushLogOnTunnelSuccessfullyEstablished ?? false,
    logIntervalMs: durationMs(
      message.accessLogOptions?.accessLogFlushInterval ?? message.accessLogFlushInterval,
      0,
    ),
    upgrades: compileUpgrades(message, context),
  };
}

function compileProxyStatus(
  message: HttpConnectionManager,
  node: NodeFacts,
): ProxyStatusSettings | null {
  const status = message.proxyStatusConfig;
  if (status === undefined) return null;
  const proxyName =
    status.literalProxyName ?? (status.useNodeId === true ? node.serviceNode : undefined);
  return {
    proxyName: proxyName || message.serverName || "envoy",
    details: status.removeDetails !== true,
    terminationDetails: status.removeConnectionTerminationDetails !== true,
    responseFlags: status.removeResponseFlags !== true,
    recommendedStatus: status.setRecommendedResponseCode === true,
  };
}

function compileTracing(message: HttpConnectionManager): TracingSettings | null {
  const { tracing } = message;
  if (tracing === undefined) return null;
  const uuid = (message.requestIdExtension?.typedConfig?.value ?? {}) as UuidRequestIdConfig;
  const share = (percent: { value?: number } | undefined): number =>
    percent === undefined ? 10_000 : Math.floor((percent.value ?? 0) * 100);
  return {
    client: share(tracing.clientSampling),
    random: share(tracing.randomSampling),
    overall: share(tracing.overallSampling),
    samplesById: uuid.useRequestIdForTraceSampling ?? true,
    packs: uuid.packTraceReason ?? true,
  };
}

const HOUR_MS = 3_600_000;
const FIVE_MINUTES_MS = 300_000;

function compileTimeouts(message: HttpConnectionManager): TimeoutSettings {
  const common = message.commonHttpProtocolOptions ?? {};
  return {
    idleMs: durationMs(common.idleTimeout, HOUR_MS),
    maxConnectionDurationMs: durationMs(common.maxConnectionDuration, 0),
    maxStreamDurationMs: durationMs(common.maxStreamDuration, 0),
    streamIdleMs: durationMs(message.streamIdleTimeout, FIVE_MINUTES_MS),
    requestMs: durationMs(message.requestTimeout, 0),
    requestHeadersMs: durationMs(message.requestHeadersTimeout, 0),
    drainMs: durationMs(message.drainTimeout, 5000),
    delayedCloseMs: durationMs(message.delayedCloseTimeout, 1000),
  };
}

function compileRequestId(
  message: HttpConnectionManager,
  context: CompileContext,
): RequestIdSettings {
  const any = message.requestIdExtension?.typedConfig;
  const name = messageNameOf(any?.typeUrl ?? "");
  if (any !== undefined && name !== UUID_REQUEST_ID) {
    context
      .at("request_id_extension")
      .at("typed_config")
      .error(`Request id extension ${name} is not supported`, `use ${UUID_REQUEST_ID}`);
  }
  const uuid = (any?.value ?? {}) as UuidRequestIdConfig;
  return {
    generate: message.generateRequestId ?? true,
    preserveExternal: message.preserveExternalRequestId ?? false,
    alwaysSetInResponse: message.alwaysSetRequestIdInResponse ?? false,
    packTraceReason: uuid.packTraceReason ?? true,
  };
}

function compilePaths(message: HttpConnectionManager, context: CompileContext): PathSettings {
  const matching = message.stripMatchingHostPort ?? false;
  const any = message.stripAnyHostPort ?? false;
  if (matching && any) {
    context
      .at("strip_matching_host_port")
      .error(
        "Both ways of stripping the port are set",
        "keep strip_any_host_port or strip_matching_host_port",
      );
  }
  const action = message.pathWithEscapedSlashesAction ?? "KEEP_UNCHANGED";
  return {
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes ?? false,
    escapedSlashes: action === "IMPLEMENTATION_SPECIFIC_DEFAULT" ? "KEEP_UNCHANGED" : action,
    stripTrailingHostDot: message.stripTrailingHostDot ?? false,
    stripPort: any ? "any" : matching ? "matching" : "none",
  };
}

function compileUpgrades(
  message: HttpConnectionManager,
  context: CompileContext,
): Map<string, boolean> {
  const upgrades = new Map<string, boolean>();
  for (const [index, upgrade] of (message.upgradeConfigs ?? []).entries()) {
    const type = (upgrade.upgradeType ?? "").toLowerCase();
    if (upgrades.has(type)) {
      context
        .at("upgrade_configs", index)
        .error(`Upgrade type ${type} is configured twice`, "merge the entries");
    }
    upgrades.set(type, upgrade.enabled ?? true);
  }
  return upgrades;
}
