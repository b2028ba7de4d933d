/** Every internal redirect predicate, in one list. */
import type { InternalRedirectPredicate } from "../../route/internal-redirect.ts";
import type { NamedExtension } from "../common/named-extensions.ts";
import { allowListedRoutes } from "./allow-listed-routes/allow-listed-routes.ts";
import { previousRoutes } from "./previous-routes/previous-routes.ts";
import { safeCrossScheme } from "./safe-cross-scheme/safe-cross-scheme.ts";

export function redirectPredicates(): readonly NamedExtension<InternalRedirectPredicate>[] {
  return [allowListedRoutes, previousRoutes, safeCrossScheme];
}
