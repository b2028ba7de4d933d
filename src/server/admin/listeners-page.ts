/** /listeners: what is bound where. Envoy: `Server::ListenersHandler::handlerListenerInfo`. */
import { formatSocketAddress } from "../../platform/sockets.ts";
import { LISTENER_TYPE } from "../dynamic-config.ts";
import type { ListenerFacts } from "../plane-facts.ts";
import { addressJson } from "./address-json.ts";
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, prettyJson, text } from "./endpoint.ts";

export const listeners: AdminEndpoint = {
  path: "/listeners",
  help: "print listener info",
  mutates: false,
  parameters: [
    { name: "format", help: "File format to use", kind: "choice", choices: ["text", "json"] },
  ],
  handle: async ({ query }, host) => {
    const active = await activeListeners(host);
    return query.get("format") === "json" ? prettyJson(asJson(active)) : text(asText(active));
  },
};

async function activeListeners({ server }: AdminHost): Promise<ListenerFacts[]> {
  const all = (await server.planes?.facts())?.listeners ?? [];
  // In the order in which they were configured, not in which they were bound.
  const order = new Map(server.store.all(LISTENER_TYPE).map(({ name }, index) => [name, index]));
  const place = ({ name }: ListenerFacts): number => order.get(name) ?? order.size;
  return all
    .filter(({ state }) => state === "active")
    .sort((a, b) => place(a) - place(b))
    .map(withConfiguredAddresses);
}

/** A listener without a socket of its own is shown where its configuration puts it. */
function withConfiguredAddresses(listener: ListenerFacts): ListenerFacts {
  if (listener.bindToPort) return listener;
  return { ...listener, addresses: listener.configuredAddresses };
}

function asText(active: readonly ListenerFacts[]): string {
  const lines = active.flatMap(({ name, addresses }) =>
    addresses.map((address) => `${name}::${formatSocketAddress(address)}\n`),
  );
  return lines.join("");
}

function asJson(active: readonly ListenerFacts[]): unknown {
  if (active.length === 0) return {};
  return {
    listener_statuses: active.map(({ name, addresses }) => {
      const [first, ...more] = addresses;
      return {
        name,
        ...(first === undefined ? {} : { local_address: addressJson(first) }),
        ...(more.length === 0 ? {} : { additional_local_addresses: more.map(addressJson) }),
      };
    }),
  };
}
