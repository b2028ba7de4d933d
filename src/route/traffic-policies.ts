/**
 * What a route does with a request besides forwarding it: counting it against limits, and copying
 * it. Both come from the route, its virtual host or the route configuration.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { RateLimit, RouteAction } from "../proto/generated/envoy/config/route/v3.ts";
import {
  compileMirrorPolicies,
  type MirrorCompilation,
  type MirrorPolicy,
} from "./mirror-policy.ts";
import {
  compileRateLimits,
  type RateLimitPolicy,
  type RouteRateLimits,
} from "./rate-limit-policy.ts";
import type { RouteServices } from "./route-services.ts";

/** What a route inherits. */
export interface TrafficParent {
  readonly services: RouteServices;
  /** Of the virtual host, or of the route configuration. */
  readonly mirrors: readonly MirrorPolicy[] | null;
  /** Of the virtual host. */
  readonly rateLimits: RateLimitPolicy | null;
  /** Notes a cluster a route may choose, and reports it when it must exist and does not. */
  useCluster(name: string, context: CompileContext): void;
}

export interface TrafficPolicies {
  readonly mirrors: readonly MirrorPolicy[] | null;
  readonly rateLimits: RouteRateLimits | null;
}

/** Fields of a virtual host, and (mirrors only) of a route configuration. */
export interface TrafficMessage {
  readonly requestMirrorPolicies?: RouteAction["requestMirrorPolicies"];
  readonly rateLimits?: RateLimit[];
}

/** Of a route. Problems are in the context. */
export function compileRouteTraffic(
  message: RouteAction,
  parent: TrafficParent,
  context: CompileContext,
): TrafficPolicies {
  const own = compileTraffic(message, parent, parent.mirrors, context);
  const { rateLimits: virtualHost } = parent;
  const includeVirtualHost = message.includeVhRateLimits === true;
  const limited = own.rateLimits !== null || virtualHost !== null;
  return {
    mirrors: own.mirrors,
    rateLimits: limited ? { route: own.rateLimits, virtualHost, includeVirtualHost } : null,
  };
}

/** Of any level; its mirrors, or else the `inherited` ones. Problems are in the context. */
export function compileTraffic(
  message: TrafficMessage,
  { services, useCluster }: Pick<TrafficParent, "services" | "useCluster">,
  inherited: readonly MirrorPolicy[] | null,
  context: CompileContext,
): Pick<TrafficParent, "mirrors" | "rateLimits"> {
  const mirroring: MirrorCompilation = { formats: services.formats, useCluster };
  const mirrors = compileMirrorPolicies(message.requestMirrorPolicies, mirroring, context);
  const limiting = { ...services, inFilter: false };
  return {
    mirrors: mirrors ?? inherited,
    rateLimits: compileRateLimits(message.rateLimits, limiting, context),
  };
}
