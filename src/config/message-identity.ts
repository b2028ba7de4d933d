/**
 * A short text that is equal for equal plain messages, whatever the order of their keys: decides
 * whether an update changes anything. Envoy: `MessageUtil::hash`. 128 bits; not for adversaries.
 */

/** 32 hex digits. */
export function messageIdentity(message: unknown): string {
  return hash128(canonicalText(message));
}

/** Deterministic text: keys sorted, absent fields left out. */
function canonicalText(value: unknown): string {
  if (value === null || typeof value !== "object") {
    return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? "");
  }
  if (value instanceof Uint8Array) return `b${value.join(",")}`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  const fields = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] !== undefined)
      parts.push(`${JSON.stringify(key)}:${canonicalText(fields[key])}`);
  }
  return `{${parts.join(",")}}`;
}

/** Four interleaved 32-bit multiply-xor lanes (cyrb128 construction). */
function hash128(text: string): string {
  let a = 1779033703;
  let b = 3144134277;
  let c = 1013904242;
  let d = 2773480762;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    a = b ^ Math.imul(a ^ code, 597399067);
    b = c ^ Math.imul(b ^ code, 2869860233);
    c = d ^ Math.imul(c ^ code, 951274213);
    d = a ^ Math.imul(d ^ code, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  const all = a ^ b ^ c ^ d;
  return [all, b ^ all, c ^ all, d ^ all]
    .map((word) => (word >>> 0).toString(16).padStart(8, "0"))
    .join("");
}
