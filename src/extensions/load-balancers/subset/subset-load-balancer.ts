// hot: per request
/**
 * Sends a request to the hosts whose metadata match its criteria, with fallbacks when there are
 * none. Envoy: `SubsetLoadBalancer`
 * (source/extensions/load_balancing_policies/subset/subset_lb.cc).
 */
import type { Gauge } from "../../../stats/gauge.ts";
import type { Host } from "../../../upstream/host.ts";
import type { PrioritySet } from "../../../upstream/host-set.ts";
import type {
  ClusterLoadBalancer,
  LoadBalancerContext,
  LoadBalancerServices,
  LoadBalancingPolicy,
} from "../../../upstream/load-balancer.ts";
import type { SelectorConfig, SubsetConfig } from "./config.ts";
import { BalancedSubset, type HostSubset, SingleHostSubset } from "./host-subset.ts";
import { matchesMetadata, sortedKeys, subsetKey, subsetValues } from "./metadata-value.ts";
import { SelectorTree } from "./selector-tree.ts";

type Criteria = Readonly<Record<string, unknown>>;

const NO_METADATA: Criteria = {};
const FALLBACK_LIST = "fallback_list";

/** What to do with a request, found once per criteria and update. */
type Plan =
  | { readonly kind: "subset"; readonly subset: HostSubset }
  | { readonly kind: "selector-fallback"; readonly subset: HostSubset | null }
  | { readonly kind: "fallback" };

const FALLBACK: readonly Plan[] = [{ kind: "fallback" }];

export class SubsetLoadBalancer implements ClusterLoadBalancer {
  private readonly config: SubsetConfig;
  private readonly child: LoadBalancingPolicy;
  private readonly services: LoadBalancerServices;
  private readonly tree: SelectorTree;
  private readonly duplicates: Gauge;
  /** Null unless some fallback needs them. */
  private readonly any: HostSubset | null;
  private readonly byDefault: HostSubset | null;
  private readonly fallback: HostSubset | null;
  private readonly subsets = new Map<string, HostSubset>();
  /** Plans of criteria; those of routes are the same objects for every request. */
  private plans = new WeakMap<object, readonly Plan[]>();

  constructor(config: SubsetConfig, child: LoadBalancingPolicy, services: LoadBalancerServices) {
    this.config = config;
    this.child = child;
    this.services = services;
    this.tree = new SelectorTree(config.selectors);
    this.duplicates = services.configurationScope.gauge(
      "lb_subsets_single_host_per_subset_duplicate",
    );
    const { fallback, selectors } = config;
    const wants = (policy: string): boolean =>
      fallback === policy || selectors.some((selector) => selector.fallback === policy);
    this.any = config.panicModeAny || wants("ANY_ENDPOINT") ? this.balanced() : null;
    this.byDefault = wants("DEFAULT_SUBSET") ? this.balanced() : null;
    if (fallback === "NO_FALLBACK") this.fallback = null;
    else this.fallback = fallback === "ANY_ENDPOINT" ? this.any : this.byDefault;
  }

  update(hosts: PrioritySet, panicThreshold: number): void {
    this.plans = new WeakMap();
    for (const set of hosts.sets) for (const host of set.hosts) this.sort(host);
    this.any?.finish(hosts, panicThreshold);
    this.byDefault?.finish(hosts, panicThreshold);
    let duplicates = 0;
    for (const [key, subset] of this.subsets) {
      subset.finish(hosts, panicThreshold);
      if (subset instanceof SingleHostSubset) duplicates += subset.duplicates;
      if (!subset.active) this.remove(key, subset);
    }
    this.duplicates.set(duplicates);
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    const { metadataMatch } = context;
    let plans: readonly Plan[] = FALLBACK;
    if (metadataMatch !== null) plans = this.plans.get(metadataMatch) ?? this.plan(metadataMatch);
    for (let index = 0; index < plans.length; index++) {
      const host = this.follow(plans[index] as Plan, context);
      if (host !== null) return host;
    }
    return null;
  }

  close(): void {
    this.any?.close();
    this.byDefault?.close();
    for (const [key, subset] of this.subsets) this.remove(key, subset);
  }

  private follow(plan: Plan, context: LoadBalancerContext): Host | null {
    const { stats } = this.services;
    if (plan.kind === "subset") {
      stats.lbSubsetsSelected.inc();
      return plan.subset.choose(context);
    }
    if (plan.kind === "selector-fallback") return plan.subset?.choose(context) ?? null;
    if (this.fallback === null) return null;
    let host = this.fallback.choose(context);
    if (host !== null) {
      stats.lbSubsetsFallback.inc();
      return host;
    }
    if (!this.config.panicModeAny) return null;
    host = (this.any as HostSubset).choose(context);
    if (host !== null) stats.lbSubsetsFallbackPanic.inc();
    return host;
  }

  private plan(criteria: Criteria): readonly Plan[] {
    const plans = this.plansOf(criteria);
    this.plans.set(criteria, plans);
    return plans;
  }

  private plansOf(criteria: Criteria): readonly Plan[] {
    const list = this.config.fallbackList ? criteria[FALLBACK_LIST] : undefined;
    if (list === undefined) return [this.planOf(criteria)];
    const { [FALLBACK_LIST]: _list, ...rest } = criteria;
    if (!Array.isArray(list) || list.length === 0) return [this.planOf(rest)];
    return list.map((more) => this.planOf({ ...rest, ...(more as Criteria) }));
  }

  private planOf(criteria: Criteria): Plan {
    const used = this.withoutRedundantKeys(criteria);
    const keys = sortedKeys(used);
    const subset = this.subsets.get(
      subsetKey(
        keys,
        keys.map((key) => used[key]),
      ),
    );
    if (keys.length > 0 && subset?.active === true) return { kind: "subset", subset };
    const selector = this.tree.find(keys);
    switch (selector?.fallback) {
      case "ANY_ENDPOINT":
        return { kind: "selector-fallback", subset: this.any };
      case "DEFAULT_SUBSET":
        return { kind: "selector-fallback", subset: this.byDefault };
      case "NO_FALLBACK":
        return { kind: "selector-fallback", subset: null };
      case "KEYS_SUBSET":
        return this.planOf(pick(used, selector.fallbackKeys));
      default:
        return FALLBACK[0] as Plan;
    }
  }

  /** The first selector whose keys are all there decides which count. */
  private withoutRedundantKeys(criteria: Criteria): Criteria {
    if (!this.config.allowRedundantKeys) return criteria;
    const { selectors } = this.config;
    const selector = selectors.find(({ keys }) =>
      keys.every((key) => Object.hasOwn(criteria, key)),
    );
    return selector === undefined ? criteria : pick(criteria, selector.keys);
  }

  /** Puts a host into all its subsets. */
  private sort(host: Host): void {
    const { listAsAny, defaultSubset, selectors } = this.config;
    const metadata = host.description.metadata?.["envoy.lb"] ?? NO_METADATA;
    this.any?.add(host);
    if (this.byDefault !== null && matchesMetadata(metadata, defaultSubset, listAsAny)) {
      this.byDefault.add(host);
    }
    for (const selector of selectors) {
      for (const values of subsetValues(metadata, selector.keys, listAsAny)) {
        this.subsetOf(selector, values).add(host);
      }
    }
  }

  /** Of two selectors with the same keys the first says what kind of subset it is. */
  private subsetOf(selector: SelectorConfig, values: readonly unknown[]): HostSubset {
    const key = subsetKey(selector.keys, values);
    let subset = this.subsets.get(key);
    if (subset === undefined) {
      subset = selector.singleHost ? new SingleHostSubset() : this.balanced();
      this.subsets.set(key, subset);
      this.services.stats.lbSubsetsActive.add(1);
      this.services.stats.lbSubsetsCreated.inc();
    }
    return subset;
  }

  private remove(key: string, subset: HostSubset): void {
    subset.close();
    this.subsets.delete(key);
    this.services.stats.lbSubsetsActive.add(-1);
    this.services.stats.lbSubsetsRemoved.inc();
  }

  private balanced(): HostSubset {
    const { localityWeightAware: aware, scaleLocalityWeight: scaled } = this.config;
    return new BalancedSubset(this.child.createBalancer(this.services), { aware, scaled });
  }
}

function pick(criteria: Criteria, keys: readonly string[]): Criteria {
  const picked: Record<string, unknown> = {};
  for (const key of keys) if (Object.hasOwn(criteria, key)) picked[key] = criteria[key];
  return picked;
}
