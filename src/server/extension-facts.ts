/** Names and message types of all extensions, as /server_info and xDS nodes list them. */
import type { Catalogue } from "../extensions/catalogue.ts";

/** Envoy: `envoy.config.core.v3.Extension`. */
export interface ExtensionFacts {
  readonly name: string;
  readonly category: string;
  readonly type_urls: string[];
}

export function describeExtensions(catalogue: Catalogue): ExtensionFacts[] {
  const withMessages =
    (category: string) =>
    ({ name, messages }: { name: string; messages: readonly string[] }): ExtensionFacts => ({
      name,
      category,
      type_urls: [...messages],
    });
  return [
    ...catalogue.listenerFilters.map(withMessages("envoy.filters.listener")),
    ...catalogue.networkFilters.map(withMessages("envoy.filters.network")),
    ...catalogue.clusters.map(withMessage("envoy.clusters")),
    ...catalogue.loadBalancers.map(withMessage("envoy.load_balancing_policies")),
    ...catalogue.healthChecks.checkers.map(({ name }) =>
      withMessages("envoy.health_checkers")({ name, messages: [] }),
    ),
    ...catalogue.healthChecks.eventSinks.map(withMessage("envoy.health_check.event_sinks")),
  ];
}

function withMessage(
  category: string,
): (one: { name: string; messageType: string }) => ExtensionFacts {
  return ({ name, messageType }) => ({
    name,
    category,
    type_urls: messageType === "" ? [] : [messageType],
  });
}
