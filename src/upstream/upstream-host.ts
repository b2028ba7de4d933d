/**
 * A host of one data plane: the description of today, shared numbers, and this data plane's pools.
 * Envoy: `Upstream::HostImpl` (source/common/upstream/upstream_impl.cc).
 */
import type { HttpConnectionPool, TcpConnectionPool } from "./connection-pool.ts";
import { flagsOfHealthStatus, type Host, type HostDescription, type HostFeedback } from "./host.ts";
import type { HostSlot } from "./host-slots.ts";

/** DEFAULT and HIGH. */
const PRIORITIES = 2;

export class UpstreamHost implements Host {
  description: HostDescription;
  readonly stats: HostSlot;
  feedback: HostFeedback | null = null;
  /** By resource priority; null until first used. */
  readonly httpPools: (HttpConnectionPool | null)[] = new Array<null>(PRIORITIES).fill(null);
  readonly tcpPools: (TcpConnectionPool | null)[] = new Array<null>(PRIORITIES).fill(null);
  /** Discovery's word on health; the rest is in shared memory. */
  private discoveryFlags: number;

  constructor(description: HostDescription, stats: HostSlot) {
    this.description = description;
    this.stats = stats;
    this.discoveryFlags = flagsOfHealthStatus(description.health);
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
    return this.stats.flags() | this.discoveryFlags;
  }

  setHealthFlag(flag: number): void {
    this.stats.setFlag(flag);
  }

  clearHealthFlag(flag: number): void {
    this.stats.clearFlag(flag);
  }

  /** Closes idle connections, lets busy ones finish, then gives the shared numbers back. */
  drain(done: () => void): void {
    let open = 1;
    const one = (): void => {
      if (--open > 0) return;
      this.stats.release();
      done();
    };
    for (const pool of [...this.httpPools, ...this.tcpPools]) {
      if (pool === null) continue;
      open++;
      pool.drain(one);
    }
    one();
  }
}
