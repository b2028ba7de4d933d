/** /healthz/ready on the health port: what Kubernetes asks. */
import { type AdminEndpoint, page, text } from "./endpoint.ts";

export const healthz: AdminEndpoint = page(
  "/healthz/ready",
  "200 while traffic should come here, else 503",
  ({ server }) => (server.state === "LIVE" ? text("", 200) : text(`${server.state}\n`, 503)),
);
