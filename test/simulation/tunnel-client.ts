// A client that upgrades its connection to a tunnel: after 101 an upstream echoes what it sends.
import type { Socket, SocketEvents } from "../../src/platform/sockets.ts";
import type { ClientServices } from "./http-client.ts";
import type { RequestRecord } from "./ledger.ts";
import { bodyOf, foreignBytes } from "./payload.ts";
import { randomCuts, randomDelayMs } from "./random-pieces.ts";

export class SimulatedTunnelClient implements SocketEvents {
  readonly name: string;
  closed = false;
  private readonly services: ClientServices;
  private readonly socket: Socket;
  private readonly record: RequestRecord;
  /** Everything until the end of the answer's head. */
  private head: string | null = "";
  private sentBytes = 0;
  private receivedBytes = 0;

  constructor(name: string, port: number, services: ClientServices) {
    this.name = name;
    this.services = services;
    this.record = services.ledger.request(false, 0);
    this.socket = services.network.connect({ address: { ip: "127.0.0.1", port } }, this);
  }

  leave(): void {
    this.socket.destroy();
  }

  onConnect(): void {
    const path = this.services.random.pick(["/c0/", "/c1/", "/w/"]);
    const lines = [`GET ${path} HTTP/1.1`, "host: one", `x-id: ${this.record.id}`, "x-tunnel: 1"];
    lines.push("connection: Upgrade", "upgrade: websocket");
    this.services.ledger.note(() => `${this.name} asks for a tunnel with ${this.record.id}`);
    this.socket.writeText(`${lines.join("\r\n")}\r\n\r\n`);
    this.record.sent = true;
  }

  onBytes(buffer: Buffer, length: number): void {
    const text = buffer.toString("latin1", 0, length);
    if (this.head === null) this.onEcho(text);
    else this.onHeadBytes(this.head + text);
  }

  onEnd(): void {
    this.socket.destroy();
  }

  onDrain(): void {}

  onClose(): void {
    this.closed = true;
  }

  private onHeadBytes(text: string): void {
    this.head = text;
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.services.ledger.note(() => `${this.name} got ${text.slice(0, text.indexOf("\r\n"))}`);
    this.record.responseHeads++;
    if (!text.startsWith("HTTP/1.1 101 ")) {
      this.socket.destroy();
      return;
    }
    this.head = null;
    this.onEcho(text.slice(end + 4));
    this.sendThrough();
  }

  private sendThrough(): void {
    const { random, time } = this.services;
    const bytes = random.chance(0.2) ? random.below(150_000) : random.below(5000);
    const pieces = randomCuts(random, bodyOf("request", this.record.id, bytes));
    const next = (index: number): void => {
      if (this.closed) return;
      const piece = pieces[index];
      if (piece === undefined) {
        this.finish();
        return;
      }
      this.socket.writeText(piece);
      this.sentBytes += piece.length;
      time.after(randomDelayMs(random), () => next(index + 1), "tunnel client");
    };
    next(0);
  }

  private onEcho(text: string): void {
    const foreign = foreignBytes("request", this.record.id, this.receivedBytes, text);
    if (foreign !== "") this.fail(`foreign bytes: ${foreign}`);
    this.receivedBytes += text.length;
    if (this.receivedBytes > this.sentBytes) this.fail("more came back than was sent");
  }

  private finish(): void {
    const end = this.services.random.below(10);
    if (end < 5) this.socket.end();
    else if (end < 7) this.socket.resetAndDestroy();
    else if (end < 9) this.socket.destroy();
  }

  private fail(text: string): void {
    this.services.ledger.problem(`${this.name}: ${text}`);
  }
}
