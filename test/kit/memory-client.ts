// The two ends around a proxy on a MemoryNetwork: a downstream client and an upstream server. Both
// record what they get and send what the test says.
import type {
  ListenSocket,
  Socket,
  SocketAddress,
  SocketError,
  SocketEvents,
} from "../../src/platform/sockets.ts";
import type { MemoryNetwork } from "./memory-network.ts";

/** One end of a connection. */
export class MemoryPeer implements SocketEvents {
  socket!: Socket;
  connected = false;
  /** The proxy sent FIN. */
  ended = false;
  closed = false;
  error: SocketError | null = null;
  receivedBytes = 0;
  private readonly chunks: Buffer[] = [];

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

export interface MemoryClientOptions {
  /** Source address. */
  readonly from?: SocketAddress;
  /** Do not read until `socket.resume()`. */
  readonly paused?: boolean;
}

/** Connects at once. */
export class MemoryClient extends MemoryPeer {
  constructor(network: MemoryNetwork, address: SocketAddress, options: MemoryClientOptions = {}) {
    super();
    const source = options.from === undefined ? {} : { localAddress: options.from };
    this.socket = network.connect({ address, ...source }, this);
    if (options.paused === true) this.socket.pause();
  }
}

/** Accepts everything. */
export class MemoryServer {
  readonly peers: MemoryPeer[] = [];
  /** Accepted sockets do not read until resumed. */
  paused = false;
  private listening: ListenSocket | null = null;

  async listen(network: MemoryNetwork, address: SocketAddress): Promise<this> {
    this.listening = await network.listen({ address }, (socket) => {
      const peer = new MemoryPeer();
      peer.socket = socket;
      peer.connected = true;
      socket.events = peer;
      this.peers.push(peer);
      if (!this.paused) socket.resume();
    });
    return this;
  }

  /** The connection accepted last. */
  get last(): MemoryPeer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("nobody connected to the upstream");
    return peer;
  }

  close(): void {
    this.listening?.close();
  }
}
