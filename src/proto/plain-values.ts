/** Small operations on plain messages that several codecs need. */
import type { ScalarKind } from "./message-type.ts";

/** Sets a map entry or a Struct field; a key named `__proto__` becomes an ordinary property. */
export function setEntry(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") target[key] = value;
  else {
    const property = { value, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(target, key, property);
  }
}

/** What an absent field of the kind means in proto3. */
export function zeroOf(kind: ScalarKind): unknown {
  if (kind === "string") return "";
  if (kind === "bool") return false;
  return kind === "bytes" ? new Uint8Array(0) : 0;
}

/** -0 is not the zero value of a double. */
export function isZeroScalar(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === false || value === 0n || Object.is(value, 0);
}

/** An enum in plain form: its name, or its number when the descriptor has no name for it. */
export function isZeroEnum(
  value: unknown,
  numberOf: (name: string) => number | undefined,
): boolean {
  return (typeof value === "number" ? value : numberOf(value as string)) === 0;
}
