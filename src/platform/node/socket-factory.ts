/**
 * `SocketFactory` over node:net. Accepted sockets are wrapped straight from their handle, because
 * only a socket that is
 * *made* with `onread` reads into shared memory; where Node has no such hook the public
 * 'connection' event is used.
 */
import { chmodSync, unlinkSync } from "node:fs";
import net from "node:net";
import type {
  ConnectOptions,
  ListenOptions,
  ListenSocket,
  Socket,
  SocketAddress,
  SocketEvents,
  SocketFactory,
} from "../sockets.ts";
import { NodeSocket, SOCKET_OPTIONS } from "./sockets.ts";

/** The part of Node's listening handle that accepts. Not public: checked before use. */
interface AcceptingHandle {
  onconnection: (status: number, client: object | undefined) => void;
}

const SYSTEM_BACKLOG = 4096;

export class NodeSocketFactory implements SocketFactory {
  listen(options: ListenOptions, onAccept: (socket: Socket) => void): Promise<ListenSocket> {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(listenArguments(options), () => {
        server.off("error", reject);
        // An accept that fails (EMFILE) must not end the process; the kernel keeps the connection
        // queued.
        server.on("error", () => undefined);
        acceptFrom(server, onAccept);
        resolve(new NodeListenSocket(server, options));
      });
    });
  }

  connect(options: ConnectOptions, events: SocketEvents): Socket {
    const socket = new NodeSocket(SOCKET_OPTIONS);
    socket.events = events;
    socket.once("connect", onConnect);
    socket.connect(connectArguments(options));
    return socket;
  }
}

class NodeListenSocket implements ListenSocket {
  readonly address: SocketAddress;
  private readonly server: net.Server;

  constructor(server: net.Server, options: ListenOptions) {
    this.server = server;
    const bound = server.address();
    this.address =
      bound === null || typeof bound === "string"
        ? options.address
        : { ip: bound.address, port: bound.port };
    if (options.mode !== undefined && this.address.path !== undefined) {
      chmodSync(this.address.path, options.mode);
    }
  }

  close(): void {
    this.server.close();
  }
}

function onConnect(this: NodeSocket): void {
  this.events.onConnect();
}

function acceptFrom(server: net.Server, onAccept: (socket: Socket) => void): void {
  const handle = (server as unknown as { _handle: AcceptingHandle | null })._handle;
  if (handle === null || typeof handle.onconnection !== "function") {
    server.on("connection", (socket) => onAccept(rewrap(socket)));
    return;
  }
  handle.onconnection = (status, client): void => {
    if (status === 0 && client !== undefined) onAccept(wrap(client));
  };
}

function wrap(handle: object): NodeSocket {
  // With `noDelay` among the options Node would believe that the handle has it already: it tells
  // only handles that it connected itself.
  const options = { ...SOCKET_OPTIONS, noDelay: false, handle, manualStart: true };
  const socket = new NodeSocket(options);
  socket.setNoDelay(true);
  return socket;
}

/** Moves the handle of a public socket into one of ours. */
function rewrap(socket: net.Socket): NodeSocket {
  const bare = socket as unknown as { _handle: object | null };
  const handle = bare._handle as object;
  bare._handle = null;
  socket.destroy();
  return wrap(handle);
}

function listenArguments(options: ListenOptions): net.ListenOptions {
  const { address } = options;
  const backlog = options.backlog ?? SYSTEM_BACKLOG;
  if (options.descriptor !== undefined) return { fd: options.descriptor, backlog } as object;
  if (address.path !== undefined) {
    if (!address.path.startsWith("@")) removeStaleSocket(address.path);
    return { path: abstractPath(address.path), backlog };
  }
  return {
    host: address.ip,
    port: address.port,
    backlog,
    reusePort: options.reusePort === true,
    ipv6Only: options.ipv6Only === true,
  };
}

function removeStaleSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Nothing there: the bind itself reports anything else.
  }
}

function connectArguments(options: ConnectOptions): net.SocketConnectOpts {
  const { address, localAddress } = options;
  if (address.path !== undefined) return { path: abstractPath(address.path) };
  const target = { host: address.ip, port: address.port };
  if (localAddress === undefined) return target;
  return { ...target, localAddress: localAddress.ip, localPort: localAddress.port };
}

function abstractPath(path: string): string {
  return path.startsWith("@") ? `\0${path.slice(1)}` : path;
}
