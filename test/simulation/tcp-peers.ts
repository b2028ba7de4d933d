// Clients and echoing upstreams of the TCP listener: what comes back must be what was sent, in
// order, and whole when both ends closed in order.
import type {
  ListenSocket,
  Socket,
  SocketError,
  SocketEvents,
} from "../../src/platform/sockets.ts";
import type { ClientServices } from "./http-client.ts";
import { bodyOf, foreignBytes } from "./payload.ts";
import { randomCuts, randomDelayMs } from "./random-pieces.ts";

export class SimulatedTcpUpstream {
  private readonly port: number;
  private readonly services: ClientServices;
  private readonly sockets = new Set<Socket>();
  private listening: ListenSocket | null = null;

  constructor(port: number, services: ClientServices) {
    this.port = port;
    this.services = services;
  }

  async listen(): Promise<void> {
    const address = { ip: "127.0.0.1", port: this.port };
    this.listening = await this.services.network.listen({ address }, (socket) =>
      this.accept(socket),
    );
  }

  close(): void {
    this.listening?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    const { random, time, ledger } = this.services;
    this.sockets.add(socket);
    ledger.note(() => `tcp upstream ${this.port} accepted`);
    socket.events = {
      onConnect: () => undefined,
      onBytes: (buffer, length) => void socket.writeBytes(Buffer.from(buffer.subarray(0, length))),
      onEnd: () => socket.end(),
      onDrain: () => undefined,
      onClose: () => void this.sockets.delete(socket),
    };
    socket.resume();
    if (random.chance(0.2)) {
      const leave = (): void =>
        random.chance(0.5) ? socket.resetAndDestroy() : socket.destroySoon();
      time.after(random.below(3000), leave, "tcp upstream leaves");
    }
  }
}

export class SimulatedTcpClient implements SocketEvents {
  readonly name: string;
  closed = false;
  private readonly id: number;
  private readonly services: ClientServices;
  private readonly socket: Socket;
  private receivedBytes = 0;
  private sentBytes = 0;

  constructor(name: string, id: number, port: number, services: ClientServices) {
    this.name = name;
    this.id = id;
    this.services = services;
    this.socket = services.network.connect({ address: { ip: "127.0.0.1", port } }, this);
  }

  leave(): void {
    this.socket.destroy();
  }

  onConnect(): void {
    const { random, time } = this.services;
    const bytes = random.chance(0.2) ? random.below(200_000) : random.below(5000);
    const pieces = randomCuts(random, bodyOf("request", this.id, bytes));
    const next = (index: number): void => {
      if (this.closed) return;
      const piece = pieces[index];
      if (piece === undefined) {
        this.finish();
        return;
      }
      this.socket.writeText(piece);
      this.sentBytes += piece.length;
      time.after(randomDelayMs(random), () => next(index + 1), "tcp client");
    };
    next(0);
  }

  onBytes(buffer: Buffer, length: number): void {
    const text = buffer.toString("latin1", 0, length);
    const foreign = foreignBytes("request", this.id, this.receivedBytes, text);
    if (foreign !== "") this.fail(`foreign bytes: ${foreign}`);
    this.receivedBytes += length;
    if (this.receivedBytes > this.sentBytes) this.fail("more came back than was sent");
  }

  onEnd(): void {
    this.socket.destroy();
  }

  onDrain(): void {}

  onClose(_error: SocketError | null): void {
    this.closed = true;
  }

  private finish(): void {
    const { random } = this.services;
    const end = random.below(10);
    if (end < 6) this.socket.end();
    else if (end < 8) this.socket.resetAndDestroy();
    else if (end < 9) this.socket.destroy();
  }

  private fail(text: string): void {
    this.services.ledger.problem(`${this.name}: ${text}`);
  }
}
