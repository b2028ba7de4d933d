/**
 * Fields of route messages that are known and not obeyed yet: reported by name. An error where
 * obeying less would change who gets a request; a warning where the request only loses a second
 * chance, a copy or a span.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Metadata } from "../proto/generated/envoy/config/core/v3.ts";
import type {
  HedgePolicy,
  RouteAction,
  RouteConfiguration,
  Route as RouteMessage,
  VirtualHost,
} from "../proto/generated/envoy/config/route/v3.ts";

type Report = readonly [field: string, value: unknown, text: string];

const PLUGIN = "is not supported: no retry policy plugin is known, so requests are not retried";
const NO_HEDGE = "has no effect, as in Envoy: only hedge_on_per_try_timeout makes a second request";
const NO_SPANS = "has no effect: tracing is not supported yet";
const NO_READER = "has no effect: nothing reads typed metadata";

export function reportRouteAction(message: RouteAction, context: CompileContext): void {
  warn(context, [
    ["retry_policy_typed_config", message.retryPolicyTypedConfig, PLUGIN],
    ["flush_timeout", message.flushTimeout, "is not supported yet: the manager's timeout counts"],
    ["early_data_policy", message.earlyDataPolicy, "has no effect: TLS is not supported yet"],
  ]);
  reportHedging(message.hedgePolicy, context);
  const plugin = "is not supported: no cluster specifier plugin is known";
  refuse(context, [
    ["cluster_specifier_plugin", message.clusterSpecifierPlugin, plugin],
    ["inline_cluster_specifier_plugin", message.inlineClusterSpecifierPlugin, plugin],
  ]);
}

export function reportRoute(message: RouteMessage, context: CompileContext): void {
  warn(context, [
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
  warn(context, [["retry_policy_typed_config", message.retryPolicyTypedConfig, PLUGIN]]);
  reportTypedMetadata(message.metadata, context);
  reportHedging(message.hedgePolicy, context);
}

/** Envoy knows these two fields and does nothing with them either. */
function reportHedging(message: HedgePolicy | undefined, context: CompileContext): void {
  warn(context.at("hedge_policy"), [
    ["initial_requests", message?.initialRequests, NO_HEDGE],
    ["additional_request_chance", message?.additionalRequestChance, NO_HEDGE],
  ]);
}

function reportTypedMetadata(message: Metadata | undefined, context: CompileContext): void {
  const typed = message?.typedFilterMetadata;
  warn(context.at("metadata"), [["typed_filter_metadata", typed, NO_READER]]);
}

export function reportRouteConfiguration(
  message: RouteConfiguration,
  context: CompileContext,
): void {
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
