/**
 * What a route does with requests and answers that went wrong at first: retries, hedging, internal
 * redirects, and how much body is kept for them. Envoy: `RouteEntryImplBase`.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Route, RouteAction, VirtualHost } from "../proto/generated/envoy/config/route/v3.ts";
import type { RouteParent } from "./compile-route.ts";
import { compileInternalRedirects } from "./internal-redirect.ts";
import { compileRetryPolicy } from "./retry-policy.ts";
import type { RouteEntry } from "./route.ts";

export type SecondChances = Pick<
  RouteEntry,
  | "retryPolicy"
  | "hedgeOnPerTryTimeout"
  | "includeIsTimeoutRetry"
  | "internalRedirects"
  | "bodyBufferLimit"
>;

/** Policies of the route count before those of its virtual host. */
export function compileSecondChances(
  route: Route,
  action: RouteAction,
  { services, virtualHost, retryPolicy }: RouteParent,
  context: CompileContext,
): SecondChances {
  const { extensions } = services;
  const own = compileRetryPolicy(action.retryPolicy, extensions, context.at("retry_policy"));
  const hedging = action.hedgePolicy ?? virtualHost.hedgePolicy;
  return {
    retryPolicy: own ?? retryPolicy,
    hedgeOnPerTryTimeout: hedging?.hedgeOnPerTryTimeout === true,
    includeIsTimeoutRetry: virtualHost.includeIsTimeoutRetryHeader === true,
    internalRedirects: compileInternalRedirects(action, extensions, context),
    bodyBufferLimit: bodyBufferLimit(route, virtualHost),
  };
}

/**
 * Body bytes kept for retries and redirects: the newer field of route or virtual host counts before
 * the older one of either; −1 when none is set.
 */
function bodyBufferLimit(route: Route, host: VirtualHost): number {
  const limit =
    route.requestBodyBufferLimit ??
    host.requestBodyBufferLimit ??
    route.perRequestBufferLimitBytes ??
    host.perRequestBufferLimitBytes;
  return limit === undefined ? -1 : Number(limit);
}
