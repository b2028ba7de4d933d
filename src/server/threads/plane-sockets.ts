/**
 * Sockets of a worker: it listens where the main thread has bound, and meanwhile on the sockets of
 * a worker that died.
 */
import type {
  ConnectOptions,
  ListenOptions,
  ListenSocket,
  Socket,
  SocketAddress,
  SocketEvents,
  SocketFactory,
} from "../../platform/sockets.ts";
import type { MessageCalls } from "./message-calls.ts";
import type { ListenAnswer, ToServer } from "./plane-messages.ts";

type Accept = (socket: Socket) => void;

interface Listening {
  readonly options: ListenOptions;
  readonly accept: Accept;
}

export class PlaneSockets implements SocketFactory {
  private readonly sockets: SocketFactory;
  private readonly calls: MessageCalls<ToServer>;
  private readonly listening = new Map<string, Listening>();
  private readonly adopted = new Map<string, ListenSocket[]>();

  constructor(sockets: SocketFactory, calls: MessageCalls<ToServer>) {
    this.sockets = sockets;
    this.calls = calls;
  }

  connect(options: ConnectOptions, events: SocketEvents): Socket {
    return this.sockets.connect(options, events);
  }

  async listen(options: ListenOptions, accept: Accept): Promise<ListenSocket> {
    const answer = await this.calls.ask<ListenAnswer>({ kind: "listen", options });
    if (answer === null) throw systemError("ECANCELED", "the main thread ended");
    if (answer.kind === "failed") throw systemError(answer.code, answer.message);
    const { address, descriptor } = answer;
    const port = options.sharedKey ?? "";
    const bound = descriptor < 0 ? { ...options, address } : { ...options, address, descriptor };
    const socket = await this.sockets.listen(bound, accept);
    this.listening.set(port, { options: { ...options, address }, accept });
    return new SharedListenSocket(socket, address, () => this.closed(port));
  }

  /** Accepts on one more socket of a port; does nothing when this worker does not listen there. */
  async adopt(port: string, descriptor: number): Promise<void> {
    const listening = this.listening.get(port);
    if (listening === undefined) return;
    const { options, accept } = listening;
    const socket = await this.sockets.listen({ ...options, descriptor }, accept);
    if (this.listening.get(port) !== listening) {
      socket.close();
      return;
    }
    const adopted = this.adopted.get(port) ?? [];
    adopted.push(socket);
    this.adopted.set(port, adopted);
  }

  /** Accepts on its own sockets only. */
  giveBack(): void {
    for (const sockets of this.adopted.values()) for (const socket of sockets) socket.close();
    this.adopted.clear();
  }

  private closed(port: string): void {
    this.listening.delete(port);
    for (const socket of this.adopted.get(port) ?? []) socket.close();
    this.adopted.delete(port);
    this.calls.tell({ kind: "unlisten", port });
  }
}

class SharedListenSocket implements ListenSocket {
  readonly address: SocketAddress;
  private readonly socket: ListenSocket;
  private readonly onClose: () => void;

  constructor(socket: ListenSocket, address: SocketAddress, onClose: () => void) {
    this.socket = socket;
    this.address = address;
    this.onClose = onClose;
  }

  close(): void {
    this.socket.close();
    this.onClose();
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
