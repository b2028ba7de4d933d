/**
 * Pages that change whether traffic should come here. Envoy: `Server::ListenersHandler`,
 * `Server::ServerCmdHandler`.
 */
import { type AdminEndpoint, command, text } from "./endpoint.ts";

export const failHealthCheck: AdminEndpoint = command(
  "/healthcheck/fail",
  "cause the server to fail health checks",
  ({ server }) => server.failHealthCheck(true),
);

export const passHealthCheck: AdminEndpoint = command(
  "/healthcheck/ok",
  "cause the server to pass health checks",
  ({ server }) => server.failHealthCheck(false),
);

export const drainListeners: AdminEndpoint = {
  path: "/drain_listeners",
  help: "drain listeners",
  mutates: true,
  parameters: [
    {
      name: "graceful",
      help: "When draining listeners, enter a graceful drain period prior to closing listeners. This behaviour and duration is configurable via server options or CLI",
      kind: "flag",
    },
    {
      name: "skip_exit",
      help: "When draining listeners, do not exit after the drain period. This must be used with graceful",
      kind: "flag",
    },
    {
      name: "inboundonly",
      help: "Drains all inbound listeners. traffic_direction field in envoy_v3_api_msg_config.listener.v3.Listener is used to determine whether a listener is inbound or outbound.",
      kind: "flag",
    },
  ],
  handle: ({ query }, { server }) => {
    const graceful = query.has("graceful");
    const skipExit = query.has("skip_exit");
    if (skipExit && !graceful) return text("skip_exit requires graceful\n", 400);
    const direction = query.has("inboundonly") ? "inbound" : "all";
    if (!graceful) server.planes?.stopListeners(direction);
    else server.drainGracefully(direction, !skipExit);
    return text("OK\n");
  },
};
