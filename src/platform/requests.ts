/**
 * Asks another process or thread for answers. Messages are structured-cloned: plain data,
 * Uint8Array, bigint.
 */

export interface RequestChannel {
  /** Rejects when the other side cannot be started or dies twice over the same request. */
  request(message: unknown): Promise<unknown>;
  /** Ends the other side; open requests are rejected. */
  close(): void;
}

/** Answers the requests of one `RequestChannel`. */
export type RequestHandler = (message: unknown) => Promise<unknown>;
