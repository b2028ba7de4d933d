/** /ready: whether traffic should come here. Envoy answers with the state's name. */
import { type AdminEndpoint, text } from "./endpoint.ts";

export const ready: AdminEndpoint = {
  path: "/ready",
  help: "print server state, return 200 if LIVE, otherwise return 503",
  mutates: false,
  parameters: {},
  handle: (_request, { server }) => text(`${server.state}\n`, server.state === "LIVE" ? 200 : 503),
};
