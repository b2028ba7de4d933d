// hot: per request
/**
 * A ring of hashes: each host stands on it in as many places as its weight gives it; a request goes
 * to the first place at or after its own hash. Envoy: `RingHashLoadBalancer::Ring` (after ketama).
 */
import { murmurHash2 } from "../../../base/murmur-hash2.ts";
import { XxHash64 } from "../../../base/xxhash64.ts";
import type { HostDescription } from "../../../upstream/host.ts";
import type { WeightedHosts } from "../../common/bounded-load.ts";
import { hashKey } from "../../common/hash-key.ts";
import type { HashTable } from "../../common/hash-load-balancer.ts";
import type { Hash64 } from "../../common/hash64.ts";

export interface RingSettings {
  readonly minSize: number;
  readonly maxSize: number;
  readonly murmur: boolean;
  readonly useHostname: boolean;
}

/** The hashes of one host's places, in the order they are numbered. */
interface Places {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const hasher = new XxHash64();

export class Ring implements HashTable {
  readonly source: WeightedHosts;
  /** As counted in stats; 0 without hosts. */
  readonly size: number;
  readonly minHashesPerHost: number;
  readonly maxHashesPerHost: number;
  /** By what is known of a host: an update hashes only what is new. */
  private readonly places: ReadonlyMap<HostDescription, Places>;
  /** Sorted by hash. */
  private high: Uint32Array;
  private low: Uint32Array;
  private host: Uint32Array;

  constructor(source: WeightedHosts, settings: RingSettings, previous: Ring | null) {
    this.source = source;
    const { min, hosts } = source;
    const scale =
      hosts.length === 0 ? 0 : Math.min(Math.ceil(min * settings.minSize) / min, settings.maxSize);
    this.size = Math.ceil(scale);
    const counts = placesPerHost(source.weights, scale);
    let total = 0;
    let fewest = this.size;
    let most = 0;
    for (const count of counts) {
      total += count;
      fewest = Math.min(fewest, count);
      most = Math.max(most, count);
    }
    this.minHashesPerHost = fewest;
    this.maxHashesPerHost = most;
    this.high = new Uint32Array(total);
    this.low = new Uint32Array(total);
    this.host = new Uint32Array(total);
    this.places = this.fill(counts, settings, previous);
    this.sort();
  }

  choose(hash: Hash64, attempt: number): number {
    const size = this.host.length;
    if (size === 0) return -1;
    let from = 0;
    let to = size;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.before(middle, hash)) from = middle + 1;
      else to = middle;
    }
    return this.host[(from + attempt) % size] as number;
  }

  private before(at: number, hash: Hash64): boolean {
    const high = this.high[at] as number;
    return high === hash.high ? (this.low[at] as number) < hash.low : high < hash.high;
  }

  private fill(
    counts: readonly number[],
    settings: RingSettings,
    previous: Ring | null,
  ): ReadonlyMap<HostDescription, Places> {
    const known = new Map<HostDescription, Places>();
    let at = 0;
    for (let index = 0; index < counts.length; index++) {
      const count = counts[index] as number;
      const description = this.source.descriptions[index];
      if (description === undefined) continue;
      const earlier = previous?.places.get(description);
      const places =
        earlier !== undefined && earlier.high.length >= count
          ? earlier
          : hashPlaces(hashKey(description, settings.useHostname), count, settings.murmur);
      known.set(description, places);
      this.high.set(places.high.subarray(0, count), at);
      this.low.set(places.low.subarray(0, count), at);
      this.host.fill(index, at, at + count);
      at += count;
    }
    return known;
  }

  /** By digits from the lowest: a comparing sort of a large ring would hold the loop up. */
  private sort(): void {
    const spare: Columns = {
      high: new Uint32Array(this.host.length),
      low: new Uint32Array(this.host.length),
      host: new Uint32Array(this.host.length),
    };
    const order: Columns = { high: this.high, low: this.low, host: this.host };
    let from = order;
    let to = spare;
    for (let shift = 0; shift < 64; shift += DIGIT_BITS) {
      sortByDigit(from, to, shift);
      [from, to] = [to, from];
    }
    this.high = from.high;
    this.low = from.low;
    this.host = from.host;
  }
}

interface Columns {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly host: Uint32Array;
}

function sortByDigit(from: Columns, to: Columns, shift: number): void {
  const starts = new Uint32Array(DIGITS + 1);
  const size = from.host.length;
  for (let at = 0; at < size; at++) (starts[digit(from, at, shift) + 1] as number)++;
  for (let value = 0; value < DIGITS; value++) {
    starts[value + 1] = (starts[value + 1] as number) + (starts[value] as number);
  }
  for (let at = 0; at < size; at++) {
    const value = digit(from, at, shift);
    const place = starts[value] as number;
    starts[value] = place + 1;
    to.high[place] = from.high[at] as number;
    to.low[place] = from.low[at] as number;
    to.host[place] = from.host[at] as number;
  }
}

/** Eleven bits of the hash, from bit `shift` on. */
function digit(columns: Columns, at: number, shift: number): number {
  const low = columns.low[at] as number;
  const high = columns.high[at] as number;
  if (shift >= 32) return (high >>> (shift - 32)) & (DIGITS - 1);
  const bits = low >>> shift;
  return (shift > 32 - DIGIT_BITS ? bits | (high << (32 - shift)) : bits) & (DIGITS - 1);
}

/** Running sums keep the total right although a share need not be whole. */
function placesPerHost(weights: readonly number[], scale: number): number[] {
  let current = 0;
  let target = 0;
  return weights.map((weight) => {
    target += scale * weight;
    const count = Math.max(0, Math.ceil(target) - current);
    current += count;
    return count;
  });
}

function hashPlaces(key: string, count: number, murmur: boolean): Places {
  const places = { high: new Uint32Array(count), low: new Uint32Array(count) };
  for (let number = 0; number < count; number++) {
    const text = `${key}_${number}`;
    if (murmur) {
      const hash = murmurHash2(text);
      places.high[number] = Number(hash >> 32n);
      places.low[number] = Number(hash & 0xffffffffn);
    } else {
      hasher.hash(text);
      places.high[number] = hasher.high;
      places.low[number] = hasher.low;
    }
  }
  return places;
}
