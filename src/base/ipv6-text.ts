/** IPv6 addresses as text in their one canonical form (RFC 5952). */
import { parseIpv6 } from "./ip-address.ts";

/** The 16 bytes at `at`. */
export function ipv6FromBytes(bytes: Buffer, at: number): string {
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) groups.push(bytes.readUInt16BE(at + index));
  return formatGroups(groups);
}

/** The canonical form of other IPv6 text; null when it is no IPv6 address. */
export function canonicalIpv6(text: string): string | null {
  const words = new Uint32Array(4);
  return parseIpv6(text, words) ? ipv6Text(words) : null;
}

/** Four words, most significant first. */
export function ipv6Text(words: Uint32Array): string {
  const groups: number[] = [];
  for (const word of words) groups.push(word >>> 16, word & 0xffff);
  return formatGroups(groups);
}

/** The longest run of two or more zero groups becomes "::". */
function formatGroups(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > bestLength) {
      bestStart = start;
      bestLength = end - start;
    }
  }
  const text = groups.map((group) => group.toString(16));
  if (bestStart < 0) return text.join(":");
  const head = text.slice(0, bestStart).join(":");
  return `${head}::${text.slice(bestStart + bestLength).join(":")}`;
}
