/**
 * Follows redirects to routes of these names only. Envoy:
 * `envoy.internal_redirect_predicates.allow_listed_routes` (source/extensions/internal_redirect).
 */
import type { AllowListedRoutesConfig } from "../../../proto/generated/envoy/extensions/internal_redirect/allow_listed_routes/v3.ts";
import type { InternalRedirectPredicate } from "../../../route/internal-redirect.ts";
import type { NamedExtension } from "../../common/named-extensions.ts";

export const allowListedRoutes: NamedExtension<InternalRedirectPredicate> = {
  name: "envoy.internal_redirect_predicates.allow_listed_routes",
  messageType: "envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig",
  compile(message) {
    const allowed = new Set((message as AllowListedRoutesConfig).allowedRouteNames ?? []);
    return { accepts: (target) => allowed.has(target.targetRouteName) };
  },
};
