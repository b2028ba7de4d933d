/** /ready: whether traffic should come here. Envoy answers with the state's name. */
import { type AdminEndpoint, page, text } from "./endpoint.ts";

export const ready: AdminEndpoint = page(
  "/ready",
  "print server state, return 200 if LIVE, otherwise return 503",
  ({ server }) => text(`${server.state}\n`, server.state === "LIVE" ? 200 : 503),
);
