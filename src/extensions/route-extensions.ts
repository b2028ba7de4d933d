/** The small extensions that routes name, as the route compiler asks for them. */
import type { RouteServices } from "../route/route-services.ts";
import { compileNamed } from "./common/named-extensions.ts";
import { redirectPredicates } from "./internal-redirect-predicates/catalogue.ts";
import { retryHostPredicates } from "./retry-host-predicates/catalogue.ts";
import { retryPriorities } from "./retry-priorities/catalogue.ts";

export function routeExtensions(): RouteServices["extensions"] {
  const hosts = retryHostPredicates();
  const priorities = retryPriorities();
  const redirects = redirectPredicates();
  return {
    hostPredicate: (message, context) =>
      compileNamed("retry host predicate", hosts, message, context),
    priority: (message, context) => compileNamed("retry priority", priorities, message, context),
    redirectPredicate: (message, context) =>
      compileNamed("internal redirect predicate", redirects, message, context),
  };
}
