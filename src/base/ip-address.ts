// hot: per connection
/**
 * Parses IP addresses from text into 32-bit words, as inet_pton does: no zone, no leading zeros in
 * IPv4.
 */

const DOT = 46;
const COLON = 58;
const ZERO = 48;

/** The address as an unsigned 32-bit number, or -1 when the text is no IPv4 address. */
export function parseIpv4(text: string, start: number = 0): number {
  let value = 0;
  let parts = 0;
  let at = start;
  while (parts < 4) {
    const partStart = at;
    let part = 0;
    while (at < text.length && at - partStart < 4) {
      const digit = text.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9) break;
      part = part * 10 + digit;
      at++;
    }
    const digits = at - partStart;
    if (digits === 0 || part > 255 || (digits > 1 && text.charCodeAt(partStart) === ZERO))
      return -1;
    value = value * 256 + part;
    parts++;
    if (parts < 4 && text.charCodeAt(at++) !== DOT) return -1;
  }
  return at === text.length ? value : -1;
}

/** Writes the four 32-bit words of an IPv6 address into `words`; false when the text is none. */
export function parseIpv6(text: string, words: Uint32Array): boolean {
  const groups = scratch;
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count >= 8) return false;
    const end = endOfGroup(text, at);
    if (text.charCodeAt(end) === DOT) {
      if (!addEmbeddedIpv4(text, at, groups, count)) return false;
      count += 2;
      at = text.length;
      break;
    }
    const group = parseGroup(text, at, end);
    if (group < 0) return false;
    groups[count++] = group;
    at = end;
    if (at === text.length) break;
    at++;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    } else if (at === text.length) return false;
  }
  return placeGroups(groups, count, gap, words);
}

const scratch = new Uint16Array(8);

function endOfGroup(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === COLON || code === DOT) return at;
    at++;
  }
  return at;
}

function parseGroup(text: string, start: number, end: number): number {
  if (end === start || end - start > 4) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = hexDigit(text.charCodeAt(at));
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function addEmbeddedIpv4(text: string, at: number, groups: Uint16Array, count: number): boolean {
  if (count > 6) return false;
  const value = parseIpv4(text, at);
  if (value < 0) return false;
  groups[count] = value >>> 16;
  groups[count + 1] = value & 0xffff;
  return true;
}

function placeGroups(groups: Uint16Array, count: number, gap: number, words: Uint32Array): boolean {
  if (gap < 0 ? count !== 8 : count > 7) return false;
  const missing = 8 - count;
  for (let index = 0; index < 8; index += 2) {
    words[index >> 1] =
      groupAt(groups, index, gap, missing) * 65536 + groupAt(groups, index + 1, gap, missing);
  }
  return true;
}

function groupAt(groups: Uint16Array, index: number, gap: number, missing: number): number {
  if (gap < 0 || index < gap) return groups[index]!;
  return index < gap + missing ? 0 : groups[index - missing]!;
}

/** The dotted form of what `parseIpv4` gives. */
export function ipv4Text(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join(".");
}
