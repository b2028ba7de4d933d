// A demo service: says which version it is. v2 is a little slower, so that the table has something to
// show.
import { createServer, type Server } from "node:http";

const SLOW_MS = 4;

/** Starts listening on the loopback address; rejects when the port is taken. */
export function startDemoService(version: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (): void => {
      response.setHeader("content-type", "application/json");
      response.end(`${JSON.stringify({ service: "shop", version, path: request.url })}\n`);
    };
    if (version === "v1") answer();
    else setTimeout(answer, SLOW_MS);
  });
  server.keepAliveTimeout = 60_000;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
