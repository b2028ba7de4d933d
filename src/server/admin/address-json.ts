/** An address as the JSON of `envoy.config.core.v3.Address`. */
import type { SocketAddress } from "../../platform/sockets.ts";
import type { JsonObject } from "../../proto/plain.ts";

export function addressJson({ ip, port, path }: SocketAddress): JsonObject {
  if (path !== undefined) return { pipe: { path } };
  return { socket_address: { address: ip, port_value: port } };
}
