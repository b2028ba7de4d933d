/**
 * Ready upstream streams. Envoy: `Http::ConnectionPool::Instance`, `Tcp::ConnectionPool::Instance`
 * (envoy/http/conn_pool.h, envoy/tcp/conn_pool.h).
 */
import type { RequestEncoder, ResponseDecoder } from "../codec/codec.ts";
import type { Connection } from "../network/connection.ts";
import type { UpstreamInfo } from "../network/stream-info.ts";
import type { Host } from "./host.ts";

/** Why a pool gave no stream. */
export type PoolFailureReason =
  /** A circuit breaker refused. */
  | "overflow"
  /** Our side could not connect (no descriptor, bad address). */
  | "local connection failure"
  /** Refused, unreachable, reset, TLS failure. */
  | "remote connection failure"
  | "connection timeout";

/** Facts about a pooled connection; one object for all its streams. Times are monotonic ms. */
export interface PooledUpstreamInfo extends UpstreamInfo {
  readonly connectStartMs: number;
  readonly connectEndMs: number;
}

export interface HttpPoolCallbacks {
  /** At once or later. */
  onPoolReady(encoder: RequestEncoder, host: Host, upstream: PooledUpstreamInfo): void;
  /** `host` is null when nothing was tried: too many wait already. */
  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host | null): void;
}

/** A request or connection that waits. */
export interface PoolCancellable {
  /** No callback follows. */
  cancel(): void;
}

export interface HttpConnectionPool {
  /** Null when the callback was already called (ready or failed). */
  newStream(decoder: ResponseDecoder, callbacks: HttpPoolCallbacks): PoolCancellable | null;
  /**
   * Idle connections close now, busy ones when their streams end; `done` runs once all are gone.
   */
  drain(done: () => void): void;
}

export interface TcpPoolCallbacks {
  /**
   * The connection is yours to read, write and close. Set its `callbacks` once, before returning:
   * the pool then puts itself in between to keep the counters right.
   */
  onPoolReady(connection: Connection, host: Host, upstream: PooledUpstreamInfo): void;
  /** `host` is null when nothing was tried: too many wait already. */
  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host | null): void;
}

export interface TcpConnectionPool {
  newConnection(callbacks: TcpPoolCallbacks): PoolCancellable | null;
  drain(done: () => void): void;
  /** Ends every connection at once. */
  closeConnections(): void;
}
