/**
 * Listening sockets by address, shared by the old and the new version of a listener so that an
 * update has no accept gap. Envoy: `ListenSocketFactoryImpl` and its clone on update.
 */
import type { ListenSocket, Socket, SocketAddress, SocketFactory } from "../platform/sockets.ts";
import type { ListenAddress } from "./listener-address.ts";

/** Takes accepted sockets. */
export interface AcceptTarget {
  /**
   * `local` is known without asking the socket when the bound address is no wildcard, else null.
   */
  accept(socket: Socket, local: SocketAddress | null): void;
}

export interface ListenSettings {
  readonly backlog: number | undefined;
  readonly reusePort: boolean;
  /** What tells one port 0 from another, alike on all data planes. */
  readonly owner: string;
}

/** One bound address. */
export class SharedListenSocket {
  readonly text: string;
  target: AcceptTarget | null = null;
  /** Listeners that use it or wait for it; closed by `sweep` at zero. */
  users = 0;
  /** Who waits for it to be bound. */
  readonly waiting: ((result: BindResult) => void)[] = [];
  socket: ListenSocket | null = null;
  private local: SocketAddress | null = null;

  constructor(text: string) {
    this.text = text;
  }

  /** The address with its real port; null until bound. */
  get address(): SocketAddress | null {
    return this.socket?.address ?? null;
  }

  /** @internal */
  bound(socket: ListenSocket): void {
    this.socket = socket;
    const { ip, path } = socket.address;
    this.local = path !== undefined || !isWildcard(ip) ? socket.address : null;
  }

  /** @internal */
  readonly onAccept = (socket: Socket): void => {
    if (this.target === null) socket.destroy();
    else this.target.accept(socket, this.local);
  };
}

/** Why an address could not be bound. */
export type BindResult =
  | { readonly kind: "bound"; readonly socket: SharedListenSocket }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export class ListenSockets {
  private readonly factory: SocketFactory;
  private readonly byKey = new Map<string, SharedListenSocket>();
  private unshared = 0;

  constructor(factory: SocketFactory) {
    this.factory = factory;
  }

  /**
   * The socket of an address: at once when it is bound, else after binding. The caller counts as a
   * user from now on, unless binding fails.
   */
  acquire(
    address: ListenAddress,
    settings: ListenSettings,
    done: (result: BindResult) => void,
  ): void {
    const key = this.keyOf(address);
    const existing = this.byKey.get(key);
    const shared = existing ?? new SharedListenSocket(address.text);
    shared.users++;
    if (shared.socket !== null) {
      done({ kind: "bound", socket: shared });
      return;
    }
    shared.waiting.push(done);
    if (existing !== undefined) return;
    this.byKey.set(key, shared);
    this.bind(key, shared, address, settings);
  }

  /** One user less. The socket stays until `sweep`, so that another listener may take it over. */
  release(socket: SharedListenSocket, target: AcceptTarget): void {
    socket.users--;
    if (socket.target === target) socket.target = null;
  }

  /** Closes sockets without users. */
  sweep(): void {
    for (const [key, shared] of this.byKey) {
      if (shared.users > 0 || shared.socket === null) continue;
      this.byKey.delete(key);
      shared.socket.close();
    }
  }

  private bind(
    key: string,
    shared: SharedListenSocket,
    address: ListenAddress,
    settings: ListenSettings,
  ): void {
    const options = {
      address: address.address,
      reusePort: settings.reusePort,
      ipv6Only: address.ipv6Only,
      sharedKey: isPortZero(address) ? `${address.text} ${settings.owner}` : address.text,
      ...(settings.backlog === undefined ? {} : { backlog: settings.backlog }),
      ...(address.mode === undefined ? {} : { mode: address.mode }),
    };
    this.factory.listen(options, shared.onAccept).then(
      (socket) => {
        shared.bound(socket);
        answer(shared, { kind: "bound", socket: shared });
      },
      (error: Error & { code?: string }) => {
        this.byKey.delete(key);
        const { code = "UNKNOWN", message } = error;
        answer(shared, { kind: "failed", code, message });
      },
    );
  }

  /** Port 0 asks for a port of its own each time. */
  private keyOf(address: ListenAddress): string {
    return isPortZero(address) ? `${address.text}#${this.unshared++}` : address.text;
  }
}

function isPortZero({ address }: ListenAddress): boolean {
  return address.port === 0 && address.path === undefined;
}

function answer(shared: SharedListenSocket, result: BindResult): void {
  const waiting = shared.waiting.splice(0);
  for (const done of waiting) done(result);
}

function isWildcard(ip: string): boolean {
  return ip === "0.0.0.0" || ip === "::";
}
