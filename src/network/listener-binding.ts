/**
 * Binds all addresses of one listener, or none. Envoy:
 * `ListenerManagerImpl::createListenSocketFactory`.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import type { BindResult, ListenSockets, SharedListenSocket } from "./listen-sockets.ts";
import type { Listener } from "./listener.ts";
import type { ListenAddress } from "./listener-address.ts";
import type { ListenerConfig } from "./listener-config.ts";

/** How this data plane shares listening sockets with the others. */
export interface SocketSharing {
  readonly reusePort: boolean;
  /** Bind also what only one data plane can bind. */
  readonly bindsUnshared: boolean;
}

/** The sockets of a listener while they are bound and afterwards. */
export class ListenerBinding {
  readonly sockets: SharedListenSocket[] = [];
  private readonly listener: Listener;
  private readonly pool: ListenSockets;
  private readonly sharing: SocketSharing;
  private waiting = 0;
  private problem: Diagnostic | null = null;
  private cancelled = false;

  constructor(listener: Listener, pool: ListenSockets, sharing: SocketSharing) {
    this.listener = listener;
    this.pool = pool;
    this.sharing = sharing;
  }

  /** Calls back exactly once, possibly at once; null means bound. Not called after `release`. */
  bind(done: (problem: Diagnostic | null) => void): void {
    const { config } = this.listener;
    const addresses = config.bindToPort ? config.addresses.filter((one) => this.isMine(one)) : [];
    this.waiting = addresses.length + 1;
    const { backlog, name, identity } = config;
    for (const [index, address] of addresses.entries()) {
      const owner = `${name} ${index} ${identity}`;
      const settings = { backlog, reusePort: this.sharing.reusePort, owner };
      this.pool.acquire(address, settings, (result) => this.onResult(address, result, done));
    }
    this.settle(done);
  }

  /** From now on accepted sockets go to this listener. */
  takeSockets(): void {
    for (const socket of this.sockets) socket.target = this.listener;
  }

  /** Gives the sockets up. */
  release(): void {
    this.cancelled = true;
    for (const socket of this.sockets) this.pool.release(socket, this.listener);
    this.sockets.length = 0;
  }

  private isMine({ address }: ListenAddress): boolean {
    const shared = this.sharing.reusePort && address.path === undefined;
    return shared || this.sharing.bindsUnshared;
  }

  private onResult(
    address: ListenAddress,
    result: BindResult,
    done: (problem: Diagnostic | null) => void,
  ): void {
    if (result.kind === "failed") {
      this.problem ??= bindProblem(this.listener.config, address, result);
    } else if (this.cancelled) {
      this.pool.release(result.socket, this.listener);
      this.pool.sweep();
    } else {
      this.sockets.push(result.socket);
    }
    this.settle(done);
  }

  private settle(done: (problem: Diagnostic | null) => void): void {
    if (--this.waiting > 0 || this.cancelled) return;
    if (this.problem !== null) {
      this.release();
      this.pool.sweep();
    }
    this.sortSockets();
    done(this.problem);
  }

  /** As configured, whatever was bound first: the first address names the listener. */
  private sortSockets(): void {
    const order = this.listener.config.addresses.map(({ text }) => text);
    this.sockets.sort((a, b) => order.indexOf(a.text) - order.indexOf(b.text));
  }
}

/** What the system's words mean for the reader, and what to do. */
const BIND_PROBLEMS: Readonly<Record<string, readonly [string, string]>> = {
  EADDRINUSE: ["the address is in use", "stop what listens there, or use another port"],
  EACCES: ["no permission", "use a port from 1024 up, or grant CAP_NET_BIND_SERVICE"],
  EADDRNOTAVAIL: ["this machine does not have the address", "bind to 0.0.0.0 or ::"],
  EAFNOSUPPORT: ["the system has no such address family", "use an IPv4 address"],
  ENOENT: ["the folder does not exist", "create the folder of the socket"],
};

/** A failed bind in words. */
export function describeBindFailure(failure: { readonly code: string; readonly message: string }): {
  readonly meaning: string;
  readonly remedy: string;
} {
  const known = BIND_PROBLEMS[failure.code];
  const meaning = known?.[0] ?? `${failure.message} (${failure.code})`;
  return { meaning, remedy: known?.[1] ?? "use another address or port" };
}

/** The path is that inside the listener. */
function bindProblem(
  { name, addresses }: ListenerConfig,
  address: ListenAddress,
  failure: { readonly code: string; readonly message: string },
): Diagnostic {
  const { meaning, remedy } = describeBindFailure(failure);
  const index = addresses.indexOf(address);
  return {
    severity: "error",
    path: index <= 0 ? "address" : `additional_addresses[${index - 1}].address`,
    message: `Listener "${name}" cannot bind to ${address.text}: ${meaning}`,
    remedy,
  };
}
