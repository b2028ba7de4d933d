// A socket that takes everything and does nothing, so that a bench measures what stands above it.
import type { Socket, SocketAddress, SocketEvents } from "../../src/platform/sockets.ts";

const LOCAL: SocketAddress = { ip: "127.0.0.1", port: 80 };
const REMOTE: SocketAddress = { ip: "10.1.2.3", port: 40_000 };

export class StubSocket implements Socket {
  events!: SocketEvents;
  writableLength = 0;
  readonly descriptor: number = -1;
  writes = 0;

  writeTextAndBytes(): boolean {
    return true;
  }

  writeText(): boolean {
    this.writes++;
    return true;
  }

  writeBytes(): boolean {
    this.writes++;
    return true;
  }

  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroySoon(): void {}
  destroy(): void {}
  resetAndDestroy(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}

  localSocketAddress(): SocketAddress {
    return LOCAL;
  }

  remoteSocketAddress(): SocketAddress {
    return REMOTE;
  }

  originalDestination(): SocketAddress | null {
    return null;
  }
}
