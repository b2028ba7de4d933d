/**
 * Follows redirects to https from https only. Envoy:
 * `envoy.internal_redirect_predicates.safe_cross_scheme` (source/extensions/internal_redirect).
 */
import type { InternalRedirectPredicate } from "../../../route/internal-redirect.ts";
import type { NamedExtension } from "../../common/named-extensions.ts";

export const safeCrossScheme: NamedExtension<InternalRedirectPredicate> = {
  name: "envoy.internal_redirect_predicates.safe_cross_scheme",
  messageType: "envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig",
  compile: () => ({ accepts: (target) => target.https || !target.targetHttps }),
};
