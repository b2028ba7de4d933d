/** The type of an unquoted YAML scalar, as Envoy's YAML library (yaml-cpp) decides it. */

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const TRUE = /^(y|yes|true|on)$/;
const FALSE = /^(n|no|false|off)$/;
const INTEGER = /^[-+]?(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i;

/**
 * The type of an unquoted scalar: Envoy asks yaml-cpp for a bool, then an integer, and else takes a
 * string.
 */
export function plainValue(text: string): null | boolean | number | string {
  if (NULLS.has(text)) return null;
  const first = text.charCodeAt(0) | 0x20;
  // Only these letters begin a boolean: y n t f o.
  if (first === 121 || first === 110 || first === 116 || first === 102 || first === 111) {
    const folded = foldCase(text);
    if (TRUE.test(folded)) return true;
    if (FALSE.test(folded)) return false;
    return text;
  }
  return INTEGER.test(text) ? integerValue(text) : text;
}

/**
 * Lower case, if the word is written all lower, all upper, or Capitalised; yaml-cpp takes no other
 * mix.
 */
function foldCase(text: string): string {
  const lower = text.toLowerCase();
  const capitalised = text.charAt(0).toUpperCase() + lower.slice(1);
  return text === lower || text === text.toUpperCase() || text === capitalised ? lower : "";
}

/** Integers beyond 32 bits stay text, so that 64-bit fields read them exactly. */
function integerValue(text: string): number | string {
  const negative = text.startsWith("-");
  const digits = text.replace(/^[-+]/, "").toLowerCase();
  const isOctal = /^0[0-7]+$/.test(digits);
  const magnitude = BigInt(isOctal ? `0o${digits}` : digits);
  const value = negative ? -magnitude : magnitude;
  if (BigInt.asIntN(32, value) === value) return Number(value);
  return BigInt.asIntN(64, value) === value ? value.toString() : text;
}
