// hot: per connection
/**
 * Address ranges, and a binary trie that finds the ranges holding an address, most specific first.
 * Envoy: `Network::Address::CidrRange`, `LcTrie` (RFC 4632).
 */
import { parseIpv4, parseIpv6 } from "./ip-address.ts";

const words = new Uint32Array(4);

/** One range of IPv4 or IPv6 addresses. The families never match each other. */
export class CidrRange {
  readonly ipv6: boolean;
  /** One word for IPv4, four for IPv6; bits beyond the prefix are zero. */
  readonly words: Uint32Array;
  readonly prefixLength: number;

  constructor(ipv6: boolean, addressWords: Uint32Array, prefixLength: number) {
    this.ipv6 = ipv6;
    this.words = addressWords;
    this.prefixLength = prefixLength;
  }

  /** False for other families and for text that is no address. */
  contains(ip: string): boolean {
    if (!this.ipv6) {
      const value = parseIpv4(ip);
      return value >= 0 && (value & maskOf(this.prefixLength)) >>> 0 === this.words[0];
    }
    if (!parseIpv6(ip, words)) return false;
    for (let index = 0; index < 4; index++) {
      const mask = maskOf(this.prefixLength - 32 * index);
      if ((words[index]! & mask) >>> 0 !== this.words[index]) return false;
    }
    return true;
  }
}

/** The first `length` bits of a 32-bit word (clamped to 0 … 32). */
function maskOf(length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? -1 : -1 << (32 - length);
}

/**
 * A range, or null when the text is no IP address. A prefix longer than the address is cut to its
 * size.
 */
export function parseCidrRange(ip: string, prefixLength: number): CidrRange | null {
  const value = parseIpv4(ip);
  if (value >= 0) {
    const length = Math.min(prefixLength, 32);
    return new CidrRange(false, Uint32Array.of((value & maskOf(length)) >>> 0), length);
  }
  const parsed = new Uint32Array(4);
  if (!parseIpv6(ip, parsed)) return null;
  const length = Math.min(prefixLength, 128);
  for (let index = 0; index < 4; index++) parsed[index]! &= maskOf(length - 32 * index);
  return new CidrRange(true, parsed, length);
}

class TrieNode<Value> {
  zero: TrieNode<Value> | null = null;
  one: TrieNode<Value> | null = null;
  values: Value[] | null = null;
}

/** Values by address range. Built once, then only read. */
export class CidrTrie<Value> {
  private readonly ipv4: TrieNode<Value> = new TrieNode();
  private readonly ipv6: TrieNode<Value> = new TrieNode();

  add(range: CidrRange, value: Value): void {
    let node = range.ipv6 ? this.ipv6 : this.ipv4;
    for (let bit = 0; bit < range.prefixLength; bit++) {
      if (bitAt(range.words, bit)) {
        node.one ??= new TrieNode();
        node = node.one;
      } else {
        node.zero ??= new TrieNode();
        node = node.zero;
      }
    }
    node.values ??= [];
    node.values.push(value);
  }

  /** The first value added to the longest range that holds the address, or undefined. */
  longest(ip: string): Value | undefined {
    let found: Value[] | null = null;
    let node = this.root(ip);
    for (let bit = 0; node !== null; bit++) {
      if (node.values !== null) found = node.values;
      node = bitAt(words, bit) ? node.one : node.zero;
    }
    return found === null ? undefined : found[0];
  }

  /**
   * Every value whose range holds the address: longest prefix first, then in the order of adding.
   */
  all(ip: string): Value[] {
    const levels: Value[][] = [];
    let node = this.root(ip);
    for (let bit = 0; node !== null; bit++) {
      if (node.values !== null) levels.push(node.values);
      node = bitAt(words, bit) ? node.one : node.zero;
    }
    return levels.reverse().flat();
  }

  /** Leaves the address in `words`. */
  private root(ip: string): TrieNode<Value> | null {
    const value = parseIpv4(ip);
    if (value >= 0) {
      words[0] = value;
      return this.ipv4;
    }
    return parseIpv6(ip, words) ? this.ipv6 : null;
  }
}

/**
 * Bits count from the most significant one of the first word; beyond the last word they read as 0.
 */
function bitAt(address: Uint32Array, bit: number): boolean {
  return (address[bit >> 5]! & (1 << (31 - (bit & 31)))) !== 0;
}
