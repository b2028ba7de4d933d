/**
 * Stream sockets as the proxy sees them. `Socket` names its methods as `net.Socket` does; reading
 * is by callback into a buffer that is only valid during the call, so that idle connections own no
 * read buffer.
 */

/** An IP address and port, or a Unix socket path. */
export interface SocketAddress {
  /** IPv4 or IPv6 text without brackets; "" for a pipe. */
  readonly ip: string;
  readonly port: number;
  /** Set for a Unix domain socket; a leading "@" is the abstract namespace. */
  readonly path?: string;
}

/**
 * Why a socket ended. `code` is the operating system's word (ECONNREFUSED, ECONNRESET, ETIMEDOUT,
 * …).
 */
export interface SocketError {
  readonly code: string;
  readonly message: string;
}

/**
 * Receives what happens on one socket. Every method is called from the event loop, never from
 * inside a socket call.
 */
export interface SocketEvents {
  /** The connection is established (outgoing sockets only). */
  onConnect(): void;
  /**
   * `length` bytes arrived at the start of `buffer`. The buffer is borrowed: copy what must outlive
   * the call.
   */
  onBytes(buffer: Buffer, length: number): void;
  /** The peer sent FIN; writing is still possible. */
  onEnd(): void;
  /** Everything that was waiting to be written has been handed to the kernel. */
  onDrain(): void;
  /** Exactly once, last. Null means an orderly close. */
  onClose(error: SocketError | null): void;
}

/** Limit of `Socket.writeTextAndBytes`. */
export const TEXT_AND_BYTES_MAX: number = 65536;

export interface Socket {
  /** Must be set in the same tick in which the socket was accepted or made. */
  events: SocketEvents;
  /** Writes text, one byte per character (latin1). */
  writeText(text: string): boolean;
  /**
   * Writes bytes. A view of the buffer of the running `onBytes` call is allowed: the socket copies,
   * or takes the buffer over, when the kernel does not accept everything at once. Other bytes must
   * not change until written. False when much data is waiting: `onDrain` follows.
   */
  writeBytes(bytes: Uint8Array): boolean;
  /**
   * Writes text and the bytes after it in one go: a head and a small body. The bytes may be
   * borrowed; they are copied. At most `TEXT_AND_BYTES_MAX` together.
   */
  writeTextAndBytes(text: string, bytes: Uint8Array): boolean;
  /** Between cork and uncork, writes are collected into one system call. */
  cork(): void;
  uncork(): void;
  /** Bytes accepted by `write` and not yet by the kernel. */
  readonly writableLength: number;
  /** Stops and restarts reading. Accepted sockets start paused, outgoing ones reading. */
  pause(): void;
  resume(): void;
  /** Sends FIN after everything written so far. */
  end(): void;
  /** Closes as soon as everything written so far has left. */
  destroySoon(): void;
  /** Closes at once; pending data is lost. */
  destroy(): void;
  /** Closes at once with RST. */
  resetAndDestroy(): void;
  setNoDelay(enabled: boolean): void;
  setKeepAlive(enabled: boolean, initialDelayMs: number): void;
  /** File descriptor, for socket options; -1 when there is none. */
  readonly descriptor: number;
  localSocketAddress(): SocketAddress;
  remoteSocketAddress(): SocketAddress;
  /**
   * Where the client meant to go before a firewall redirected it (SO_ORIGINAL_DST); null when it
   * was not redirected.
   */
  originalDestination(): SocketAddress | null;
}

export interface ListenOptions {
  readonly address: SocketAddress;
  /** Pending connections the kernel keeps; undefined = the system's maximum. */
  readonly backlog?: number;
  /** One socket per data plane on the same port (Linux). */
  readonly reusePort?: boolean;
  readonly ipv6Only?: boolean;
  /**
   * Listens on a socket that is bound already, and owns this descriptor of it from now on. The
   * address is only told.
   */
  readonly descriptor?: number;
  /** Which socket it is, where several data planes share one: equal on each of them. */
  readonly sharedKey?: string;
  /** Permission bits of a Unix socket file. */
  readonly mode?: number;
}

/** A listening socket. */
export interface ListenSocket {
  /** The bound address: tells the real port when 0 was asked for. */
  readonly address: SocketAddress;
  close(): void;
}

export interface ConnectOptions {
  readonly address: SocketAddress;
  /** Source address to bind to before connecting. */
  readonly localAddress?: SocketAddress;
}

export interface SocketFactory {
  /**
   * Resolves once bound; rejects with an Error whose `code` is the system's word (EADDRINUSE,
   * EACCES, …).
   */
  listen(options: ListenOptions, onAccept: (socket: Socket) => void): Promise<ListenSocket>;
  /** Begins to connect; the outcome arrives as `onConnect` or `onClose`. */
  connect(options: ConnectOptions, events: SocketEvents): Socket;
}

/** `ip:port`, `[ip]:port` for IPv6, or the path of a pipe: Envoy's `Address::asString`. */
export function formatSocketAddress(address: SocketAddress): string {
  if (address.path !== undefined) return address.path;
  return address.ip.includes(":")
    ? `[${address.ip}]:${address.port}`
    : `${address.ip}:${address.port}`;
}
