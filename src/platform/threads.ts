/**
 * Threads as the server starts them. Messages are structured-cloned: plain data, Map, Uint8Array,
 * bigint; SharedArrayBuffer stays shared.
 */

/** One side of a conversation. Messages arrive in order, each in an event of its own. */
export interface MessageChannelEnd {
  post(message: unknown): void;
  /** Set in the tick in which the other side was made. */
  onMessage: (message: unknown) => void;
}

/** A thread that was started. */
export interface Thread extends MessageChannelEnd {
  /** Once, after the last message: it ended, whoever wanted it. `reason` is for people. */
  onEnd: (reason: string) => void;
  /** Ends it wherever it stands. */
  terminate(): void;
}

export interface ThreadFactory {
  /** `data` is the first thing that the thread sees. */
  start(name: string, data: unknown): Thread;
}
