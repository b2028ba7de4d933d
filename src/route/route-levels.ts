/**
 * What the levels of a route table (configuration, virtual host, route) have in common: header
 * mutations and per-filter configs, and how the levels of one route come together.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { HeaderValueOption } from "../proto/generated/envoy/config/core/v3.ts";
import type { CorsPolicy } from "../proto/generated/envoy/config/route/v3.ts";
import type { AnyMessage } from "../proto/plain.ts";
import { compileHeaderMutations, type HeaderMutations } from "./header-mutation.ts";
import { compileLevelConfigs, type LevelConfigs } from "./per-filter-config.ts";
import type { RouteServices } from "./route-services.ts";

/** Fields that every level has. */
export interface LevelMessage {
  requestHeadersToAdd?: HeaderValueOption[];
  requestHeadersToRemove?: string[];
  responseHeadersToAdd?: HeaderValueOption[];
  responseHeadersToRemove?: string[];
  typedPerFilterConfig?: Record<string, AnyMessage>;
}

export interface RouteLevel {
  readonly requestMutations: HeaderMutations;
  readonly responseMutations: HeaderMutations;
  readonly filterConfigs: LevelConfigs;
}

const CORS_FILTER = "envoy.filters.http.cors";
const CORS_POLICY = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";

/**
 * Compiles one level; problems are in the context. The deprecated `cors` field acts as the level's
 * configuration of the cors filter unless that is there as well.
 */
export function compileLevel(
  message: LevelMessage,
  cors: CorsPolicy | undefined,
  services: RouteServices,
  context: CompileContext,
): RouteLevel {
  const { formats, filters } = services;
  const typed = { ...message.typedPerFilterConfig };
  if (cors !== undefined && filters.forRouteMessage(messageName(CORS_POLICY)) !== undefined) {
    typed[CORS_FILTER] ??= { typeUrl: CORS_POLICY, value: cors };
  }
  return {
    requestMutations: compileHeaderMutations(
      "request",
      message.requestHeadersToAdd,
      message.requestHeadersToRemove,
      formats,
      context,
    ),
    responseMutations: compileHeaderMutations(
      "response",
      message.responseHeadersToAdd,
      message.responseHeadersToRemove,
      formats,
      context,
    ),
    filterConfigs: compileLevelConfigs(typed, filters, context),
  };
}

function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/**
 * Levels from the most specific (route) to the least (route configuration), and who has the last
 * word.
 */
export interface LevelStack {
  readonly levels: readonly RouteLevel[];
  /** most_specific_header_mutations_wins. */
  readonly mostSpecificWins: boolean;
}

/** Mutations in the order of application: the last one wins. Empty ones are left out. */
export function mutationOrder(
  stack: LevelStack,
  direction: "requestMutations" | "responseMutations",
): readonly HeaderMutations[] {
  const order = stack.levels.map((level) => level[direction]);
  if (stack.mostSpecificWins) order.reverse();
  return order.filter((mutations) => !mutations.empty);
}

/** Per-filter configs, least specific first. */
export function filterConfigOrder(stack: LevelStack): readonly LevelConfigs[] {
  return stack.levels.map((level) => level.filterConfigs).reverse();
}
