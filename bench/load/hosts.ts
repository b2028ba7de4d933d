// The hosts of the failure scenarios: several listeners in one process, each of which can be told
// to misbehave. They answer requests without a body with 1 KB. Role `@hosts COUNT`.
import { createServer, type Server, type Socket } from "node:net";

/** What a host does with a request; "flapping" is down and up by the second. */
export type Behaviour = "healthy" | "reset" | "503" | "slow" | "half-open" | "flapping";

/** Orders from the harness. */
export type HostsOrder =
  | { readonly type: "behave"; readonly host: number; readonly behaviour: Behaviour }
  | { readonly type: "counts" };

/** Answers to the harness. */
export type HostsAnswer =
  | { readonly type: "ports"; readonly ports: readonly number[] }
  | { readonly type: "done" }
  | { readonly type: "counts"; readonly counts: readonly HostCounts[] };

/** What a host saw since the counts were last read. */
export interface HostCounts {
  readonly requests: number;
  /** Most requests that waited for their answer at one time. */
  readonly peakActive: number;
}

/** How much later a slow host answers. */
export const SLOW_MS = 200;
const FLAP_MS = 1000;
/** Small, so that the harness can fill it (hosts-process.ts). */
export const BACKLOG = 64;

const answer = (status: string, body: string): Buffer =>
  Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
const OK = answer("200 OK", "x".repeat(1024));
const UNAVAILABLE = answer("503 Service Unavailable", "down");

export function runHosts(args: readonly string[]): void {
  const hosts = Array.from({ length: Number(args[0] ?? 1) }, () => new Host());
  const reply = (message: HostsAnswer): void => {
    process.send?.(message);
  };
  process.on("disconnect", () => process.exit(0));
  process.on("message", (raw) => {
    const order = raw as HostsOrder;
    if (order.type === "counts") {
      reply({ type: "counts", counts: hosts.map((host) => host.takeCounts()) });
      return;
    }
    void hosts[order.host]?.behave(order.behaviour).then(() => reply({ type: "done" }));
  });
  void Promise.all(hosts.map((host) => host.listen())).then(() => {
    reply({ type: "ports", ports: hosts.map((host) => host.port) });
  });
}

class Host {
  #server: Server;
  #behaviour: Behaviour = "healthy";
  #flapping: NodeJS.Timeout | null = null;
  readonly #sockets = new Set<Socket>();
  port = 0;
  #requests = 0;
  #active = 0;
  #peakActive = 0;

  constructor() {
    this.#server = this.#create();
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen({ port: this.port, host: "127.0.0.1", backlog: BACKLOG }, () => {
        const address = this.#server.address();
        if (address !== null && typeof address === "object") this.port = address.port;
        resolve();
      });
    });
  }

  /** A fault begins while connections are open; when it ends they are closed. */
  async behave(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour;
    if (this.#flapping !== null) clearInterval(this.#flapping);
    this.#flapping = null;
    if (behaviour === "flapping") {
      await this.#down();
      this.#flapping = setInterval(() => this.#flap(), FLAP_MS);
    } else if (!this.#server.listening) await this.#up();
    if (behaviour === "healthy") for (const socket of this.#sockets) socket.destroy();
  }

  takeCounts(): HostCounts {
    const counts = { requests: this.#requests, peakActive: this.#peakActive };
    this.#requests = 0;
    this.#peakActive = this.#active;
    return counts;
  }

  #flap(): void {
    void (this.#server.listening ? this.#down() : this.#up());
  }

  #down(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return closed;
  }

  #up(): Promise<void> {
    this.#server = this.#create();
    return this.listen();
  }

  #create(): Server {
    return createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    let open = 0;
    let tail = "";
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#active -= open;
    });
    const answered = (bytes: Buffer): void => {
      if (socket.destroyed) return;
      open--;
      this.#active--;
      socket.write(bytes);
    };
    socket.on("data", (bytes: Buffer) => {
      const heads = (tail + bytes.toString("latin1")).split("\r\n\r\n");
      tail = heads.pop() ?? "";
      for (let i = 0; i < heads.length; i++) {
        open++;
        this.#requests++;
        this.#peakActive = Math.max(this.#peakActive, ++this.#active);
        this.#respond(socket, answered);
      }
    });
  }

  #respond(socket: Socket, answered: (bytes: Buffer) => void): void {
    switch (this.#behaviour) {
      case "reset":
        socket.resetAndDestroy();
        return;
      case "503":
        answered(UNAVAILABLE);
        return;
      case "slow":
        setTimeout(answered, SLOW_MS, OK);
        return;
      case "half-open":
        return;
      default:
        answered(OK);
    }
  }
}
