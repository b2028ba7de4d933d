/**
 * Follows no redirect that leads from the same route to the same route again. Envoy:
 * `envoy.internal_redirect_predicates.previous_routes` (source/extensions/internal_redirect).
 */
import type { FilterStateObject } from "../../../network/stream-info.ts";
import type { InternalRedirectPredicate } from "../../../route/internal-redirect.ts";
import type { NamedExtension } from "../../common/named-extensions.ts";

const STATE = "envoy.internal_redirect.previous_routes_predicate_state";

/** Where redirects of one route have led to; lives in filter state, which redirects keep. */
class PreviousRoutes implements FilterStateObject {
  readonly names = new Set<string>();

  serializeAsString(): string {
    return [...this.names].join(",");
  }
}

export const previousRoutes: NamedExtension<InternalRedirectPredicate> = {
  name: "envoy.internal_redirect_predicates.previous_routes",
  messageType: "envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig",
  compile: () => ({
    accepts({ streamInfo, routeName, targetRouteName }) {
      const key = `${STATE}.${routeName}`;
      let state = streamInfo.filterState(key);
      if (!(state instanceof PreviousRoutes)) {
        state = new PreviousRoutes();
        streamInfo.setFilterState(key, state);
      }
      const { names } = state as PreviousRoutes;
      if (names.has(targetRouteName)) return false;
      names.add(targetRouteName);
      return true;
    },
  }),
};
