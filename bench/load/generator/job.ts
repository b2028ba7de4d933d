// What the harness asks of the generator process.
import type { RequestShape } from "../request.ts";

/** Each connection sends its next request when the last was answered: for maximum throughput. */
export interface ClosedJob {
  readonly kind: "closed";
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly shape: RequestShape;
}

/** Requests at times fixed beforehand; latency counts from the intended time. */
export interface OpenJob {
  readonly kind: "open";
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly shape: RequestShape;
  readonly seed: number;
  /** Takes any free connection, as a client with a pool does, instead of each one's own turn. */
  readonly pooled?: boolean;
}

/** A fixed number of (large) requests, one after the other on each connection. */
export interface CountJob {
  readonly kind: "count";
  readonly port: number;
  readonly connections: number;
  readonly requests: number;
  readonly shape: RequestShape;
}

/**
 * Raw TCP: `connections` at a time, each `turns` times `bytes` down or up on a new connection; or
 * connect + one byte + close for `seconds`.
 */
export interface TcpJob {
  readonly kind: "tcp";
  readonly port: number;
  readonly connections: number;
  readonly direction: "down" | "up" | "connect";
  readonly bytes: number;
  readonly turns: number;
  readonly seconds: number;
}

/** Opens connections and keeps them; `request` sends one request on each. */
export interface IdleJob {
  readonly kind: "idle";
  readonly port: number;
  readonly connections: number;
  readonly step: "open" | "request" | "close";
  readonly shape: RequestShape;
}

export type GeneratorJob = ClosedJob | OpenJob | CountJob | TcpJob | IdleJob;

/** Messages from the generator: it is connected and waits for the word, or it has finished. */
export type GeneratorMessage =
  | { readonly type: "connected" }
  | { readonly type: "result"; readonly result: import("../engines/load-result.ts").LoadResult }
  | { readonly type: "failed"; readonly reason: string };
