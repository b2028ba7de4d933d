/** Questions and statements over one side of a message channel; both sides may ask. */
import type { MessageChannelEnd } from "../../platform/threads.ts";

type Envelope =
  | { readonly kind: "tell"; readonly message: unknown }
  | { readonly kind: "ask"; readonly id: number; readonly message: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly message: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly text: string };

interface Open {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** `Mine` are the messages that this side sends. */
export class MessageCalls<Mine> {
  private readonly channel: MessageChannelEnd;
  private readonly open = new Map<number, Open>();
  private nextId = 1;
  private ended = false;

  /** `handle` gets the other side's messages in their order; what it returns is the answer. */
  constructor(channel: MessageChannelEnd, handle: (message: never) => unknown) {
    this.channel = channel;
    channel.onMessage = (message): void => this.take(message as Envelope, handle);
  }

  tell(message: Mine): void {
    if (!this.ended) this.channel.post({ kind: "tell", message } satisfies Envelope);
  }

  /** Null when the other side ends before it answers; rejects when it fails. */
  ask<Answer>(message: Mine): Promise<Answer | null> {
    if (this.ended) return Promise.resolve(null);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.channel.post({ kind: "ask", id, message } satisfies Envelope);
    });
  }

  /** The other side is gone. */
  end(): void {
    this.ended = true;
    const open = [...this.open.values()];
    this.open.clear();
    for (const { resolve } of open) resolve(null);
  }

  private take(envelope: Envelope, handle: (message: never) => unknown): void {
    if (this.ended) return;
    if (envelope.kind === "tell") handle(envelope.message as never);
    else if (envelope.kind === "ask") void this.answer(envelope.id, envelope.message, handle);
    else this.settle(envelope);
  }

  private async answer(
    id: number,
    question: unknown,
    handle: (message: never) => unknown,
  ): Promise<void> {
    let envelope: Envelope;
    try {
      envelope = { kind: "answer", id, message: await handle(question as never) };
    } catch (error) {
      envelope = { kind: "failure", id, text: String(error) };
    }
    if (!this.ended) this.channel.post(envelope);
  }

  private settle(envelope: Extract<Envelope, { kind: "answer" | "failure" }>): void {
    const open = this.open.get(envelope.id);
    this.open.delete(envelope.id);
    if (envelope.kind === "answer") open?.resolve(envelope.message);
    else open?.reject(new Error(envelope.text));
  }
}
