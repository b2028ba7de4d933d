/** Opens the admin interface and, for `run`, the metrics and health ports. */
import type { ListenSocket, SocketAddress } from "../../platform/sockets.ts";
import type { AdminHost } from "./admin-host.ts";
import { listenAdmin } from "./admin-listener.ts";
import { adminDispatch } from "./dispatch.ts";
import type { AdminEndpoint } from "./endpoint.ts";

/** The admin interface proper: its logs and allowed paths are those of the bootstrap. */
const ADMIN_NAME = "admin";

/** Rejects when the address cannot be bound. The server must be running. */
export function startAdmin(
  host: AdminHost,
  name: string,
  address: SocketAddress,
  endpoints: readonly AdminEndpoint[],
): Promise<ListenSocket> {
  const plane = host.server.planes?.local;
  if (plane === undefined) throw new Error("The server is not running");
  const isAdmin = name === ADMIN_NAME;
  const services = {
    dispatcher: plane.dispatcher,
    sockets: host.server.platform.sockets,
    stats: plane.stats.root,
    localAddress: host.server.platform.host.address,
    accessLoggers: isAdmin ? host.server.openAdminLogs() : [],
    drain: { drainClose: () => host.server.drains("UNSPECIFIED") },
  };
  const allowed = isAdmin ? (host.server.config?.admin.allowedPaths ?? []) : [];
  return listenAdmin(services, name, address, adminDispatch(endpoints, host, allowed));
}

/** Ports tried after the wanted one is taken. */
const NEXT_PORTS = 20;

/** Binds the wanted port or the next free one after it. */
export async function startOnFreePort(
  host: AdminHost,
  name: string,
  address: SocketAddress,
  endpoints: readonly AdminEndpoint[],
): Promise<ListenSocket> {
  for (let offset = 0; ; offset++) {
    try {
      return await startAdmin(
        host,
        name,
        { ip: address.ip, port: address.port + offset },
        endpoints,
      );
    } catch (error) {
      const taken = (error as { code?: string }).code === "EADDRINUSE";
      if (!taken || offset === NEXT_PORTS) throw error;
    }
  }
}
