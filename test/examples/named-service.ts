// The service behind an example: answers HTTP with its name and what it saw, echoes anything else
// with its name in front, never answers below /slow, and moves /moved/x to /x.
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export class NamedService {
  readonly name: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(name: string) {
    this.name = name;
    const http = createHttpServer((request, response) => {
      if (request.url?.startsWith("/slow")) return;
      response.setHeader("server-version", "1.2.3");
      if (request.url?.startsWith("/moved/")) {
        const location = `http://${request.headers.host}${request.url.slice("/moved".length)}`;
        response.writeHead(302, { location, "x-trail": name });
      }
      request.resume().on("end", () => response.end(describe(name, request)));
    });
    http.on("upgrade", (_request, socket, first: Buffer) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
      );
      if (first.length > 0) socket.write(`${name}:${first}`);
      socket.on("data", (bytes: Buffer) => socket.write(`${name}:${bytes}`));
      socket.on("error", () => socket.destroy());
    });
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.sockets.delete(socket));
      socket.once("data", (first: Buffer) => {
        socket.pause();
        if (/^[A-Z]+ \S+ HTTP\/1/.test(first.toString("latin1"))) {
          http.emit("connection", socket);
          socket.unshift(first);
        } else {
          socket.write(Buffer.concat([Buffer.from(`${name}:`), first]));
          socket.on("data", (bytes: Buffer) => void socket.write(bytes));
        }
        socket.resume();
      });
    });
  }

  static async start(name: string): Promise<NamedService> {
    const service = new NamedService(name);
    service.server.listen(0, "127.0.0.1");
    await once(service.server, "listening");
    return service;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

function describe(name: string, { method, url, headers }: IncomingMessage): string {
  const lines = Object.entries(headers).map(([key, value]) => `${key}: ${String(value)}`);
  return [`${name} ${method} ${url}`, ...lines, ""].join("\n");
}
