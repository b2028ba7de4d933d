/**
 * An HTTP/2 client off the data path, for one request at a time: health checks. The data path has a
 * codec of its own.
 */
import type { ConnectOptions } from "./sockets.ts";

export interface Http2Request {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** Lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | null;
}

/** Told what becomes of a connection and of its request; called outside calls into the client. */
export interface Http2ClientEvents {
  /** Lower-case names, without pseudo headers. */
  onHead(status: number, headers: readonly (readonly [name: string, value: string])[]): void;
  onData(bytes: Buffer): void;
  /** The response is complete. */
  onEnd(): void;
  /** The request gets no response, or no more of it. */
  onFailure(): void;
  /** The connection takes no further request. A response on its way may still end. */
  onNoMoreRequests(): void;
}

/** One connection. */
export interface Http2Client {
  /** The one before has ended. */
  request(request: Http2Request): void;
  /** Ends everything at once. No event follows. */
  close(): void;
}

export interface Http2Clients {
  /** Connects in clear text with prior knowledge (RFC 9113 §3.3). */
  connect(options: ConnectOptions, events: Http2ClientEvents): Http2Client;
}
