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

export interface HttpPoolCallbacks {
  /** At once or later. `connectStartMs`/`connectEndMs` are −1 when the connection existed. */
  onPoolReady(encoder: RequestEncoder, host: Host, upstream: UpstreamInfo): void;
  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host): void;
}

/** A request that waits for a connection. */
export interface PoolCancellable {
  /** No callback follows. */
  cancel(): void;
}

export interface HttpConnectionPool {
  /** Null when the callback was already called (ready or failed). */
  newStream(decoder: ResponseDecoder, callbacks: HttpPoolCallbacks): PoolCancellable | null;
  /** Idle connections close now, busy ones when their streams end; `done` runs once all are gone. */
  drain(done: () => void): void;
}

export interface TcpPoolCallbacks {
  onPoolReady(connection: Connection, host: Host, upstream: UpstreamInfo): void;
  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host): void;
}

export interface TcpConnectionPool {
  newConnection(callbacks: TcpPoolCallbacks): PoolCancellable | null;
  drain(done: () => void): void;
}
