// A client of raw bytes: sends exactly what a test says and reads HTTP/1 answers leniently.
// It never adds, folds or fixes anything. Waiting is always for an event, with a deadline.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type RawMessage, readMessage } from "./http1-message.ts";

/** How the proxy left the connection. */
export type ConnectionEnd = "open" | "closed" | "reset";

export interface RawClientOptions {
  readonly port: number;
  readonly host?: string;
  /** The loopback address to connect from, e.g. "127.0.0.9". */
  readonly from?: string;
  /**
   * Called when a wait passes its deadline, before the last look: resolves when the peer is idle.
   */
  readonly settle?: () => Promise<void>;
}

/** A response, or what came instead of one. */
export interface ReadResponse {
  /** Null when the connection ended (or the deadline passed) before a whole head came. */
  readonly message: RawMessage | null;
  /** Why there is no complete message. */
  readonly problem: "" | "connection ended" | "timed out";
}

/** One connection. Bytes not yet read as a response wait in order. */
export class RawClient {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #end: ConnectionEnd = "open";
  #wake: (() => void) | null = null;
  #localPort = 0;
  /** Counts what arrived. */
  #events = 0;
  readonly #settle: (() => Promise<void>) | null;

  private constructor(socket: Socket, settle: (() => Promise<void>) | null) {
    this.#socket = socket;
    this.#settle = settle;
    this.#localPort = socket.localPort ?? 0;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#notify();
    });
    socket.on("end", () => this.#ended("closed"));
    socket.on("close", () => this.#ended("closed"));
    socket.on("error", () => this.#ended("reset"));
  }

  static async connect(options: RawClientOptions): Promise<RawClient> {
    const socket = connect({
      port: options.port,
      host: options.host ?? "127.0.0.1",
      allowHalfOpen: true,
      ...(options.from === undefined ? {} : { localAddress: options.from }),
    });
    await once(socket, "connect");
    return new RawClient(socket, options.settle ?? null);
  }

  /** The client's own port, as the proxy sees it. */
  get localPort(): number {
    return this.#localPort;
  }

  /** Bytes received and not yet read, as latin1 text. */
  get unread(): string {
    return this.#received.toString("latin1");
  }

  get end(): ConnectionEnd {
    return this.#end;
  }

  /** Writes the characters of `text` as single bytes. */
  async send(text: string): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    await new Promise<void>((resolve) => {
      this.#socket.write(Buffer.from(text, "latin1"), () => resolve());
    });
  }

  /** Sends FIN; reading goes on. */
  finish(): void {
    if (!this.#socket.destroyed) this.#socket.end();
  }

  /** Sends RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Drops the connection at the end of a test. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Reads one response; interim (1xx) answers count as responses of their own. */
  async readResponse(toHead: boolean, timeoutMs: number): Promise<ReadResponse> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const ended = this.#end !== "open";
      const read = readMessage(this.#received, { kind: "response", toHead, ended });
      if (read?.message.complete) {
        this.#received = this.#received.subarray(read.bytesUsed);
        return { message: read.message, problem: "" };
      }
      if (ended || !(await this.#changed(deadline))) {
        if (read !== null) this.#received = this.#received.subarray(read.bytesUsed);
        const problem = ended ? "connection ended" : "timed out";
        return { message: read?.message ?? null, problem };
      }
    }
  }

  /** Takes bytes up to and including `text`; takes all when it does not come. */
  async readUntil(text: string, timeoutMs: number): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const at = this.unread.indexOf(text);
      const stop = at < 0 && (this.#end !== "open" || !(await this.#changed(deadline)));
      if (at >= 0 || stop) return this.take(at < 0 ? this.#received.length : at + text.length);
    }
  }

  /** Removes and returns the first `count` unread bytes. */
  take(count: number): string {
    const text = this.#received.subarray(0, count).toString("latin1");
    this.#received = this.#received.subarray(count);
    return text;
  }

  /** Waits for the proxy to end the connection and says how it stands. */
  async waitForEnd(timeoutMs: number): Promise<ConnectionEnd> {
    const deadline = performance.now() + timeoutMs;
    while (this.#end === "open" && (await this.#changed(deadline)));
    return this.#end;
  }

  #ended(how: ConnectionEnd): void {
    if (this.#end === "open" || how === "reset") this.#end = how;
    this.#notify();
  }

  #notify(): void {
    this.#events++;
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** True when something arrived, false when the deadline passed first. */
  async #changed(deadline: number): Promise<boolean> {
    if (await this.#wokenBefore(deadline)) return true;
    const events = this.#events;
    await this.#settle?.();
    return this.#events !== events;
  }

  #wokenBefore(deadline: number): Promise<boolean> {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#wake = null;
        resolve(false);
      }, leftMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}
