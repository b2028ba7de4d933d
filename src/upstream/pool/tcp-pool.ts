// hot: per connection
/**
 * TCP connections to one host at one priority, one for each downstream connection. A connection
 * that nobody waits for any more is closed. Envoy: `Tcp::ConnPoolImpl`
 * (source/common/tcp/conn_pool.cc).
 */
import type { ClusterInfo, ResourcePriority } from "../cluster.ts";
import type { PoolCancellable, TcpConnectionPool, TcpPoolCallbacks } from "../connection-pool.ts";
import type { ResourceLimits } from "../resource-limits.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import { type ListMember, MemberList } from "./client-list.ts";
import { type ConnectFailure, LOCAL_CLOSE_FAILURE } from "./connect-failure.ts";
import { takeConnection } from "./connection-account.ts";
import type { PoolServices } from "./pool-services.ts";
import { TcpClient } from "./tcp-client.ts";

const CONNECTS_PER_EVENT = 3;

export class TcpPool implements TcpConnectionPool {
  readonly info: ClusterInfo;
  readonly host: UpstreamHost;
  readonly limits: ResourceLimits;
  readonly services: PoolServices;
  private readonly connecting = new MemberList<TcpClient>();
  private readonly busy = new MemberList<TcpClient>();
  private readonly pending = new MemberList<PendingConnection>();
  private drained: (() => void)[] | null = null;

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
  }

  newConnection(callbacks: TcpPoolCallbacks): PoolCancellable | null {
    const { stats } = this.info;
    if (!this.limits.pendingRequests.tryAcquire()) {
      stats.upstreamRqPendingOverflow.inc();
      callbacks.onPoolFailure("overflow", "", null);
      return null;
    }
    const waiting = new PendingConnection(this, callbacks);
    this.pending.addLast(waiting);
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    this.connectAsNeeded();
    return waiting;
  }

  drain(done: () => void): void {
    this.drained ??= [];
    this.drained.push(done);
    this.closeExcess();
    this.checkDrained();
  }

  closeConnections(): void {
    // Who waits must not keep new connections coming.
    this.failPending(LOCAL_CLOSE_FAILURE);
    for (const list of [this.connecting, this.busy]) {
      for (let one = list.first; one !== null; one = list.first) one.close();
    }
  }

  counts(): { connecting: number; busy: number; pending: number } {
    return {
      connecting: this.connecting.size,
      busy: this.busy.size,
      pending: this.pending.size,
    };
  }

  /** @internal */
  clientConnected(client: TcpClient): void {
    this.connecting.remove(client);
    this.busy.addFirst(client);
    const one = this.pending.first;
    if (one === null) {
      client.close();
      return;
    }
    this.removePending(one);
    one.waiting = false;
    this.attach(client, one.callbacks);
    if (this.pending.size > 0) this.connectAsNeeded();
  }

  /** @internal */
  connectFailed(client: TcpClient, failure: ConnectFailure): void {
    this.connecting.remove(client);
    // Others go on waiting when it was our own wish to close this one.
    if (failure !== LOCAL_CLOSE_FAILURE) this.failPending(failure);
    this.afterClose();
  }

  /** @internal */
  clientClosed(client: TcpClient, attached: boolean): void {
    this.busy.remove(client);
    if (attached) this.endStream();
  }

  /** @internal */
  afterClose(): void {
    if (this.pending.size > 0) this.connectAsNeeded();
    this.checkDrained();
  }

  /** @internal */
  cancelPending(waiting: PendingConnection): void {
    if (waiting.queued) this.removePending(waiting);
    this.info.stats.upstreamRqCancelled.inc();
    this.closeExcess();
    this.checkDrained();
  }

  /** Connections count as requests, but max_requests does not hold them up, as in Envoy. */
  private attach(client: TcpClient, callbacks: TcpPoolCallbacks): void {
    const { stats } = this.info;
    this.limits.requests.acquire();
    this.host.stats.requestStarted();
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    client.handOver(callbacks);
  }

  private endStream(): void {
    this.host.stats.requestEnded();
    this.info.stats.upstreamRqActive.dec();
    this.limits.requests.release();
  }

  private removePending(waiting: PendingConnection): void {
    this.pending.remove(waiting);
    waiting.queued = false;
    this.info.stats.upstreamRqPendingActive.dec();
    this.limits.pendingRequests.release();
  }

  private failPending(failure: ConnectFailure): void {
    const failed: PendingConnection[] = [];
    for (let one = this.pending.first; one !== null; one = this.pending.first) {
      this.removePending(one);
      failed.push(one);
    }
    for (const one of failed) {
      if (!one.waiting) continue;
      one.waiting = false;
      this.info.stats.upstreamRqPendingFailureEject.inc();
      one.callbacks.onPoolFailure(failure.reason, failure.text, this.host);
    }
  }

  private connectAsNeeded(): void {
    for (let count = 0; count < CONNECTS_PER_EVENT && this.shouldConnect(); count++) {
      const first = this.connecting.size + this.busy.size === 0;
      const allowed = takeConnection(this.host, this.limits, first);
      if (!allowed) this.info.stats.upstreamCxOverflow.inc();
      if (!allowed && !first) return;
      const client = new TcpClient(this);
      this.connecting.addFirst(client);
      client.connect();
      if (!allowed) return;
    }
  }

  private shouldConnect(): boolean {
    return this.pending.size > this.connecting.size;
  }

  private closeExcess(): void {
    while (this.connecting.size > this.pending.size) (this.connecting.first as TcpClient).close();
  }

  private checkDrained(): void {
    if (this.drained === null) return;
    if (this.connecting.size + this.busy.size + this.pending.size > 0) return;
    const listeners = this.drained;
    this.drained = [];
    for (const done of listeners) done();
  }
}

/** A downstream connection that waits for its upstream one. */
class PendingConnection implements PoolCancellable, ListMember<PendingConnection> {
  previous: PendingConnection | null = null;
  next: PendingConnection | null = null;
  readonly callbacks: TcpPoolCallbacks;
  /** Neither callback nor cancel has happened. */
  waiting = true;
  queued = true;
  private readonly pool: TcpPool;

  constructor(pool: TcpPool, callbacks: TcpPoolCallbacks) {
    this.pool = pool;
    this.callbacks = callbacks;
  }

  cancel(): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.pool.cancelPending(this);
  }
}
