// Pieces of bootstraps for cases about HTTP filters.
import {
  any,
  anyHost,
  hcmWithHosts,
  listener,
  type Message,
  ROUTER,
  routeTo,
} from "./bootstrap.ts";

/** An entry of http_filters. */
export const filter = (
  short: string,
  type: string,
  fields: Message = {},
  more: Message = {},
): Message => ({
  name: `envoy.filters.http.${short}`,
  typed_config: any(`envoy.extensions.filters.http.${type}`, fields),
  ...more,
});

/** The entry of a filter in typed_per_filter_config. */
export const per = (short: string, type: string, fields: Message): Message => ({
  typed_per_filter_config: {
    [`envoy.filters.http.${short}`]: any(`envoy.extensions.filters.http.${type}`, fields),
  },
});

/** Fields added to the virtual host, the route configuration and the connection manager. */
interface Scopes {
  readonly host?: Message;
  readonly config?: Message;
  readonly manager?: Message;
}

/** A listener whose connection manager runs the filters before the router. */
export const on = (
  name: string,
  filters: readonly Message[],
  routes: readonly Message[] = [routeTo({ prefix: "/" })],
  scopes: Scopes = {},
): Message =>
  listener(name, [
    hcmWithHosts(
      [anyHost(routes, scopes.host)],
      { http_filters: [...filters, ROUTER], ...scopes.manager },
      scopes.config,
    ),
  ]);
