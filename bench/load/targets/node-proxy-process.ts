// The process of an npm proxy under test.
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves on the port given first, forwards to the port given second. */
export async function runNodeProxy(name: string, ports: readonly string[]): Promise<void> {
  const [port, upstreamPort] = ports.map(Number);
  const base = `http://127.0.0.1:${upstreamPort}`;
  const handler = name === "fast-proxy" ? fastProxy(base) : await httpProxy3(base);
  const server = createServer({ keepAliveTimeout: 3_600_000, requestTimeout: 0 }, handler);
  server.listen({ port, host: "127.0.0.1", backlog: 4096 });
  process.once("SIGTERM", () => process.exit(0));
}

function fastProxy(base: string): Handler {
  const create = load("fast-proxy") as (options: object) => {
    proxy(
      request: IncomingMessage,
      response: ServerResponse,
      source: string,
      options: object,
    ): void;
  };
  const { proxy } = create({ base, undici: { connections: 512, pipelining: 1 } });
  return (request, response) => proxy(request, response, request.url ?? "/", {});
}

async function httpProxy3(base: string): Promise<Handler> {
  const { createProxyServer } = (await import("http-proxy-3")) as unknown as {
    createProxyServer(options: object): {
      web(request: IncomingMessage, response: ServerResponse): void;
      on(
        event: "error",
        listener: (error: Error, req: unknown, response: ServerResponse) => void,
      ): void;
    };
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 512, maxFreeSockets: 512 });
  const proxy = createProxyServer({ target: base, agent });
  proxy.on("error", (_error, _request, response) => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  return (request, response) => proxy.web(request, response);
}
