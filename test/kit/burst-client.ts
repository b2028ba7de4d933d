// Sends one request many thousand times over a few kept-alive connections and counts the answers.
// Requests are pipelined; a proxy handles those of one connection one after another, so as many are
// under way as there are connections. Answers need a content-length.
import { connect, type Socket } from "node:net";

export interface BurstOptions {
  readonly port: number;
  /** The bytes of one request (latin1). */
  readonly request: string;
  readonly requests: number;
  readonly connections: number;
}

/** Requests written ahead of their answers, per connection. */
const PIPELINE = 16;
/** A run in which nothing arrives for so long has failed. */
const STALL_MS = 15_000;

/** Answers by what they are: the body of a 200, the status code of anything else. */
export async function burst(options: BurstOptions): Promise<Map<string, number>> {
  const run = new Burst(options);
  return run.counts();
}

class Burst {
  readonly #options: BurstOptions;
  readonly #counts = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #done = Promise.withResolvers<void>();
  readonly #stalled: NodeJS.Timeout;
  /** Requests nobody has taken yet. */
  #left: number;
  #answered = 0;

  constructor(options: BurstOptions) {
    this.#options = options;
    this.#left = options.requests;
    const { port } = options;
    this.#stalled = setTimeout(() => {
      const { requests } = this.#options;
      this.#done.reject(new Error(`port ${port}: ${this.#answered} of ${requests} answers`));
    }, STALL_MS);
  }

  async counts(): Promise<Map<string, number>> {
    for (let i = 0; i < this.#options.connections; i++) this.#open();
    try {
      await this.#done.promise;
    } finally {
      clearTimeout(this.#stalled);
      for (const socket of this.#sockets) socket.destroy();
    }
    return this.#counts;
  }

  #open(): void {
    const socket = connect({ port: this.#options.port, host: "127.0.0.1", noDelay: true });
    let open = 0;
    let unread = "";
    const fill = (): void => {
      const count = Math.min(PIPELINE - open, this.#left);
      if (count <= 0) return;
      this.#left -= count;
      open += count;
      socket.write(this.#options.request.repeat(count), "latin1");
    };
    this.#sockets.add(socket);
    socket.on("connect", fill);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      const { answers, rest } = this.#take(unread + bytes.toString("latin1"));
      unread = rest;
      open -= answers;
      if (open <= PIPELINE / 2) fill();
    });
    // A proxy may close between requests: what it has not answered goes over another connection.
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#left += open;
      if (this.#answered < this.#options.requests) this.#open();
    });
  }

  #take(text: string): { answers: number; rest: string } {
    let at = 0;
    let answers = 0;
    for (;;) {
      const headEnd = text.indexOf("\r\n\r\n", at);
      if (headEnd < 0) break;
      const head = text.slice(at, headEnd);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      const end = headEnd + 4 + length;
      if (end > text.length) break;
      const status = head.slice(9, 12);
      this.#count(status === "200" ? text.slice(headEnd + 4, end) : status);
      answers++;
      at = end;
    }
    return { answers, rest: text.slice(at) };
  }

  #count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#stalled.refresh();
    if (++this.#answered === this.#options.requests) this.#done.resolve();
  }
}
