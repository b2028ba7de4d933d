// hot: per chunk
/**
 * `Socket` over node:net. One subclass of `net.Socket` carries the event receiver, so that a
 * connection needs no closure and no read buffer of its own.
 */
import net from "node:net";
import { latin1Write } from "../../base/latin1.ts";
import {
  type Socket,
  type SocketAddress,
  type SocketError,
  type SocketEvents,
  TEXT_AND_BYTES_MAX,
} from "../sockets.ts";
import { originalDestination } from "./original-destination.ts";
import {
  beginRead,
  endRead,
  giveBack,
  isBorrowed,
  isStreamBuffer,
  nextReadBuffer,
  takeOver,
} from "./read-buffers.ts";

/**
 * Smaller borrowed writes are copied; `net.Socket` promises 'drain' for a pending write of at least
 * this size.
 */
const TAKE_OVER_MIN_BYTES = 16384;
/** A read of this size marks the connection as streaming. */
const STREAMING_MIN_BYTES = 32768;

const silent: SocketEvents = {
  onConnect: () => undefined,
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

/** Where text and bytes meet before they are written; free again once the kernel took them. */
let staging: Buffer = Buffer.allocUnsafeSlow(TEXT_AND_BYTES_MAX);

const onread = {
  buffer: nextReadBuffer,
  callback(this: NodeSocket, length: number, buffer: Buffer): boolean {
    beginRead(buffer);
    this.events.onBytes(buffer, length);
    this.streaming = length >= (this.streaming ? TAKE_OVER_MIN_BYTES : STREAMING_MIN_BYTES);
    endRead(this.streaming);
    return true;
  },
};

/** What every socket is made with, accepted or outgoing. */
export const SOCKET_OPTIONS: object = {
  onread,
  allowHalfOpen: true,
  noDelay: true,
  writableHighWaterMark: TAKE_OVER_MIN_BYTES,
};

export class NodeSocket extends net.Socket implements Socket {
  events: SocketEvents = silent;
  streaming = false;
  /** A read buffer that a pending write of ours still uses. */
  taken: Buffer | null = null;
  failure: SocketError | null = null;

  constructor(options: object) {
    super(options as net.SocketConstructorOpts);
    this.on("end", onEnd);
    this.on("drain", onDrain);
    this.on("error", onError);
    this.on("close", onClose);
  }

  get descriptor(): number {
    return (this as unknown as { _handle: { fd?: number } | null })._handle?.fd ?? -1;
  }

  writeText(text: string): boolean {
    return this.write(text, "latin1");
  }

  writeTextAndBytes(text: string, bytes: Uint8Array): boolean {
    const length = latin1Write(staging, text, 0);
    staging.set(bytes, length);
    const result = this.write(staging.subarray(0, length + bytes.length));
    // A write that the kernel did not take at once still refers to the staging buffer.
    if (this.writableLength !== 0) staging = Buffer.allocUnsafeSlow(TEXT_AND_BYTES_MAX);
    return result;
  }

  writeBytes(bytes: Uint8Array): boolean {
    if (!isBorrowed(bytes)) return this.write(bytes);
    if (this.taken !== null || bytes.length < TAKE_OVER_MIN_BYTES || !isStreamBuffer(bytes)) {
      return this.write(Buffer.from(bytes));
    }
    this.write(bytes);
    if (this.writableLength === 0) return true;
    this.taken = takeOver();
    return false;
  }

  localSocketAddress(): SocketAddress {
    return socketAddress(this.localAddress, this.localPort);
  }

  remoteSocketAddress(): SocketAddress {
    const remote = this.remoteAddress;
    // Without a local address either it is a Unix socket; else the peer has gone already.
    if (remote === undefined && this.localAddress !== undefined) return { ip: "", port: 0 };
    return socketAddress(remote, this.remotePort);
  }

  originalDestination(): SocketAddress | null {
    const { ip } = this.localSocketAddress();
    return originalDestination(this.descriptor, ip.includes(":"));
  }

  /** @internal */
  releaseTaken(): void {
    if (this.taken !== null) giveBack(this.taken);
    this.taken = null;
  }
}

/** IPv4 clients of a dual-stack socket show up as IPv4. */
const MAPPED_PREFIX = "::ffff:";

function socketAddress(ip: string | undefined, port: number | undefined): SocketAddress {
  if (ip === undefined) return { ip: "", port: 0, path: "" };
  const mapped = ip.startsWith(MAPPED_PREFIX) && ip.includes(".");
  return { ip: mapped ? ip.slice(MAPPED_PREFIX.length) : ip, port: port ?? 0 };
}

function onEnd(this: NodeSocket): void {
  this.events.onEnd();
}

function onDrain(this: NodeSocket): void {
  this.releaseTaken();
  this.events.onDrain();
}

function onError(this: NodeSocket, error: NodeJS.ErrnoException): void {
  this.failure = { code: error.code ?? "UNKNOWN", message: error.message };
}

function onClose(this: NodeSocket): void {
  this.releaseTaken();
  const events = this.events;
  this.events = silent;
  events.onClose(this.failure);
}
