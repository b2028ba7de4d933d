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
}

/** One bound address. */
export class SharedListenSocket {
  readonly text: string;
  target: AcceptTarget | null = null;
  /** Listeners that use it; closed by `sweep` at zero. */
  users = 0;
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
  private readonly byText = new Map<string, SharedListenSocket>();

  constructor(factory: SocketFactory) {
    this.factory = factory;
  }

  /**
   * The socket of an address: an existing one at once, else after binding. The caller counts as a
   * user of what it gets.
   */
  acquire(
    address: ListenAddress,
    settings: ListenSettings,
    done: (result: BindResult) => void,
  ): void {
    // Port 0 asks for a port of its own each time.
    const existing =
      address.address.port === 0 && address.address.path === undefined
        ? undefined
        : this.byText.get(address.text);
    if (existing !== undefined && existing.socket !== null) {
      existing.users++;
      done({ kind: "bound", socket: existing });
      return;
    }
    this.bind(address, settings, done);
  }

  /** One user less. The socket stays until `sweep`, so that another listener may take it over. */
  release(socket: SharedListenSocket, target: AcceptTarget): void {
    socket.users--;
    if (socket.target === target) socket.target = null;
  }

  /** Closes sockets without users. */
  sweep(): void {
    for (const [key, socket] of this.byText) {
      if (socket.users > 0) continue;
      this.byText.delete(key);
      socket.socket?.close();
      socket.socket = null;
    }
  }

  private bind(
    address: ListenAddress,
    settings: ListenSettings,
    done: (result: BindResult) => void,
  ): void {
    const shared = new SharedListenSocket(address.text);
    const options = {
      address: address.address,
      reusePort: settings.reusePort,
      ipv6Only: address.ipv6Only,
      ...(settings.backlog === undefined ? {} : { backlog: settings.backlog }),
      ...(address.mode === undefined ? {} : { mode: address.mode }),
    };
    this.factory.listen(options, shared.onAccept).then(
      (socket) => {
        shared.bound(socket);
        shared.users = 1;
        this.byText.set(this.keyOf(address, shared), shared);
        done({ kind: "bound", socket: shared });
      },
      (error: Error & { code?: string }) => {
        done({ kind: "failed", code: error.code ?? "UNKNOWN", message: error.message });
      },
    );
  }

  /** Sockets on port 0 are never shared, so that their key needs to be unique only. */
  private keyOf(address: ListenAddress, shared: SharedListenSocket): string {
    const real = shared.address;
    return address.address.port === 0 && real?.path === undefined
      ? `${address.text}#${real?.port}`
      : address.text;
  }
}

function isWildcard(ip: string): boolean {
  return ip === "0.0.0.0" || ip === "::";
}
