/**
 * A host of one data plane: the description of today, shared numbers, and this data plane's pools.
 * Envoy: `Upstream::HostImpl` (source/common/upstream/upstream_impl.cc).
 */
import type { ResourcePriority } from "./cluster.ts";
import type { ClusterHealth } from "./cluster-health.ts";
import type { HttpConnectionPool, TcpConnectionPool } from "./connection-pool.ts";
import type { HealthSlot } from "./health-slots.ts";
import {
  flagsOfHealthStatus,
  type HealthCheckMonitor,
  HealthFlag,
  type Host,
  type HostDescription,
  type HostFeedback,
  type HostMonitor,
} from "./host.ts";
import type { HostSlot } from "./host-slots.ts";

/** DEFAULT and HIGH. */
const PRIORITIES = 2;
const FAILED = HealthFlag.FailedActiveHealthCheck | HealthFlag.FailedOutlierCheck;

/** The health of a host and of its cluster, as all data planes share it. */
export interface HostHealth {
  readonly slot: HealthSlot | null;
  readonly cluster: ClusterHealth | null;
}

export const NO_HEALTH: HostHealth = { slot: null, cluster: null };

/** The cluster a host belongs to: it may be chosen through another cluster (aggregate). */
export interface PoolOwner {
  /**
   * Takes a place among the pools of the cluster, for the pool that is opened next. False when
   * there are as many as there may be; that is counted.
   */
  mayOpenHttpPool(priority: ResourcePriority): boolean;
  /** As `mayOpenHttpPool`, whatever the limit says. */
  takePoolPlace(priority: ResourcePriority): void;
  openHttpPool(host: UpstreamHost, priority: ResourcePriority): HttpConnectionPool;
  openTcpPool(host: UpstreamHost, priority: ResourcePriority): TcpConnectionPool;
}

export class UpstreamHost implements Host {
  description: HostDescription;
  readonly stats: HostSlot;
  feedback: HostFeedback | null = null;
  monitor: HostMonitor | null = null;
  healthMonitor: HealthCheckMonitor | null = null;
  /** Discovery names it no more; it stays as long as its health checks pass. */
  pendingRemoval = false;
  /** What outlier detection and health checks know of it; null when its cluster has neither. */
  readonly health: HealthSlot | null;
  /** By resource priority; null until first used. */
  readonly httpPools: (HttpConnectionPool | null)[] = new Array<null>(PRIORITIES).fill(null);
  readonly tcpPools: (TcpConnectionPool | null)[] = new Array<null>(PRIORITIES).fill(null);
  private failed = false;
  /** Discovery's word on health; the rest is in shared memory. */
  private discoveryFlags: number;
  private readonly clusterHealth: ClusterHealth | null;
  private readonly owner: PoolOwner;

  constructor(
    description: HostDescription,
    stats: HostSlot,
    owner: PoolOwner,
    parts: HostHealth = NO_HEALTH,
  ) {
    this.owner = owner;
    this.description = description;
    this.stats = stats;
    this.health = parts.slot;
    this.clusterHealth = parts.cluster;
    this.discoveryFlags = flagsOfHealthStatus(description.health);
  }

  hasHttpPool(priority: ResourcePriority): boolean {
    const index = priority === "HIGH" ? 1 : 0;
    if (this.httpPools[index] !== null) return true;
    if (!this.owner.mayOpenHttpPool(priority)) return false;
    this.httpPools[index] = this.owner.openHttpPool(this, priority);
    return true;
  }

  /** The pool has neither connections nor requests: the next request makes a new one. */
  forgetHttpPool(pool: HttpConnectionPool): void {
    const index = this.httpPools.indexOf(pool);
    if (index >= 0) this.httpPools[index] = null;
  }

  httpPool(priority: ResourcePriority): HttpConnectionPool {
    const index = priority === "HIGH" ? 1 : 0;
    return this.httpPools[index] ?? this.openHttpPool(priority, index);
  }

  tcpPool(priority: ResourcePriority): TcpConnectionPool {
    const index = priority === "HIGH" ? 1 : 0;
    return this.tcpPools[index] ?? this.openTcpPool(priority, index);
  }

  get addressText(): string {
    return this.description.addressText;
  }

  /** Takes a new weight, health, metadata, priority: the host stays the same. */
  update(description: HostDescription): void {
    this.description = description;
    this.discoveryFlags = flagsOfHealthStatus(description.health);
  }

  healthFlags(): number {
    const flags = this.stats.flags() | this.discoveryFlags;
    return this.pendingRemoval ? flags | HealthFlag.PendingDynamicRemoval : flags;
  }

  /** Its checks fail or it is ejected, and this data plane did not know yet. */
  turnedFailed(): boolean {
    const before = this.failed;
    this.failed = (this.stats.flags() & FAILED) !== 0;
    return this.failed && !before;
  }

  setHealthFlag(flag: number): void {
    if (this.stats.setFlag(flag)) this.clusterHealth?.changed();
  }

  clearHealthFlag(flag: number): void {
    if (this.stats.clearFlag(flag)) this.clusterHealth?.changed();
  }

  /** Closes idle connections, lets busy ones finish, then gives the shared numbers back. */
  drain(done: () => void): void {
    let open = 1;
    const one = (): void => {
      if (--open > 0) return;
      this.stats.release();
      this.health?.release();
      done();
    };
    for (const pool of [...this.httpPools, ...this.tcpPools]) {
      if (pool === null) continue;
      open++;
      pool.drain(one);
    }
    one();
  }

  /** Gives all pools away: the next request opens new ones. */
  takePools(): { readonly http: HttpConnectionPool[]; readonly tcp: TcpConnectionPool[] } {
    const http = this.httpPools.filter((pool) => pool !== null);
    const tcp = this.tcpPools.filter((pool) => pool !== null);
    this.httpPools.fill(null);
    this.tcpPools.fill(null);
    return { http, tcp };
  }

  private openHttpPool(priority: ResourcePriority, index: 0 | 1): HttpConnectionPool {
    this.owner.takePoolPlace(priority);
    const pool = this.owner.openHttpPool(this, priority);
    this.httpPools[index] = pool;
    return pool;
  }

  private openTcpPool(priority: ResourcePriority, index: 0 | 1): TcpConnectionPool {
    const pool = this.owner.openTcpPool(this, priority);
    this.tcpPools[index] = pool;
    return pool;
  }
}
