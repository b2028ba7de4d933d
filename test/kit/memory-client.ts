// A downstream client on a MemoryNetwork: records what it gets, sends what the test says.
import type { Socket, SocketAddress, SocketError } from "../../src/platform/sockets.ts";
import type { MemoryNetwork } from "./memory-network.ts";

export interface MemoryClientOptions {
  /** Source address. */
  readonly from?: SocketAddress;
  /** Do not read until `socket.resume()`. */
  readonly paused?: boolean;
}

export class MemoryClient {
  readonly socket: Socket;
  connected = false;
  /** The proxy sent FIN. */
  ended = false;
  closed = false;
  error: SocketError | null = null;
  receivedBytes = 0;
  private readonly chunks: Buffer[] = [];

  constructor(network: MemoryNetwork, address: SocketAddress, options: MemoryClientOptions = {}) {
    const source = options.from === undefined ? {} : { localAddress: options.from };
    this.socket = network.connect({ address, ...source }, this);
    if (options.paused === true) this.socket.pause();
  }

  /** Everything received so far, one character per byte. */
  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  send(data: string | Uint8Array): void {
    if (typeof data === "string") this.socket.writeText(data);
    else this.socket.writeBytes(data);
  }

  end(): void {
    this.socket.end();
  }

  onConnect(): void {
    this.connected = true;
  }

  onBytes(buffer: Buffer, length: number): void {
    this.receivedBytes += length;
    this.chunks.push(Buffer.from(buffer.subarray(0, length)));
  }

  onEnd(): void {
    this.ended = true;
  }

  onDrain(): void {}

  onClose(error: SocketError | null): void {
    this.closed = true;
    this.error = error;
  }
}
