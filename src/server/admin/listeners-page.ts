/** /listeners: what is bound where. Envoy: `Server::ListenersHandler::handlerListenerInfo`. */
import type { ListenerStatus } from "../../network/listener-manager.ts";
import { formatSocketAddress } from "../../platform/sockets.ts";
import { LISTENER_TYPE } from "../dynamic-config.ts";
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
  handle: ({ query }, host) => {
    const active = activeListeners(host);
    return query.get("format") === "json" ? prettyJson(asJson(active)) : text(asText(active));
  },
};

/** Every data plane binds the same addresses: the first one speaks for all. */
function activeListeners({ server }: AdminHost): ListenerStatus[] {
  const all = server.planes?.first.listeners.status() ?? [];
  // In the order in which they were configured, not in which they were bound.
  const order = new Map(server.store.all(LISTENER_TYPE).map(({ name }, index) => [name, index]));
  const place = ({ config }: ListenerStatus): number => order.get(config.name) ?? order.size;
  return all
    .filter(({ state }) => state === "active")
    .sort((a, b) => place(a) - place(b))
    .map(withConfiguredAddresses);
}

/** A listener without a socket of its own is shown where its configuration puts it. */
function withConfiguredAddresses(status: ListenerStatus): ListenerStatus {
  if (status.config.bindToPort) return status;
  return { ...status, addresses: status.config.addresses.map(({ address }) => address) };
}

function asText(active: readonly ListenerStatus[]): string {
  const lines = active.flatMap(({ config, addresses }) =>
    addresses.map((address) => `${config.name}::${formatSocketAddress(address)}\n`),
  );
  return lines.join("");
}

function asJson(active: readonly ListenerStatus[]): unknown {
  if (active.length === 0) return {};
  return {
    listener_statuses: active.map(({ config, addresses }) => {
      const [first, ...more] = addresses;
      return {
        name: config.name,
        ...(first === undefined ? {} : { local_address: addressJson(first) }),
        ...(more.length === 0 ? {} : { additional_local_addresses: more.map(addressJson) }),
      };
    }),
  };
}
