/**
 * Fields of route messages that are known and not obeyed yet: reported by name. An error where
 * obeying less would change who gets a request; a warning where the request only loses a second
 * chance, a copy or a span.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Metadata } from "../proto/generated/envoy/config/core/v3.ts";
import type {
  RouteAction,
  RouteConfiguration,
  Route as RouteMessage,
  VirtualHost,
} from "../proto/generated/envoy/config/route/v3.ts";

type Report = readonly [field: string, value: unknown, text: string];

const ONCE = "is not supported yet: requests are forwarded once";
const NO_MIRROR = "is not supported yet: no copy of the request is sent";
const NO_SPANS = "has no effect: tracing is not supported yet";
const NO_READER = "has no effect: nothing reads typed metadata";
const BUFFER = "is not supported yet: it limits retries, which are not there either";

export function reportRouteAction(message: RouteAction, context: CompileContext): void {
  warn(context, [
    ["retry_policy", message.retryPolicy, ONCE],
    ["retry_policy_typed_config", message.retryPolicyTypedConfig, ONCE],
    ["hedge_policy", message.hedgePolicy, ONCE],
    ["request_mirror_policies", message.requestMirrorPolicies, NO_MIRROR],
    ["flush_timeout", message.flushTimeout, "is not supported yet: the manager's timeout counts"],
    ["early_data_policy", message.earlyDataPolicy, "has no effect: TLS is not supported yet"],
  ]);
  const redirects = "is not supported yet: redirects of the upstream go to the client";
  warn(context, [["internal_redirect_policy", message.internalRedirectPolicy, redirects]]);
  if (message.internalRedirectAction === "HANDLE_INTERNAL_REDIRECT") {
    warn(context, [["internal_redirect_action", true, redirects]]);
  }
  const plugin = "is not supported: no cluster specifier plugin is known";
  refuse(context, [
    ["cluster_specifier_plugin", message.clusterSpecifierPlugin, plugin],
    ["inline_cluster_specifier_plugin", message.inlineClusterSpecifierPlugin, plugin],
  ]);
}

export function reportRoute(message: RouteMessage, context: CompileContext): void {
  warn(context, [
    ["per_request_buffer_limit_bytes", message.perRequestBufferLimitBytes, BUFFER],
    ["request_body_buffer_limit", message.requestBodyBufferLimit, BUFFER],
    ["decorator", message.decorator, NO_SPANS],
    ["tracing", message.tracing, NO_SPANS],
  ]);
  reportTypedMetadata(message.metadata, context);
  refuse(context, [
    ["filter_action", message.filterAction, "is not supported"],
    ["non_forwarding_action", message.nonForwardingAction, "is not for proxies"],
  ]);
}

export function reportVirtualHost(message: VirtualHost, context: CompileContext): void {
  warn(context, [
    ["retry_policy", message.retryPolicy, ONCE],
    ["retry_policy_typed_config", message.retryPolicyTypedConfig, ONCE],
    ["hedge_policy", message.hedgePolicy, ONCE],
    ["request_mirror_policies", message.requestMirrorPolicies, NO_MIRROR],
    ["per_request_buffer_limit_bytes", message.perRequestBufferLimitBytes, BUFFER],
    ["request_body_buffer_limit", message.requestBodyBufferLimit, BUFFER],
  ]);
  reportTypedMetadata(message.metadata, context);
  if (message.includeIsTimeoutRetryHeader === true) {
    warn(context, [["include_is_timeout_retry_header", true, ONCE]]);
  }
}

function reportTypedMetadata(message: Metadata | undefined, context: CompileContext): void {
  const typed = message?.typedFilterMetadata;
  warn(context.at("metadata"), [["typed_filter_metadata", typed, NO_READER]]);
}

export function reportRouteConfiguration(
  message: RouteConfiguration,
  context: CompileContext,
): void {
  warn(context, [["request_mirror_policies", message.requestMirrorPolicies, NO_MIRROR]]);
  refuse(context, [
    ["vhds", message.vhds, "is not supported yet: virtual hosts come with their configuration"],
    ["cluster_specifier_plugins", message.clusterSpecifierPlugins, "is not supported"],
  ]);
}

function warn(context: CompileContext, reports: readonly Report[]): void {
  for (const [field, value, text] of reports) {
    if (value !== undefined) context.at(field).warn(`${field} ${text}`);
  }
}

function refuse(context: CompileContext, reports: readonly Report[]): void {
  for (const [field, value, text] of reports) {
    if (value !== undefined) context.at(field).error(`${field} ${text}`, "remove the field");
  }
}
