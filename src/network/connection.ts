// hot: per chunk
/**
 * A downstream or upstream connection: writes collected per event, watermarks, half close, delayed
 * close. Envoy: `Network::ConnectionImpl` (source/common/network/connection_impl.cc). Not here:
 * filter chains (`filter-manager.ts`).
 */
import { latin1Slice } from "../base/latin1.ts";
import type { Dispatcher, Flushable } from "../platform/dispatcher.ts";
import type { Socket, SocketError, SocketEvents } from "../platform/sockets.ts";
import type { Timer, TimerOwner } from "../platform/time.ts";
import type { Counter } from "../stats/counter.ts";

/** Text waits for the end of the event up to this size; larger output is written at once. */
const COALESCE_MAX = 16384;
/** Byte chunks up to this size travel inside the coalesced text: cheaper than a second write. */
const INLINE_MAX = 4096;
/**
 * Back-pressure starts here at the latest, whatever the configured limit: memory per slow reader
 * stays small.
 */
const WATERMARK_CAP = 131072;
/** Below this the socket does not announce that waiting output has left (`onDrain`). */
const WATERMARK_FLOOR = 16384;

/** `local` covers our own decision; `remote` is FIN or RST from the peer. */
export type ConnectionCloseSource = "local" | "remote";

/** Told about one connection. */
export interface ConnectionCallbacks {
  /** Upstream only: the connection is usable. */
  onConnected?(): void;
  /** Borrowed bytes; `endStream` when the peer sent FIN (then `bytes` may be empty). */
  onData(bytes: Buffer, endStream: boolean): void;
  /** Exactly once. `error` is null for an orderly close. */
  onClose(source: ConnectionCloseSource, error: SocketError | null): void;
  onAboveWriteBufferHighWatermark?(): void;
  onBelowWriteBufferLowWatermark?(): void;
  /** After a write of which at least 16 KiB had to wait: everything has left. */
  onWriteBufferDrained?(): void;
}

/** How a connection is closed by us. Envoy: `ConnectionCloseType`. */
export type ConnectionCloseType =
  /** Pending output is lost. */
  | "no-flush"
  /** Pending output leaves first. */
  | "flush-write"
  /**
   * As `flush-write`, then FIN, then up to `delayedCloseMs` for the peer to close (RFC 9112 §9.6:
   * no reset eats the answer).
   */
  | "flush-write-and-delay"
  /** RST. */
  | "abort-reset";

const EMPTY: Buffer = Buffer.alloc(0);

/** Usable; our close waits for output or for the peer; gone. */
const OPEN = 0;
const CLOSING = 1;
const CLOSED = 2;

export interface ConnectionOptions {
  /** Output may wait up to this; 0 = no limit of its own (then the cap holds). */
  readonly bufferLimitBytes: number;
  /** Whether the peer's FIN leaves our direction open (TCP proxy) or ends the connection (HTTP). */
  readonly halfClose: boolean;
}

export class Connection implements SocketEvents, Flushable, TimerOwner {
  readonly dispatcher: Dispatcher;
  readonly socket: Socket;
  callbacks: ConnectionCallbacks;
  bytesReceived = 0;
  bytesSent = 0;
  /** `delayed_close_timeout` in ms; 0 closes as soon as everything is flushed. */
  delayedCloseMs = 0;
  /** Counts the peers that did not close in that time. */
  delayedCloseTimeouts: Counter | null = null;
  halfClose: boolean;
  private readonly highWatermark: number;
  private state: number = OPEN;
  private text = "";
  /** A small borrowed body that follows `text`; flushed before the event that lent it ends. */
  private tail: Buffer | null = null;
  private flushDeferred = false;
  private readDisables = 0;
  private aboveHighWatermark = false;
  private wroteEnd = false;
  private closeTimer: Timer | null = null;
  /** Output that waited when the close timer was armed. */
  private closeBacklog = 0;
  /** Input that was read before the connection was made, not yet delivered. */
  private unread: Buffer | null = null;
  private replay: InputReplay | null = null;

  constructor(
    dispatcher: Dispatcher,
    socket: Socket,
    callbacks: ConnectionCallbacks,
    options: ConnectionOptions,
  ) {
    this.dispatcher = dispatcher;
    this.socket = socket;
    this.callbacks = callbacks;
    const limit = options.bufferLimitBytes;
    this.highWatermark =
      limit > 0 ? Math.max(WATERMARK_FLOOR, Math.min(limit, WATERMARK_CAP)) : WATERMARK_CAP;
    this.halfClose = options.halfClose;
    socket.events = this;
  }

  get open(): boolean {
    return this.state === OPEN;
  }

  /** Gone: `onClose` was called. */
  get closed(): boolean {
    return this.state === CLOSED;
  }

  /** We sent FIN, or will once everything is written. */
  get finished(): boolean {
    return this.wroteEnd;
  }

  /** Output not yet taken by the kernel, in bytes. */
  get bufferedBytes(): number {
    return this.text.length + (this.tail?.length ?? 0) + this.socket.writableLength;
  }

  /** Sends latin1 text, together with everything else this event writes. */
  write(text: string): void {
    if (this.state !== OPEN || this.wroteEnd) return;
    if (this.tail !== null) this.mergeTail();
    this.text += text;
    if (this.text.length >= COALESCE_MAX) this.flush();
    else this.flushLater();
  }

  /** Sends bytes. They may be a borrowed view; nothing refers to it after the current event. */
  writeBytes(bytes: Buffer): void {
    if (this.state !== OPEN || this.wroteEnd) return;
    if (bytes.length <= INLINE_MAX) {
      this.writeSmall(bytes);
      return;
    }
    this.bytesSent += bytes.length;
    if (this.text === "" && this.tail === null) {
      this.socket.writeBytes(bytes);
    } else {
      this.socket.cork();
      this.flush();
      this.socket.writeBytes(bytes);
      this.socket.uncork();
    }
    this.checkHighWatermark();
  }

  /** Sends FIN after everything written so far; reading goes on. */
  end(): void {
    if (this.state !== OPEN || this.wroteEnd) return;
    this.flush();
    if (this.state !== OPEN) return;
    this.wroteEnd = true;
    // With the peer's FIN here too the socket closes by itself once everything has left.
    this.socket.end();
  }

  close(type: ConnectionCloseType): void {
    if (this.state === CLOSED) return;
    if (type === "abort-reset") {
      this.socket.resetAndDestroy();
      this.finish("local", null);
    } else if (type === "no-flush") {
      this.socket.destroy();
      this.finish("local", null);
    } else if (this.state === OPEN) {
      this.closeAfterFlush(type === "flush-write-and-delay" && this.delayedCloseMs > 0);
    }
  }

  /** Nests: reading goes on once every `true` was undone by a `false`. */
  readDisable(disable: boolean): void {
    if (disable) {
      if (++this.readDisables === 1) this.socket.pause();
    } else if (--this.readDisables === 0) {
      this.resumeReading();
    }
  }

  get readEnabled(): boolean {
    return this.readDisables === 0;
  }

  /** Starts reading on an accepted socket. */
  start(): void {
    if (this.readDisables === 0) this.resumeReading();
  }

  /**
   * Input that was read already (peeked): delivered before anything else, once reading is enabled.
   * Call before `start`.
   */
  prepend(bytes: Buffer): void {
    this.unread = bytes;
  }

  /** @internal Delivers what `prepend` was given. */
  replayInput(): void {
    const bytes = this.unread;
    if (bytes === null || this.readDisables > 0 || this.state === CLOSED) return;
    this.unread = null;
    this.bytesReceived += bytes.length;
    try {
      if (this.state === OPEN) this.callbacks.onData(bytes, false);
    } catch (error) {
      this.fail(error);
    }
    if (this.readDisables === 0 && !this.isClosed()) this.socket.resume();
  }

  flush(): void {
    this.flushDeferred = false;
    const { text, tail } = this;
    if (text === "" && tail === null) return;
    this.text = "";
    this.tail = null;
    if (this.state === CLOSED) return;
    this.bytesSent += text.length;
    if (tail === null) this.socket.writeText(text);
    else {
      this.bytesSent += tail.length;
      this.socket.writeTextAndBytes(text, tail);
    }
    this.checkHighWatermark();
  }

  onConnect(): void {
    const dispatcher = this.dispatcher;
    dispatcher.begin();
    try {
      if (this.state === OPEN) this.callbacks.onConnected?.();
    } catch (error) {
      this.fail(error);
    } finally {
      dispatcher.end();
    }
  }

  onBytes(buffer: Buffer, length: number): void {
    const dispatcher = this.dispatcher;
    dispatcher.begin();
    try {
      this.bytesReceived += length;
      if (this.state === OPEN) this.callbacks.onData(buffer.subarray(0, length), false);
    } catch (error) {
      this.fail(error);
    } finally {
      dispatcher.end();
    }
  }

  onEnd(): void {
    const dispatcher = this.dispatcher;
    dispatcher.begin();
    try {
      this.onPeerEnd();
    } catch (error) {
      this.fail(error);
    } finally {
      dispatcher.end();
    }
  }

  onDrain(): void {
    const dispatcher = this.dispatcher;
    dispatcher.begin();
    try {
      const wasAbove = this.aboveHighWatermark;
      this.aboveHighWatermark = false;
      this.callbacks.onWriteBufferDrained?.();
      if (wasAbove && this.state === OPEN) this.callbacks.onBelowWriteBufferLowWatermark?.();
    } catch (error) {
      this.fail(error);
    } finally {
      dispatcher.end();
    }
  }

  onClose(error: SocketError | null): void {
    const dispatcher = this.dispatcher;
    dispatcher.begin();
    try {
      // While our close waits, an orderly end is ours; a reset is the peer's.
      this.finish(this.state === CLOSING && error === null ? "local" : "remote", error);
    } catch (thrown) {
      dispatcher.onBug(thrown);
    } finally {
      dispatcher.end();
    }
  }

  /** The delayed close ran out; a peer that still takes bytes gets more time. */
  onTimer(): void {
    const backlog = this.socket.writableLength;
    if (this.state === CLOSING && backlog > 0 && backlog < this.closeBacklog) {
      this.armCloseTimer();
      return;
    }
    this.delayedCloseTimeouts?.inc();
    this.close("no-flush");
  }

  private isClosed(): boolean {
    return this.state === CLOSED;
  }

  private resumeReading(): void {
    if (this.state === CLOSED) return;
    if (this.unread === null) {
      this.socket.resume();
      return;
    }
    this.replay ??= new InputReplay(this);
    this.dispatcher.deferFlush(this.replay);
  }

  private flushLater(): void {
    if (this.flushDeferred) return;
    this.flushDeferred = true;
    this.dispatcher.deferFlush(this);
  }

  private checkHighWatermark(): void {
    if (this.aboveHighWatermark || this.socket.writableLength <= this.highWatermark) return;
    this.aboveHighWatermark = true;
    if (this.state === OPEN) this.callbacks.onAboveWriteBufferHighWatermark?.();
  }

  private onPeerEnd(): void {
    if (this.state === CLOSING) {
      this.socket.destroy();
      this.finish("local", null);
    } else if (this.state === OPEN && this.halfClose) {
      this.callbacks.onData(EMPTY, true);
    } else if (this.state === OPEN) {
      this.socket.destroy();
      this.finish("remote", null);
    }
  }

  private closeAfterFlush(delay: boolean): void {
    this.flush();
    if (this.state !== OPEN) return;
    if (!delay && this.socket.writableLength === 0) {
      this.close("no-flush");
      return;
    }
    this.state = CLOSING;
    if (delay) this.socket.end();
    else this.socket.destroySoon();
    // Keep reading (and discarding) so that the peer's FIN is seen; a paused socket would never
    // report it.
    if (this.readDisables > 0) this.socket.resume();
    if (this.delayedCloseMs === 0) return;
    this.closeTimer = this.dispatcher.create(this, 0);
    this.armCloseTimer();
  }

  private armCloseTimer(): void {
    this.closeBacklog = this.socket.writableLength;
    this.closeTimer?.arm(this.delayedCloseMs);
  }

  /** Head and body of a small message leave as one write of bytes: the body never becomes text. */
  private writeSmall(bytes: Buffer): void {
    if (this.tail !== null || !this.dispatcher.inEvent) {
      this.write(latin1Slice(bytes, 0, bytes.length));
      return;
    }
    this.tail = bytes;
    this.flushLater();
  }

  private mergeTail(): void {
    const tail = this.tail as Buffer;
    this.tail = null;
    this.text += latin1Slice(tail, 0, tail.length);
  }

  private finish(source: ConnectionCloseSource, error: SocketError | null): void {
    if (this.state === CLOSED) return;
    this.state = CLOSED;
    this.text = "";
    this.tail = null;
    this.closeTimer?.close();
    this.notifyClose(source, error);
  }

  private notifyClose(source: ConnectionCloseSource, error: SocketError | null): void {
    const callbacks = this.callbacks;
    this.callbacks = closedCallbacks;
    callbacks.onClose(source, error);
  }

  /** A throw ends this connection only. */
  private fail(error: unknown): void {
    this.dispatcher.onBug(error);
    try {
      this.close("no-flush");
    } catch (again) {
      this.dispatcher.onBug(again);
    }
  }
}

/** Delivers peeked input at the end of the event, outside the call that enabled reading. */
class InputReplay implements Flushable {
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  flush(): void {
    this.connection.replayInput();
  }
}

const closedCallbacks: ConnectionCallbacks = {
  onData: () => undefined,
  onClose: () => undefined,
};
