// A network in memory, on simulated time: listeners, paired sockets, latency, refused and silent
// destinations, and redirection with the original destination kept (what iptables does).
import {
  type ConnectOptions,
  formatSocketAddress,
  type ListenOptions,
  type ListenSocket,
  type Socket,
  type SocketAddress,
  type SocketEvents,
  type SocketFactory,
} from "../../src/platform/sockets.ts";
import { type Link, MemorySocket } from "./memory-socket.ts";
import type { SimulatedTime } from "./simulated-time.ts";

export const DEFAULT_LINK: Link = { latencyMs: 0, chunkBytes: 65536, kernelBytes: 262144 };

const FIRST_LISTEN_PORT = 20000;
const FIRST_EPHEMERAL_PORT = 40000;

class MemoryListenSocket implements ListenSocket {
  readonly address: SocketAddress;
  readonly reusePort: boolean;
  readonly onAccept: (socket: Socket) => void;
  closed = false;
  private readonly remove: (socket: MemoryListenSocket) => void;

  constructor(
    address: SocketAddress,
    options: ListenOptions,
    onAccept: (socket: Socket) => void,
    remove: (socket: MemoryListenSocket) => void,
  ) {
    this.address = address;
    this.reusePort = options.reusePort === true;
    this.onAccept = onAccept;
    this.remove = remove;
  }

  close(): void {
    this.closed = true;
    this.remove(this);
  }
}

export class MemoryNetwork implements SocketFactory {
  /** Sockets that have not reported `onClose` yet. */
  readonly open: Set<MemorySocket> = new Set();
  private readonly time: SimulatedTime;
  private readonly links = new Map<string, Link>();
  private readonly refused = new Set<string>();
  private readonly silent = new Set<string>();
  private readonly unbindable = new Map<string, string>();
  private readonly redirects = new Map<string, SocketAddress>();
  private listeners: MemoryListenSocket[] = [];
  private link: Link;
  private nextListenPort = FIRST_LISTEN_PORT;
  private nextEphemeralPort = FIRST_EPHEMERAL_PORT;
  private turn = 0;

  constructor(time: SimulatedTime, link: Partial<Link> = {}) {
    this.time = time;
    this.link = { ...DEFAULT_LINK, ...link };
  }

  /** Changes how connections made from now on travel: all of them, or those to one destination. */
  setLink(link: Partial<Link>, destination?: SocketAddress): void {
    if (destination === undefined) this.link = { ...this.link, ...link };
    else this.links.set(formatSocketAddress(destination), { ...this.link, ...link });
  }

  /** Connecting there fails with ECONNREFUSED, although something may listen. */
  refuse(destination: SocketAddress): void {
    this.refused.add(formatSocketAddress(destination));
  }

  /** Connecting there never ends. */
  ignore(destination: SocketAddress): void {
    this.silent.add(formatSocketAddress(destination));
  }

  /** Takes back `refuse` and `ignore`. */
  restore(destination: SocketAddress): void {
    this.refused.delete(formatSocketAddress(destination));
    this.silent.delete(formatSocketAddress(destination));
  }

  /** Binding there fails with the given system word (EACCES, EADDRNOTAVAIL). */
  denyBind(address: SocketAddress, code: string): void {
    this.unbindable.set(formatSocketAddress(address), code);
  }

  /** What is meant for `destination` reaches `listener`, which sees the original destination. */
  redirect(destination: SocketAddress, listener: SocketAddress): void {
    this.redirects.set(formatSocketAddress(destination), listener);
  }

  /** Addresses with a listening socket. */
  listening(): string[] {
    return this.listeners.map((listener) => formatSocketAddress(listener.address));
  }

  listen(options: ListenOptions, onAccept: (socket: Socket) => void): Promise<ListenSocket> {
    const asked = formatSocketAddress(options.address);
    const denied = this.unbindable.get(asked);
    if (denied !== undefined) return Promise.reject(systemError("listen", denied, asked));
    const address = this.withPort(options.address);
    if (this.isTaken(address, options.reusePort === true)) {
      return Promise.reject(systemError("listen", "EADDRINUSE", asked));
    }
    const socket = new MemoryListenSocket(address, options, onAccept, (closed) => {
      this.listeners = this.listeners.filter((listener) => listener !== closed);
    });
    this.listeners.push(socket);
    return Promise.resolve(socket);
  }

  connect(options: ConnectOptions, events: SocketEvents): Socket {
    const destination = formatSocketAddress(options.address);
    const link = this.links.get(destination) ?? this.link;
    const local = this.source(options);
    const addresses = { local, remote: options.address, original: null };
    const client = new MemorySocket(this.time, link, addresses, this.gone, false);
    client.events = events;
    this.open.add(client);
    this.time.after(link.latencyMs, () => this.reach(client, link, destination), "connect");
    return client;
  }

  private readonly gone = (socket: MemorySocket): void => {
    this.open.delete(socket);
  };

  /** The connect request arrives. */
  private reach(client: MemorySocket, link: Link, destination: string): void {
    if (client.destroyed || this.silent.has(destination)) return;
    const listener = this.refused.has(destination) ? undefined : this.find(client.remote);
    if (listener === undefined) {
      client.fail("ECONNREFUSED", `connect ECONNREFUSED ${destination}`);
      return;
    }
    const redirected = this.redirects.has(destination);
    const local = redirected ? this.redirects.get(destination)! : client.remote;
    const original = redirected ? client.remote : null;
    const addresses = { local, remote: client.local, original };
    const server = new MemorySocket(this.time, link, addresses, this.gone, true);
    this.open.add(server);
    server.join(client);
    this.time.after(link.latencyMs, () => establish(client, server), "connected");
    listener.onAccept(server);
  }

  private find(destination: SocketAddress): MemoryListenSocket | undefined {
    const target = this.redirects.get(formatSocketAddress(destination)) ?? destination;
    const exact = this.listeners.filter((listener) => accepts(listener.address, target, true));
    const all = exact.length > 0 ? exact : this.listeners.filter((l) => accepts(l.address, target));
    return all[this.turn++ % Math.max(1, all.length)];
  }

  private isTaken(address: SocketAddress, reusePort: boolean): boolean {
    return this.listeners.some(
      (listener) =>
        !(listener.reusePort && reusePort) &&
        (accepts(listener.address, address) || accepts(address, listener.address)),
    );
  }

  private withPort(address: SocketAddress): SocketAddress {
    if (address.path !== undefined || address.port !== 0) return address;
    return { ip: address.ip, port: this.nextListenPort++ };
  }

  private source(options: ConnectOptions): SocketAddress {
    if (options.address.path !== undefined) return { ip: "", port: 0 };
    const ip = options.localAddress?.ip ?? (options.address.ip.includes(":") ? "::1" : "127.0.0.1");
    const asked = options.localAddress?.port ?? 0;
    return { ip, port: asked === 0 ? this.nextEphemeralPort++ : asked };
  }
}

function establish(client: MemorySocket, server: MemorySocket): void {
  if (client.destroyed) {
    server.fail("ECONNRESET", "read ECONNRESET");
    return;
  }
  client.join(server);
  client.events.onConnect();
}

/** Whether a listener on `bound` gets what is sent to `target`. */
function accepts(bound: SocketAddress, target: SocketAddress, exact: boolean = false): boolean {
  if (bound.path !== undefined || target.path !== undefined) return bound.path === target.path;
  if (bound.port !== target.port) return false;
  if (bound.ip === target.ip) return true;
  if (exact) return false;
  return bound.ip === "::" || (bound.ip === "0.0.0.0" && !target.ip.includes(":"));
}

function systemError(call: string, code: string, address: string): Error {
  return Object.assign(new Error(`${call} ${code}: ${address}`), { code });
}
