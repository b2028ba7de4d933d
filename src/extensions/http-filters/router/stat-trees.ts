/**
 * Stats that a request writes beside those of its cluster: `vhost.<host>.vcluster.<name>.`,
 * `vhost.<host>.route.<stat_prefix>.`, `cluster.<name>.<x-envoy-upstream-alt-stat-name>.`. Made at
 * first use and kept. Envoy: `VirtualCluster::stats`, `RouteStatsContext`,
 * `Filter::alt_stat_prefix_`.
 */
import {
  ClusterResponseCodeStats,
  ResponseCodeStats,
} from "../../../stats/groups/response-code-stats.ts";
import { VirtualClusterStats } from "../../../stats/groups/virtual-cluster-stats.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";

/** A virtual cluster, or a route with a stat prefix. */
export interface StatTree {
  readonly codes: ResponseCodeStats;
  readonly requests: VirtualClusterStats;
}

/** Clients choose alternative names: only so many are kept apart. */
const ALTERNATIVES_MAX = 1000;

export class StatTrees {
  private readonly root: StatsScope;
  private readonly virtualClusters = new Map<string, Map<string, StatTree>>();
  private readonly routes = new Map<string, Map<string, StatTree>>();
  private readonly alternatives = new Map<string, Map<string, ClusterResponseCodeStats>>();
  private alternativeCount = 0;

  /** `root` is unprefixed. */
  constructor(root: StatsScope) {
    this.root = root;
  }

  virtualCluster(virtualHost: string, name: string): StatTree {
    return this.tree(this.virtualClusters, virtualHost, "vcluster", name);
  }

  route(virtualHost: string, statPrefix: string): StatTree {
    return this.tree(this.routes, virtualHost, "route", statPrefix);
  }

  /** Null once there are too many. */
  alternative(cluster: string, name: string): ClusterResponseCodeStats | null {
    let names = this.alternatives.get(cluster);
    const known = names?.get(name);
    if (known !== undefined) return known;
    if (this.alternativeCount === ALTERNATIVES_MAX) return null;
    this.alternativeCount++;
    if (names === undefined) {
      names = new Map();
      this.alternatives.set(cluster, names);
    }
    const made = new ClusterResponseCodeStats(
      this.root.scope("cluster").scope(cluster).scope(name),
    );
    names.set(name, made);
    return made;
  }

  private tree(
    hosts: Map<string, Map<string, StatTree>>,
    virtualHost: string,
    kind: "vcluster" | "route",
    name: string,
  ): StatTree {
    let names = hosts.get(virtualHost);
    if (names === undefined) {
      names = new Map();
      hosts.set(virtualHost, names);
    }
    let tree = names.get(name);
    if (tree === undefined) {
      const scope = this.root.scope("vhost").scope(virtualHost).scope(kind).scope(name);
      tree = { codes: new ResponseCodeStats(scope), requests: new VirtualClusterStats(scope) };
      names.set(name, tree);
    }
    return tree;
  }
}
