// One end of a connection inside MemoryNetwork. Behaves as the real socket does: borrowed read
// buffers that are overwritten after the callback, a kernel buffer of limited size, 'drain' only
// after a write that was refused, a paused reader that does not notice the end.
import type {
  Socket,
  SocketAddress,
  SocketError,
  SocketEvents,
} from "../../src/platform/sockets.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** How bytes travel between two sockets. */
export interface Link {
  /** One way, in ms. */
  readonly latencyMs: number;
  /** Largest number of bytes of one read; a function is asked per read. */
  readonly chunkBytes: number | (() => number);
  /** What the two kernels hold for one direction before the writer has to wait. */
  readonly kernelBytes: number;
}

const READ_MAX = 65536;
/** A write that leaves at least this much waiting is answered by `onDrain` (as the real socket). */
const DRAIN_MIN_BYTES = 16384;
const OVERWRITE = 0xdd;

/** Every read of every memory socket goes through this buffer: who keeps it sees 0xdd. */
const readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_MAX);
let reading = false;

const silent: SocketEvents = {
  onConnect: () => undefined,
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

export class MemorySocket implements Socket {
  events: SocketEvents = silent;
  readonly descriptor: number = -1;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly original: SocketAddress | null;
  /** Bytes the kernel took from this side. */
  sentBytes = 0;
  noDelay = false;
  keepAliveMs = -1;
  destroyed = false;
  paused: boolean;
  private readonly time: SimulatedTime;
  private readonly link: Link;
  private readonly onGone: (socket: MemorySocket) => void;
  private peer: MemorySocket | null = null;
  private queue: Buffer[] = [];
  private queuedBytes = 0;
  private corked = 0;
  private needDrain = false;
  private ending = false;
  private destroyAfterEnd = false;
  private finSent = false;
  /** Bytes under way to the peer or unread there. */
  private inFlightBytes = 0;
  private lastArrivalMs = 0;
  private arrived: Buffer[] = [];
  private arrivedBytes = 0;
  private finArrived = false;
  private endDelivered = false;
  private resetArrived = false;
  private deliveryDue = false;
  private closeDue = false;

  constructor(
    time: SimulatedTime,
    link: Link,
    addresses: { local: SocketAddress; remote: SocketAddress; original: SocketAddress | null },
    onGone: (socket: MemorySocket) => void,
    paused: boolean,
  ) {
    this.time = time;
    this.link = link;
    this.local = addresses.local;
    this.remote = addresses.remote;
    this.original = addresses.original;
    this.onGone = onGone;
    this.paused = paused;
  }

  /** @internal Joins the two ends. */
  join(peer: MemorySocket): void {
    this.peer = peer;
    this.pump();
  }

  get writableLength(): number {
    return this.queuedBytes;
  }

  /** True between the accept or connect and `onClose`. */
  get connected(): boolean {
    return this.peer !== null && !this.destroyed;
  }

  writeTextAndBytes(text: string, bytes: Uint8Array): boolean {
    return this.enqueue(Buffer.concat([Buffer.from(text, "latin1"), bytes]));
  }

  writeText(text: string): boolean {
    return this.enqueue(Buffer.from(text, "latin1"));
  }

  writeBytes(bytes: Uint8Array): boolean {
    const borrowed = reading && bytes.buffer === readBuffer.buffer;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.enqueue(borrowed ? Buffer.from(view) : view);
  }

  cork(): void {
    this.corked++;
  }

  uncork(): void {
    if (this.corked > 0 && --this.corked === 0) this.pump();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (this.destroyed) return;
    this.paused = false;
    this.deliverSoon();
  }

  end(): void {
    if (this.ending || this.destroyed) return;
    this.ending = true;
    this.pump();
  }

  destroySoon(): void {
    this.destroyAfterEnd = true;
    this.end();
    if (this.finSent) this.destroy();
  }

  destroy(): void {
    this.vanish(this.arrivedBytes > 0);
    this.closeSoon(null);
  }

  resetAndDestroy(): void {
    this.vanish(true);
    this.closeSoon(null);
  }

  setNoDelay(enabled: boolean): void {
    this.noDelay = enabled;
  }

  setKeepAlive(enabled: boolean, initialDelayMs: number): void {
    this.keepAliveMs = enabled ? initialDelayMs : -1;
  }

  localSocketAddress(): SocketAddress {
    return this.local;
  }

  remoteSocketAddress(): SocketAddress {
    return this.remote;
  }

  originalDestination(): SocketAddress | null {
    return this.original;
  }

  /** Ends with an error, as a failed connect or a reset does. */
  fail(code: string, message: string): void {
    this.vanish(false);
    this.closeSoon({ code, message });
  }

  private enqueue(bytes: Buffer): boolean {
    if (this.destroyed) return false;
    if (this.ending) {
      this.fail("ERR_STREAM_WRITE_AFTER_END", "write after end");
      return false;
    }
    this.queue.push(bytes);
    this.queuedBytes += bytes.length;
    const accepted = this.queuedBytes < DRAIN_MIN_BYTES;
    if (!accepted) this.needDrain = true;
    this.pump();
    return accepted;
  }

  private pump(): void {
    if (this.peer === null || this.corked > 0 || this.destroyed) return;
    if (this.resetArrived && this.queue.length > 0) {
      this.fail("ECONNRESET", "write ECONNRESET");
      return;
    }
    while (this.queue.length > 0 && this.inFlightBytes < this.link.kernelBytes) this.sendSome();
    if (this.queue.length > 0) return;
    if (this.needDrain) this.drainSoon();
    if (this.ending && !this.finSent) this.sendFin(this.peer);
  }

  private sendSome(): void {
    const head = this.queue[0]!;
    const length = Math.min(head.length, this.link.kernelBytes - this.inFlightBytes);
    // The copy is the kernel's: later changes of the caller's bytes do not reach the peer.
    const segment = Buffer.from(head.subarray(0, length));
    if (length === head.length) this.queue.shift();
    else this.queue[0] = head.subarray(length);
    this.queuedBytes -= length;
    this.inFlightBytes += length;
    this.sentBytes += length;
    const peer = this.peer!;
    this.travel("bytes", () => peer.arrive(segment));
  }

  private sendFin(peer: MemorySocket): void {
    this.finSent = true;
    this.travel("fin", () => peer.arriveFin());
    if (this.destroyAfterEnd) this.destroy();
    else if (this.endDelivered) this.destroy();
  }

  private drainSoon(): void {
    this.needDrain = false;
    this.time.after(
      0,
      () => {
        if (!this.destroyed) this.events.onDrain();
      },
      "drain",
    );
  }

  /** Keeps the order of what was sent, whatever the latency does. */
  private travel(label: string, arrive: () => void): void {
    const nowMs = this.time.monotonicMs();
    this.lastArrivalMs = Math.max(this.lastArrivalMs, nowMs + this.link.latencyMs);
    this.time.after(this.lastArrivalMs - nowMs, arrive, label);
  }

  private arrive(segment: Buffer): void {
    if (this.destroyed) {
      const peer = this.peer!;
      peer.inFlightBytes -= segment.length;
      this.travel("reset", () => peer.arriveReset());
      return;
    }
    this.arrived.push(segment);
    this.arrivedBytes += segment.length;
    this.deliverSoon();
  }

  private arriveFin(): void {
    this.finArrived = true;
    this.deliverSoon();
  }

  private arriveReset(): void {
    this.resetArrived = true;
    if (this.queue.length > 0) this.pump();
    this.deliverSoon();
  }

  private deliverSoon(): void {
    if (this.deliveryDue || this.paused || this.destroyed) return;
    if (this.arrivedBytes === 0 && !this.resetArrived && !this.endDue) return;
    this.deliveryDue = true;
    this.time.after(0, () => this.deliver(), "read");
  }

  private get endDue(): boolean {
    return this.finArrived && !this.endDelivered;
  }

  private deliver(): void {
    this.deliveryDue = false;
    if (this.paused || this.destroyed) return;
    if (this.arrivedBytes > 0) this.deliverBytes();
    else if (this.resetArrived) this.fail("ECONNRESET", "read ECONNRESET");
    else if (this.endDue) this.deliverEnd();
    this.deliverSoon();
  }

  private deliverBytes(): void {
    const length = this.readIntoBuffer();
    const peer = this.peer!;
    this.time.after(this.link.latencyMs, () => peer.acknowledge(length), "window");
    reading = true;
    try {
      this.events.onBytes(readBuffer, length);
    } finally {
      reading = false;
      readBuffer.fill(OVERWRITE, 0, length);
    }
  }

  private deliverEnd(): void {
    this.endDelivered = true;
    this.events.onEnd();
    if (this.finSent) this.destroy();
  }

  private acknowledge(length: number): void {
    this.inFlightBytes -= length;
    this.pump();
  }

  private readIntoBuffer(): number {
    const { chunkBytes } = this.link;
    const chunk = typeof chunkBytes === "number" ? chunkBytes : chunkBytes();
    const wanted = Math.min(Math.max(1, chunk), READ_MAX, this.arrivedBytes);
    let at = 0;
    while (at < wanted) {
      const head = this.arrived[0]!;
      const length = Math.min(head.length, wanted - at);
      head.copy(readBuffer, at, 0, length);
      if (length === head.length) this.arrived.shift();
      else this.arrived[0] = head.subarray(length);
      at += length;
    }
    this.arrivedBytes -= wanted;
    return wanted;
  }

  /** The descriptor is gone; what the kernel already has still travels. */
  private vanish(reset: boolean): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.queue = [];
    this.queuedBytes = 0;
    this.arrived = [];
    this.arrivedBytes = 0;
    const peer = this.peer;
    if (peer === null || this.resetArrived) return;
    if (reset) this.travel("reset", () => peer.arriveReset());
    else if (!this.finSent) this.travel("fin", () => peer.arriveFin());
    this.finSent = true;
  }

  private closeSoon(error: SocketError | null): void {
    if (this.closeDue) return;
    this.closeDue = true;
    this.time.after(
      0,
      () => {
        this.onGone(this);
        const { events } = this;
        this.events = silent;
        events.onClose(error);
      },
      "close",
    );
  }
}
