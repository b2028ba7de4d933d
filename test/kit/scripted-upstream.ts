// An upstream server on a raw socket: records the exact bytes it receives and answers by a script.
// Nothing is parsed by Node's HTTP; the head is kept as lines in wire order.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type RawMessage, readMessage } from "./http1-message.ts";

/** What happens to the connection after an answer. */
export type AfterReply = "keep" | "close" | "reset" | "echo";

/** The answer to one request. */
export interface UpstreamReply {
  /** Raw bytes (latin1), or pieces that are written one after another `pieceMs` apart. */
  readonly send?: string | readonly string[];
  /** Pause between pieces; default 15. */
  readonly pieceMs?: number;
  /** Wait before the first byte; default 0. */
  readonly delayMs?: number;
  /** "echo" sends every later byte back (a tunnel); default "keep". */
  readonly after?: AfterReply;
  /** "head" answers as soon as the head is there, "request" (default) when all of it is. */
  readonly when?: "head" | "request";
}

/** What one upstream does during a case. */
export interface UpstreamScript {
  /** Does something at once on connect, instead of waiting for a request. */
  readonly onConnect?: UpstreamReply;
  /** Answers in the order of requests (over all connections); the last one repeats. */
  readonly replies?: readonly UpstreamReply[];
  /** Answers to requests for one path (health checks), in an order of their own. */
  readonly checks?: { readonly path: string; readonly replies: readonly UpstreamReply[] };
  /** Raw bytes instead of HTTP: nothing is parsed, every byte is recorded. */
  readonly tcp?: "sink" | "echo";
  /**
   * Answers every request (without a body) with the upstream's name; records nothing: for bursts.
   */
  readonly burst?: boolean;
  /** Raw mode: answer FIN with FIN (default true). */
  readonly finishOnEnd?: boolean;
}

/** One request as received. */
export interface RecordedRequest extends RawMessage {
  /** Which connection of this recording, from 0. */
  readonly connection: number;
}

/** Everything that arrived since the recording was last taken. */
export interface UpstreamRecording {
  readonly requests: readonly RecordedRequest[];
  /** Bytes per connection that were not (part of) a request; raw mode: all bytes. */
  readonly otherBytes: readonly string[];
  /** Ports of the proxy's side of each connection. */
  readonly peerPorts: readonly number[];
}

interface Connection {
  readonly socket: Socket;
  readonly index: number;
  received: Buffer;
  raw: boolean;
  other: string;
  answering: boolean;
  /** A request came that was not for `checks`. */
  traffic: boolean;
}

/** A reply with correct Content-Length. */
export function reply(status: number, body = "", headers: readonly string[] = []): UpstreamReply {
  const lines = [`HTTP/1.1 ${status} X`, ...headers, `content-length: ${body.length}`, "", body];
  return { send: lines.join("\r\n") };
}

/** An upstream server; port chosen by the system. */
export class ScriptedUpstream {
  readonly name: string;
  readonly #server: Server;
  readonly #open = new Set<Connection>();
  #script: UpstreamScript = {};
  #replyIndex = 0;
  #checks = 0;
  #connections: Connection[] = [];
  #firstContactMs = Number.POSITIVE_INFINITY;
  #requests: RecordedRequest[] = [];
  #all = "";
  readonly #watchers = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (s) => this.#accept(s));
  }

  async start(host = "127.0.0.1"): Promise<void> {
    this.#server.listen(0, host);
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** When the first connection of this recording came (performance.now); Infinity before. */
  get firstContactMs(): number {
    return this.#firstContactMs;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  /** Starts a new recording under a new script. */
  play(script: UpstreamScript): void {
    this.#script = script;
    this.#replyIndex = 0;
    this.#checks = 0;
    this.#connections = [];
    this.#firstContactMs = Number.POSITIVE_INFINITY;
    this.#requests = [];
    this.#all = "";
  }

  /** Waits until `text` has arrived on any connection of this recording; false on timeout. */
  async saw(text: string, timeoutMs: number): Promise<boolean> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (!this.#all.includes(text)) {
      if (signal.aborted) return false;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#watchers.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#watchers.add(wake);
        signal.addEventListener("abort", wake);
      });
    }
    return true;
  }

  /** What was recorded since play(). */
  recording(): UpstreamRecording {
    const partial = this.#connections.filter((connection) => connection.received.length > 0);
    const unfinished = partial.flatMap((connection) => partialRequest(connection));
    return {
      requests: [...this.#requests, ...unfinished],
      otherBytes: this.#connections.map((connection) => connection.other),
      peerPorts: this.#connections.map((connection) => connection.socket.remotePort ?? 0),
    };
  }

  /** Ends every connection that is still open. */
  hangUp(): void {
    for (const connection of this.#open) connection.socket.destroy();
  }

  /** Ends the connections that carried more than checks. */
  hangUpTraffic(): void {
    for (const { socket, traffic } of this.#open) if (traffic) socket.destroy();
  }

  async stop(): Promise<void> {
    this.hangUp();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      socket,
      index: this.#connections.length,
      received: Buffer.alloc(0),
      raw: this.#script.tcp !== undefined,
      other: "",
      answering: false,
      traffic: false,
    };
    this.#connections.push(connection);
    this.#firstContactMs = Math.min(this.#firstContactMs, performance.now());
    this.#open.add(connection);
    // remotePort is gone once the socket is closed; the recording needs it after that.
    Object.defineProperty(socket, "remotePort", { value: socket.remotePort });
    socket.on("error", () => undefined);
    socket.on("close", () => this.#open.delete(connection));
    socket.on("end", () => {
      if (this.#script.finishOnEnd !== false) socket.end();
    });
    socket.on("data", (bytes: Buffer) => this.#data(connection, bytes));
    if (this.#script.onConnect) void this.#answer(connection, this.#script.onConnect);
  }

  #data(connection: Connection, bytes: Buffer): void {
    if (this.#script.burst) {
      this.#answerBurst(connection, bytes);
      return;
    }
    this.#all += bytes.toString("latin1");
    for (const wake of [...this.#watchers]) wake();
    this.#take(connection, bytes);
  }

  #answerBurst(connection: Connection, bytes: Buffer): void {
    connection.traffic = true;
    const heads = (connection.other + bytes.toString("latin1")).split("\r\n\r\n");
    connection.other = heads.pop() ?? "";
    const { send } = reply(200, this.name);
    connection.socket.write((send as string).repeat(heads.length), "latin1");
  }

  #take(connection: Connection, bytes: Buffer): void {
    if (connection.raw) {
      connection.other += bytes.toString("latin1");
      if (this.#script.tcp === "echo" || this.#script.tcp === undefined) {
        connection.socket.write(bytes);
      }
      return;
    }
    connection.received = Buffer.concat([connection.received, bytes]);
    this.#next(connection);
  }

  /** Takes whole requests from the bytes and answers them. */
  #next(connection: Connection): void {
    const read = readMessage(connection.received, { kind: "request", ended: false });
    if (read === null) return;
    const check = read.message.startLine.split(" ")[1] === this.#script.checks?.path;
    connection.traffic ||= !check;
    const reply = check ? this.#checkReply() : this.#replyFor();
    if (!read.message.complete) {
      if (reply.when === "head" && !connection.answering)
        void this.#answerOnce(connection, reply, check);
      return;
    }
    this.#requests.push({ ...read.message, connection: connection.index });
    connection.received = connection.received.subarray(read.bytesUsed);
    if (connection.answering) {
      connection.answering = false;
      return;
    }
    void this.#answerOnce(connection, reply, check).then(() => {
      connection.answering = false;
      this.#next(connection);
    });
  }

  async #answerOnce(connection: Connection, reply: UpstreamReply, check: boolean): Promise<void> {
    connection.answering = reply.when === "head";
    if (check) this.#checks++;
    else this.#replyIndex++;
    await this.#answer(connection, reply);
  }

  #checkReply(): UpstreamReply {
    const replies = this.#script.checks?.replies ?? [];
    return replies[Math.min(this.#checks, replies.length - 1)] ?? {};
  }

  #replyFor(): UpstreamReply {
    const replies = this.#script.replies;
    if (!replies || replies.length === 0) return reply(200, this.name);
    return replies[Math.min(this.#replyIndex, replies.length - 1)] as UpstreamReply;
  }

  async #answer(connection: Connection, reply: UpstreamReply): Promise<void> {
    const { socket } = connection;
    if (reply.delayMs) await pause(reply.delayMs);
    const pieces = typeof reply.send === "string" ? [reply.send] : (reply.send ?? []);
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await pause(reply.pieceMs ?? 15);
      if (!socket.destroyed) socket.write(Buffer.from(piece, "latin1"));
    }
    if (reply.after === "close") socket.end();
    else if (reply.after === "reset") socket.resetAndDestroy();
    else if (reply.after === "echo") this.#becomeTunnel(connection);
  }

  #becomeTunnel(connection: Connection): void {
    connection.raw = true;
    const early = connection.received;
    connection.received = Buffer.alloc(0);
    if (early.length > 0) this.#take(connection, early);
  }
}

function partialRequest(connection: Connection): RecordedRequest[] {
  const read = readMessage(connection.received, { kind: "request", ended: true });
  const message = read?.message ?? {
    startLine: connection.received.toString("latin1"),
    headers: [],
    framing: "broken" as const,
    body: "",
    trailers: [],
    complete: false,
  };
  return [{ ...message, connection: connection.index }];
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
