/**
 * Requests to a child process that is started when there is something to ask and ends by itself
 * when idle. Both sides of the channel: `ChildRequestChannel` in the parent, `serveParent` in the
 * child.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RequestChannel, RequestHandler } from "../requests.ts";

/** How long a child waits for the next request before it ends, in ms. */
const IDLE_MS = 1000;

/**
 * A request that loses its child is asked once more: the child may have ended of idleness just
 * then.
 */
const ATTEMPTS = 2;

interface Envelope {
  readonly id: number;
  readonly message?: unknown;
  readonly error?: string;
}

interface Pending {
  readonly message: unknown;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  attemptsLeft: number;
}

export class ChildRequestChannel implements RequestChannel {
  private readonly entry: string;
  private readonly pending = new Map<number, Pending>();
  private child: ChildProcess | null = null;
  private nextId = 1;
  private closed = false;

  /**
   * `entry` is the file that the child runs: TypeScript from source, JavaScript from the bundle.
   */
  constructor(entry: URL) {
    this.entry = fileURLToPath(entry);
  }

  /** Starts the child ahead of the first request. */
  start(): void {
    this.child ??= this.spawn();
  }

  request(message: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new Error("Channel is closed"));
        return;
      }
      const id = this.nextId++;
      this.pending.set(id, { message, resolve, reject, attemptsLeft: ATTEMPTS });
      this.send(id);
    });
  }

  close(): void {
    this.closed = true;
    this.child?.kill();
    this.failAll("Channel is closed");
  }

  private send(id: number): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    if (pending.attemptsLeft === 0) {
      this.pending.delete(id);
      pending.reject(new Error(`Child process ${this.entry} ended before it answered`));
      return;
    }
    pending.attemptsLeft--;
    this.start();
    // Only a child that owes an answer keeps this process alive.
    this.child?.ref();
    this.child?.channel?.ref();
    // A failure to send is followed by the child's exit, which asks again.
    this.child?.send({ id, message: pending.message }, () => {});
  }

  private spawn(): ChildProcess {
    const child = fork(this.entry, [], {
      serialization: "advanced",
      execArgv: ["--max-semi-space-size=8"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.on("message", (envelope) => this.onAnswer(envelope as Envelope));
    child.on("exit", () => this.onEnd(child));
    child.on("error", () => this.onEnd(child));
    return child;
  }

  private onAnswer(envelope: Envelope): void {
    const pending = this.pending.get(envelope.id);
    this.pending.delete(envelope.id);
    if (this.pending.size === 0) this.release();
    if (envelope.error === undefined) pending?.resolve(envelope.message);
    else pending?.reject(new Error(envelope.error));
  }

  private release(): void {
    this.child?.unref();
    this.child?.channel?.unref();
  }

  private onEnd(child: ChildProcess): void {
    if (this.child !== child) return;
    this.child = null;
    if (this.closed) return;
    for (const id of [...this.pending.keys()]) this.send(id);
  }

  private failAll(reason: string): void {
    for (const pending of this.pending.values()) pending.reject(new Error(reason));
    this.pending.clear();
  }
}

/**
 * Answers the parent's requests, in the order in which they come. The process ends when nothing was
 * asked for a while and when the parent is gone.
 */
export function serveParent(handler: RequestHandler, idleMs: number = IDLE_MS): void {
  let open = 0;
  const idle = setTimeout(() => {
    // What the parent has sent by now is read first: a busy machine may be late with it.
    setImmediate(() => {
      if (open > 0) idle.refresh();
      else process.disconnect?.();
    });
  }, idleMs);
  const answer = async ({ id, message }: Envelope): Promise<void> => {
    open++;
    idle.refresh();
    const envelope = await handler(message).then(
      (result): Envelope => ({ id, message: result }),
      (error: unknown): Envelope => ({ id, error: String(error) }),
    );
    open--;
    if (process.connected) process.send?.(envelope);
  };
  process.on("message", (envelope) => void answer(envelope as Envelope));
  process.on("disconnect", () => {
    clearTimeout(idle);
    // What is still being read has nobody to go to.
    if (open > 0) process.exit(0);
  });
}
