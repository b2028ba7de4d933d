// hot: per request
/**
 * Which cluster a matched route forwards to: a fixed one, one named by a header, or a weighted
 * choice. Envoy: source/common/router/{header_cluster_specifier,weighted_cluster_specifier}.cc.
 */
import type { HeaderName } from "../codec/header-names.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { ForwardRoute } from "./forward-route.ts";
import type { HashPolicy } from "./hash-policy.ts";
import type { RouteMatchInput } from "./route.ts";

export interface ClusterSelection {
  /** Null when no choice is possible (all weights zero). */
  select(input: RouteMatchInput): ForwardRoute | null;
}

export class FixedCluster implements ClusterSelection {
  private readonly route: ForwardRoute;

  constructor(route: ForwardRoute) {
    this.route = route;
  }

  select(): ForwardRoute {
    return this.route;
  }
}

const ROUTES_MAX = 64;

/** `cluster_header`: the first value; an absent header leaves the name empty. */
export class HeaderCluster implements ClusterSelection {
  private readonly base: ForwardRoute;
  private readonly header: HeaderName;
  /** Routes made so far: clients name few clusters, and those who invent names only fill this. */
  private readonly routes: Map<string, ForwardRoute> = new Map();

  constructor(base: ForwardRoute, header: HeaderName) {
    this.base = base;
    this.header = header;
  }

  select(input: RouteMatchInput): ForwardRoute {
    const name = input.headers.get(this.header);
    if (name === undefined || name === "") return this.base;
    const known = this.routes.get(name);
    if (known !== undefined) return known;
    const route = this.base.withCluster(name);
    if (this.routes.size < ROUTES_MAX) this.routes.set(name, route);
    return route;
  }
}

export interface WeightedEntry {
  readonly selection: ClusterSelection;
  readonly weight: number;
  /** Runtime key that overrides the weight, or "". */
  readonly runtimeKey: string;
}

/** Where the number that decides comes from, and what can change the weights. */
export interface WeightedOptions {
  /** A header with one decimal number, or null. */
  readonly header: HeaderName | null;
  /** The route's hash policy when use_hash_policy is set. */
  readonly hashPolicy: HashPolicy | null;
  /** Null when weights are fixed. */
  readonly runtime: RuntimeSnapshot | null;
}

export class WeightedClusters implements ClusterSelection {
  private readonly entries: readonly WeightedEntry[];
  private readonly options: WeightedOptions;
  private readonly totalWeight: number;
  /** Weights of the choice at hand: runtime may change between two reads. */
  private readonly weights: number[];

  constructor(entries: readonly WeightedEntry[], options: WeightedOptions) {
    this.entries = entries;
    this.options = options;
    this.weights = entries.map((entry) => entry.weight);
    this.totalWeight = this.weights.reduce((sum, weight) => sum + weight, 0);
  }

  select(input: RouteMatchInput): ForwardRoute | null {
    const total = this.options.runtime === null ? this.totalWeight : this.readWeights();
    if (total === 0) return null;
    const selected = this.number(input, total);
    let end = 0;
    for (let index = 0; index < this.entries.length; index++) {
      end += this.weights[index]!;
      if (selected < end) return this.entries[index]!.selection.select(input);
    }
    return null;
  }

  private readWeights(): number {
    let total = 0;
    for (let index = 0; index < this.entries.length; index++) {
      const { runtimeKey, weight } = this.entries[index]!;
      const current = Math.max(0, this.options.runtime!.getInteger(runtimeKey, weight));
      this.weights[index] = current;
      total += current;
    }
    return total;
  }

  private number(input: RouteMatchInput, total: number): number {
    const { header, hashPolicy } = this.options;
    if (header !== null) {
      const given = input.headers.count(header) === 1 ? input.headers.get(header) : undefined;
      const value = given === undefined ? -1 : remainder(given, total);
      if (value >= 0) return value;
    }
    if (hashPolicy !== null) {
      const hash = hashPolicy.hash(input.headers, input.streamInfo, null);
      if (hash !== null) return Number(hash % BigInt(total));
    }
    return input.random() % total;
  }
}

const UNSIGNED = /^[0-9]{1,20}$/;
const UINT64_MAX = 2n ** 64n - 1n;

/** A decimal 64-bit number modulo `total`; −1 for anything else. */
function remainder(text: string, total: number): number {
  const digits = text.trim();
  if (!UNSIGNED.test(digits)) return -1;
  if (digits.length <= 15) return Number(digits) % total;
  const value = BigInt(digits);
  return value > UINT64_MAX ? -1 : Number(value % BigInt(total));
}
