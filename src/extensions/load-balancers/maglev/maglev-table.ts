// hot: per request
/**
 * Maglev's lookup table (Eisenbud et al., NSDI 2016, section 3.4): hosts claim its places in turn,
 * each in an order of its own, as often as their weights allow. Envoy: `MaglevTable`. Envoy keeps
 * big tables of pointers or of bit-packed indexes; both hold the same hosts, ours holds indexes.
 */
import { XxHash64 } from "../../../base/xxhash64.ts";
import type { WeightedHosts } from "../../common/bounded-load.ts";
import { hashKey } from "../../common/hash-key.ts";
import type { HashTable } from "../../common/hash-load-balancer.ts";
import { type Hash64, remainder64 } from "../../common/hash64.ts";

const hasher = new XxHash64();
const FREE = 0xffffffff;

/** A host that claims places. */
interface Claimant {
  readonly key: string;
  readonly index: number;
  readonly weight: number;
  /** The next place to try, and the step to the one after. */
  place: number;
  step: number;
  target: number;
  count: number;
}

export class MaglevTable implements HashTable {
  readonly source: WeightedHosts;
  readonly minEntriesPerHost: number;
  readonly maxEntriesPerHost: number;
  private readonly size: number;
  private readonly table: Uint32Array;

  /** `size` is prime. */
  constructor(source: WeightedHosts, size: number, useHostname: boolean) {
    this.source = source;
    this.size = size;
    this.table = new Uint32Array(source.hosts.length === 0 ? 0 : size).fill(FREE);
    const claimants = order(source, size, useHostname);
    if (claimants.length > 0) this.fill(claimants);
    let fewest = size;
    let most = 0;
    for (const { count } of claimants) {
      fewest = Math.min(fewest, count);
      most = Math.max(most, count);
    }
    this.minEntriesPerHost = fewest;
    this.maxEntriesPerHost = most;
  }

  choose(hash: Hash64, attempt: number): number {
    if (this.table.length === 0) return -1;
    if (attempt === 0) return this.table[hash.remainder(this.size)] as number;
    // Exclusive or with 2⁶⁴ − attempt: most bits change.
    const high = ~hash.high >>> 0;
    const low = (hash.low ^ -attempt) >>> 0;
    return this.table[remainder64(high, low, this.size)] as number;
  }

  /** A host with the largest weight takes a place in every round, others in some. */
  private fill(claimants: readonly Claimant[]): void {
    const { table, size } = this;
    const heaviest = this.source.max;
    let taken = 0;
    for (let round = 1; taken < size; round++) {
      for (let at = 0; at < claimants.length && taken < size; at++) {
        const one = claimants[at] as Claimant;
        if (round * one.weight < one.target) continue;
        one.target += heaviest;
        let { place } = one;
        while (table[place] !== FREE) {
          place += one.step;
          if (place >= size) place -= size;
        }
        table[place] = one.index;
        place += one.step;
        one.place = place >= size ? place - size : place;
        one.count++;
        taken++;
      }
    }
  }
}

/** In the order of their keys, so that the table does not depend on the order of the hosts. */
function order(source: WeightedHosts, size: number, useHostname: boolean): readonly Claimant[] {
  const claimants = source.descriptions.map((description, index): Claimant => {
    const key = hashKey(description, useHostname);
    hasher.hash(key);
    const place = remainder64(hasher.high >>> 0, hasher.low >>> 0, size);
    hasher.hash(key, 0, 1);
    const step = remainder64(hasher.high >>> 0, hasher.low >>> 0, size - 1) + 1;
    const weight = source.weights[index] as number;
    return { key, index, weight, place, step, target: 0, count: 0 };
  });
  return claimants.sort((a, b) => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1));
}
