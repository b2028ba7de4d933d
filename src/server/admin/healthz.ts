/** /healthz/ready on the health port: what Kubernetes asks. */
import { type AdminEndpoint, text } from "./endpoint.ts";

export const healthz: AdminEndpoint = {
  path: "/healthz/ready",
  help: "200 while traffic should come here, else 503",
  mutates: false,
  parameters: {},
  handle: (_request, { server }) =>
    server.state === "LIVE" ? text("", 200) : text(`${server.state}\n`, 503),
};
