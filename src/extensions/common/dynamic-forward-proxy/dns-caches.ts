/**
 * The DNS caches of one data plane by name: clusters and filters that say the same name share one,
 * which lives as long as somebody uses it. Envoy: `DnsCacheManagerImpl`, `DFPClusterStore`.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { DnsCache, type DnsCacheServices } from "./dns-cache.ts";
import type { DnsCacheConfig } from "./dns-cache-config.ts";

interface Shared {
  readonly cache: DnsCache;
  users: number;
}

/** Settings that were compiled, but are not in use yet. */
interface Declaration {
  readonly identity: string;
  /** Time of the event that compiled them: one configuration is compiled in one event. */
  readonly atMs: number;
}

export class DnsCaches {
  private readonly services: DnsCacheServices;
  private readonly shared = new Map<string, Shared>();
  private readonly declared = new Map<string, Declaration>();
  /** Dynamic forward proxy clusters per name: an old and a new one may overlap. */
  private readonly clusters = new Map<string, number>();

  constructor(services: DnsCacheServices) {
    this.services = services;
  }

  /** All who name a cache must agree on its settings. False after an error was reported. */
  check(config: DnsCacheConfig, context: CompileContext): boolean {
    const { name, identity } = config;
    const atMs = this.services.dispatcher.nowMs;
    const declared = this.declared.get(name);
    const earlier = declared?.atMs === atMs ? declared.identity : undefined;
    const known = this.shared.get(name)?.cache.config.identity ?? earlier;
    if (known !== undefined && known !== identity) {
      context.error(
        `config specified DNS cache '${name}' with different settings`,
        "write the same dns_cache_config in the cluster and in the filter, or give it another name",
      );
      return false;
    }
    this.declared.set(name, { identity, atMs });
    return true;
  }

  /** `release` must follow. */
  acquire(config: DnsCacheConfig): DnsCache {
    let shared = this.shared.get(config.name);
    if (shared === undefined) {
      shared = { cache: new DnsCache(config, this.services), users: 0 };
      this.shared.set(config.name, shared);
    }
    shared.users++;
    return shared.cache;
  }

  release(cache: DnsCache): void {
    const { name } = cache.config;
    const shared = this.shared.get(name);
    if (shared?.cache !== cache || --shared.users > 0) return;
    this.shared.delete(name);
    cache.close();
  }

  /** A dynamic forward proxy cluster begins. `removeCluster` must follow. */
  addCluster(name: string): void {
    this.clusters.set(name, (this.clusters.get(name) ?? 0) + 1);
  }

  removeCluster(name: string): void {
    const count = (this.clusters.get(name) ?? 0) - 1;
    if (count > 0) this.clusters.set(name, count);
    else this.clusters.delete(name);
  }

  /** Requests to this cluster need their names resolved. */
  serves(clusterName: string): boolean {
    return this.clusters.has(clusterName);
  }
}
