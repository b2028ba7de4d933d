// hot: per request
/**
 * The priorities of several clusters as one list: chooses one of them by its load, then lets the
 * cluster it belongs to choose the host. Envoy: `AggregateClusterLoadBalancer`,
 * `AggregateLoadBalancerContext` (source/extensions/clusters/aggregate).
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import type { RandomGenerator } from "../../../platform/random.ts";
import type { SiblingCluster, SiblingClusters } from "../../../upstream/discovery.ts";
import type { Host } from "../../../upstream/host.ts";
import type { HostSet, PrioritySet } from "../../../upstream/host-set.ts";
import {
  type ClusterLoadBalancer,
  EMPTY_CONTEXT,
  type LoadBalancerContext,
  type OverrideHost,
  type PriorityLoads,
} from "../../../upstream/load-balancer.ts";
import {
  choosePriority,
  computePriorityLoads,
  priorityHealth,
} from "../../../upstream/priority.ts";

/** Where a priority of the list comes from. */
interface Level {
  readonly cluster: SiblingCluster;
  /** All load of that cluster on this priority: on its healthy hosts, or its degraded ones. */
  readonly healthy: PriorityLoads;
  readonly degraded: PriorityLoads;
}

const NO_LOADS: PriorityLoads = { healthy: [], degraded: [], panic: [] };

export class AggregateLoadBalancer implements ClusterLoadBalancer {
  private readonly names: readonly string[];
  private readonly siblings: SiblingClusters;
  private readonly random: RandomGenerator;
  private panicThreshold = 0;
  private stale = true;
  private clusters: readonly SiblingCluster[] = [];
  private levels: readonly Level[] = [];
  private sets: readonly HostSet[] = [];
  private loads: PriorityLoads = NO_LOADS;
  /** One choice at a time. */
  private readonly inner = new LevelContext();

  constructor(names: readonly string[], siblings: SiblingClusters, random: RandomGenerator) {
    this.names = names;
    this.siblings = siblings;
    this.random = random;
  }

  /** The aggregate has no hosts of its own; its panic threshold counts. */
  update(_hosts: PrioritySet, panicThreshold: number): void {
    this.panicThreshold = panicThreshold;
    this.stale = true;
  }

  /** A cluster, its members or their health changed: the next choice looks again. */
  invalidate(): void {
    this.stale = true;
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    for (const cluster of this.clusters) cluster.catchUp();
    if (this.stale) this.linearize();
    if (this.levels.length === 0) return null;
    const loads = context.priorityLoads(this.loads, this.sets);
    const count = this.levels.length;
    const choice = choosePriority(loads, this.random.uint32());
    const degraded = choice >= count;
    const level = this.levels[degraded ? choice - count : choice] as Level;
    const { inner } = this;
    inner.outer = context;
    inner.loads = degraded ? level.degraded : level.healthy;
    const host = level.cluster.loadBalancer.chooseHost(inner);
    inner.outer = EMPTY_CONTEXT;
    return host;
  }

  /** Priorities without hosts and clusters that are not there do not count. */
  private linearize(): void {
    this.stale = false;
    const clusters: SiblingCluster[] = [];
    const levels: Level[] = [];
    const sets: HostSet[] = [];
    for (const name of this.names) {
      const cluster = this.siblings.find(name);
      // Nothing speaks HTTP/2 to hosts yet.
      if (cluster === null || cluster.info.wantsHttp2) continue;
      clusters.push(cluster);
      const own = cluster.members.sets;
      for (const set of own) {
        if (set.hosts.length === 0) continue;
        levels.push(levelOf(cluster, set.priority, own.length));
        sets.push({ ...set, priority: sets.length });
      }
    }
    this.clusters = clusters;
    this.levels = levels;
    this.sets = sets;
    this.loads = computePriorityLoads(sets.map(priorityHealth), this.panicThreshold);
  }
}

function levelOf(cluster: SiblingCluster, priority: number, count: number): Level {
  const none = new Array<number>(count).fill(0);
  const all = none.map((_, index) => (index === priority ? 100 : 0));
  const panic = new Array<boolean>(count).fill(false);
  return {
    cluster,
    healthy: { healthy: all, degraded: none, panic },
    degraded: { healthy: none, degraded: all, panic },
  };
}

/** What the request brings, but with the priority chosen already. */
class LevelContext implements LoadBalancerContext {
  outer: LoadBalancerContext = EMPTY_CONTEXT;
  loads: PriorityLoads = NO_LOADS;

  get hash(): bigint | null {
    return this.outer.hash;
  }

  get metadataMatch(): Record<string, unknown> | null {
    return this.outer.metadataMatch;
  }

  get requestHeaders(): RequestHeaderMap | null {
    return this.outer.requestHeaders;
  }

  get streamInfo(): StreamInfo | null {
    return this.outer.streamInfo;
  }

  get overrideHost(): OverrideHost | null {
    return this.outer.overrideHost;
  }

  get hostSelectionAttempts(): number {
    return this.outer.hostSelectionAttempts;
  }

  addCookie(setCookie: string): void {
    this.outer.addCookie(setCookie);
  }

  shouldSelectAnotherHost(host: Host): boolean {
    return this.outer.shouldSelectAnotherHost(host);
  }

  priorityLoads(): PriorityLoads {
    return this.loads;
  }
}
