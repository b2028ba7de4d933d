// hot: per request
/**
 * HTTP/1.1 connections to one host at one priority: the most recently used ready connection takes
 * the next request, a request without one waits while a connection is made. Envoy:
 * `ConnPoolImplBase` (source/common/conn_pool/conn_pool_base.cc), `Http1::ConnPoolImpl`.
 */
import type { ClientConnection, ResponseDecoder } from "../../codec/codec.ts";
import type { ClusterInfo, ResourcePriority } from "../cluster.ts";
import type { HttpConnectionPool, HttpPoolCallbacks, PoolCancellable } from "../connection-pool.ts";
import { coarseHealth } from "../host.ts";
import type { ResourceLimits } from "../resource-limits.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import { type ListMember, MemberList } from "./client-list.ts";
import { type ConnectFailure, LOCAL_CLOSE_FAILURE } from "./connect-failure.ts";
import { takeConnection } from "./connection-account.ts";
import { BUSY, CLOSED, CONNECTING, DRAINING, H1Client, READY } from "./h1-client.ts";
import type { PoolServices } from "./pool-services.ts";
import type { PooledUpstream } from "./pooled-upstream.ts";

/** New connections that one event may start. */
const CONNECTS_PER_EVENT = 3;

export class H1Pool implements HttpConnectionPool {
  readonly info: ClusterInfo;
  readonly host: UpstreamHost;
  readonly limits: ResourceLimits;
  readonly services: PoolServices;
  private readonly connecting = new MemberList<H1Client>();
  private readonly ready = new MemberList<H1Client>();
  private readonly busy = new MemberList<H1Client>();
  private readonly pending = new MemberList<PendingStream>();
  private readonly preconnectRatio: number;
  private drained: (() => void)[] | null = null;
  /** It has a place among the pools of its cluster, until it has nothing left. */
  private counted = true;

  constructor(
    info: ClusterInfo,
    host: UpstreamHost,
    priority: ResourcePriority,
    services: PoolServices,
  ) {
    this.info = info;
    this.host = host;
    this.limits = info.limits[priority === "HIGH" ? 1 : 0];
    this.services = services;
    this.preconnectRatio = info.connection.preconnectRatio;
  }

  newStream(decoder: ResponseDecoder, callbacks: HttpPoolCallbacks): PoolCancellable | null {
    const client = this.ready.first;
    if (client === null) return this.waitForConnection(decoder, callbacks);
    this.attach(client, decoder, callbacks);
    if (this.preconnectRatio > 1) this.connectAsNeeded();
    return null;
  }

  drain(done: () => void): void {
    this.drained ??= [];
    this.drained.push(done);
    this.closeIdle();
    this.checkIdle();
  }

  /** Connections by what they do, for tests and the admin page. */
  counts(): { connecting: number; ready: number; busy: number; pending: number } {
    return {
      connecting: this.connecting.size,
      ready: this.ready.size,
      busy: this.busy.size,
      pending: this.pending.size,
    };
  }

  /** @internal */
  clientConnected(client: H1Client): void {
    this.connecting.remove(client);
    this.makeReady(client);
  }

  /** @internal */
  connectFailed(client: H1Client, failure: ConnectFailure): void {
    this.connecting.remove(client);
    client.state = CLOSED;
    // Others go on waiting when it was our own wish to close this one.
    if (failure !== LOCAL_CLOSE_FAILURE) this.failPending(failure);
    this.afterClose();
  }

  /** @internal A response ended cleanly and the connection may go on. */
  streamComplete(client: H1Client): void {
    if (client.state === DRAINING) {
      client.close();
      return;
    }
    this.endStream();
    this.busy.remove(client);
    this.makeReady(client);
  }

  /** @internal The connection is gone; its request hears of it right after this. */
  clientClosed(client: H1Client): void {
    if (client.state === READY) {
      this.ready.remove(client);
    } else {
      this.busy.remove(client);
      this.endStream();
    }
    client.state = CLOSED;
  }

  /** @internal */
  afterClose(): void {
    if (this.pending.size > 0) this.connectAsNeeded();
    this.checkIdle();
  }

  /** @internal */
  cancelPending(stream: PendingStream): void {
    if (stream.queued) this.removePending(stream);
    this.info.stats.upstreamRqCancelled.inc();
    if (this.drained !== null) {
      this.closeIdle();
      this.checkIdle();
    }
  }

  private waitForConnection(
    decoder: ResponseDecoder,
    callbacks: HttpPoolCallbacks,
  ): PoolCancellable | null {
    const { stats } = this.info;
    if (!this.limits.pendingRequests.tryAcquire()) {
      stats.upstreamRqPendingOverflow.inc();
      callbacks.onPoolFailure("overflow", "", null);
      return null;
    }
    const stream = new PendingStream(this, decoder, callbacks);
    this.pending.addLast(stream);
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    this.connectAsNeeded();
    return stream;
  }

  private attach(client: H1Client, decoder: ResponseDecoder, callbacks: HttpPoolCallbacks): void {
    const { stats } = this.info;
    if (!this.limits.requests.tryAcquire()) {
      stats.upstreamRqPendingOverflow.inc();
      callbacks.onPoolFailure("overflow", "", this.host);
      return;
    }
    this.ready.remove(client);
    this.busy.addFirst(client);
    this.host.stats.requestStarted();
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    if (client.begin()) {
      stats.upstreamCxMaxRequests.inc();
      client.state = DRAINING;
    } else {
      client.state = BUSY;
    }
    const encoder = (client.codec as ClientConnection).newStream(decoder);
    callbacks.onPoolReady(encoder, this.host, client.info as PooledUpstream);
  }

  private endStream(): void {
    this.host.stats.requestEnded();
    this.info.stats.upstreamRqActive.dec();
    this.limits.requests.release();
  }

  private makeReady(client: H1Client): void {
    client.state = READY;
    this.ready.addFirst(client);
    client.idle();
    while (this.pending.first !== null && this.ready.first !== null) {
      const stream = this.pending.first;
      this.removePending(stream);
      stream.waiting = false;
      this.attach(this.ready.first, stream.decoder, stream.callbacks);
    }
    if (this.pending.size > 0) this.connectAsNeeded();
    else if (this.drained !== null) this.closeIdle();
  }

  private removePending(stream: PendingStream): void {
    this.pending.remove(stream);
    stream.queued = false;
    this.info.stats.upstreamRqPendingActive.dec();
    this.limits.pendingRequests.release();
  }

  /** A request that the callbacks make now is not failed with the others. */
  private failPending(failure: ConnectFailure): void {
    const { stats } = this.info;
    const streams: PendingStream[] = [];
    for (let one = this.pending.first; one !== null; one = this.pending.first) {
      this.removePending(one);
      streams.push(one);
    }
    for (const stream of streams) {
      if (!stream.waiting) continue;
      stream.waiting = false;
      stats.upstreamRqPendingFailureEject.inc();
      stream.callbacks.onPoolFailure(failure.reason, failure.text, this.host);
    }
  }

  private connectAsNeeded(): void {
    for (let count = 0; count < CONNECTS_PER_EVENT && this.shouldConnect(); count++) {
      // A pool without any connection may always open one, or its requests would wait for ever.
      const first = this.connections === 0;
      const allowed = takeConnection(this.host, this.limits, first);
      if (!allowed) this.info.stats.upstreamCxOverflow.inc();
      if (!allowed && !first) return;
      const client = new H1Client(this);
      client.state = CONNECTING;
      this.connecting.addFirst(client);
      client.connect();
      if (!allowed) return;
    }
  }

  private get connections(): number {
    return this.connecting.size + this.ready.size + this.busy.size;
  }

  private shouldConnect(): boolean {
    const pending = this.pending.size;
    if (coarseHealth(this.host.healthFlags()) !== "healthy") return pending > this.connecting.size;
    const active = this.busy.size;
    const provisioned = this.connecting.size + this.ready.size + active;
    return (pending + active) * this.preconnectRatio > provisioned;
  }

  private closeIdle(): void {
    for (let one = this.ready.first; one !== null; one = this.ready.first) one.close();
    if (this.pending.size > 0) return;
    for (let one = this.connecting.first; one !== null; one = this.connecting.first) one.close();
  }

  /** A pool that has nothing left makes room for others, as in Envoy, which deletes it. */
  private checkIdle(): void {
    if (this.connections > 0 || this.pending.size > 0) return;
    if (this.counted) {
      this.counted = false;
      this.limits.connectionPools.release();
      this.host.forgetHttpPool(this);
    }
    const { drained } = this;
    if (drained === null) return;
    this.drained = [];
    for (const done of drained) done();
  }
}

/** A request that waits for a connection. */
class PendingStream implements PoolCancellable, ListMember<PendingStream> {
  previous: PendingStream | null = null;
  next: PendingStream | null = null;
  readonly decoder: ResponseDecoder;
  readonly callbacks: HttpPoolCallbacks;
  /** Neither callback nor cancel has happened. */
  waiting = true;
  queued = true;
  private readonly pool: H1Pool;

  constructor(pool: H1Pool, decoder: ResponseDecoder, callbacks: HttpPoolCallbacks) {
    this.pool = pool;
    this.decoder = decoder;
    this.callbacks = callbacks;
  }

  cancel(): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.pool.cancelPending(this);
  }
}
