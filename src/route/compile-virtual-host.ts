/** Compiles one VirtualHost message. */
import type { CompileContext } from "../config/compile-context.ts";
import {
  compileMatchTree,
  type MatchTreeKinds,
  messageNameOf,
} from "../config/matcher/compile-match-tree.ts";
import type { MatchTree } from "../config/matcher/match-tree.ts";
import type {
  RouteList,
  Route as RouteMessage,
  VirtualHost as VirtualHostMessage,
} from "../proto/generated/envoy/config/route/v3.ts";
import { compileRoute, filterMetadata, type RouteParent, type RouteRule } from "./compile-route.ts";
import { type HttpMatchData, REQUEST_INPUTS } from "./match-inputs.ts";
import type { MirrorPolicy } from "./mirror-policy.ts";
import { compileRetryPolicy } from "./retry-policy.ts";
import { compileLevel, type RouteLevel } from "./route-levels.ts";
import type { RouteServices } from "./route-services.ts";
import { compileTraffic } from "./traffic-policies.ts";
import { reportVirtualHost } from "./unsupported-fields.ts";
import { compileVirtualClusters } from "./virtual-clusters.ts";
import { VirtualHost } from "./virtual-host.ts";

/** What all virtual hosts of a table share. */
export interface TableSettings {
  readonly services: RouteServices;
  readonly level: RouteLevel;
  /** Of the route configuration. */
  readonly mirrors: readonly MirrorPolicy[] | null;
  readonly mostSpecificWins: boolean;
  readonly maxDirectResponseBytes: number;
  readonly ignorePathParameters: boolean;
  useCluster(name: string, context: CompileContext): void;
}

/** Problems are in the context; what could be built is returned. */
export function compileVirtualHost(
  message: VirtualHostMessage,
  settings: TableSettings,
  context: CompileContext,
): VirtualHost {
  reportVirtualHost(message, context);
  const { services } = settings;
  const level = compileLevel(message, message.cors, services, context);
  const useCluster = (name: string, at: CompileContext): void => settings.useCluster(name, at);
  const parent: RouteParent = {
    services,
    virtualHost: message,
    virtualHostMetadata: filterMetadata(message.metadata),
    virtualClusters: compileVirtualClusters(message.virtualClusters, context),
    ...compileTraffic(message, { services, useCluster }, settings.mirrors, context),
    retryPolicy: compileRetryPolicy(
      message.retryPolicy,
      services.extensions,
      context.at("retry_policy"),
    ),
    levels: [level, settings.level],
    mostSpecificWins: settings.mostSpecificWins,
    maxDirectResponseBytes: settings.maxDirectResponseBytes,
    useCluster,
  };
  return new VirtualHost(
    message.name ?? "",
    message.requireTls ?? "NONE",
    settings.ignorePathParameters,
    compileRoutes(message.routes, parent, context),
    compileTree(message, parent, context),
  );
}

function compileRoutes(
  messages: readonly RouteMessage[] | undefined,
  parent: RouteParent,
  context: CompileContext,
): RouteRule[] {
  const rules: RouteRule[] = [];
  for (const [index, message] of (messages ?? []).entries()) {
    const rule = compileRoute(message, parent, context.at("routes", index));
    if (rule !== null) rules.push(rule);
  }
  return rules;
}

const ROUTE = "envoy.config.route.v3.Route";
const ROUTE_LIST = "envoy.config.route.v3.RouteList";

function compileTree(
  message: VirtualHostMessage,
  parent: RouteParent,
  context: CompileContext,
): MatchTree<HttpMatchData, readonly RouteRule[]> | null {
  if (message.matcher === undefined) return null;
  if ((message.routes ?? []).length > 0) {
    return context.error("A virtual host has both matcher and routes", "keep one of them");
  }
  const kinds: MatchTreeKinds<HttpMatchData, readonly RouteRule[]> = {
    inputs: REQUEST_INPUTS,
    compileAction: (extension, at) => {
      const name = messageNameOf(extension.typedConfig?.typeUrl ?? "");
      const inside = at.at("typed_config");
      const value = (extension.typedConfig?.value ?? {}) as object;
      if (name === ROUTE) {
        const rule = compileRoute(value as RouteMessage, parent, inside);
        return rule === null ? null : [rule];
      }
      if (name === ROUTE_LIST) return compileRoutes((value as RouteList).routes, parent, inside);
      return inside.error(`Action ${name} leads to no route`, `use ${ROUTE} or ${ROUTE_LIST}`);
    },
  };
  return compileMatchTree(message.matcher, kinds, context.at("matcher"));
}
