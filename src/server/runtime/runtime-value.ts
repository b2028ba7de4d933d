/**
 * Values of runtime keys and how text becomes one. Envoy: `SnapshotImpl::createEntry`
 * (source/common/runtime/runtime_impl.cc).
 */
import type { JsonObject, JsonValue } from "../../proto/plain.ts";

/** A value with everything that may be asked of it. */
export interface RuntimeValue {
  /** As /runtime prints it. */
  readonly text: string;
  /** Set when the value is a whole number (or true/false for `asBoolean`). */
  readonly integer: number | null;
  /** Set when the value is a number. */
  readonly double: number | null;
  readonly boolean: boolean | null;
  /** A FractionalPercent: numerator and denominator. */
  readonly fraction: {
    readonly numerator: number;
    readonly denominator: 100 | 10_000 | 1_000_000;
  } | null;
}

const DENOMINATORS: Readonly<Record<string, 100 | 10_000 | 1_000_000>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** Flattens nested structs to dotted keys; a struct with `numerator` is one value. */
export function flattenLayer(layer: JsonObject): Map<string, RuntimeValue> {
  const entries = new Map<string, RuntimeValue>();
  addEntries("", layer, entries);
  return entries;
}

function addEntries(prefix: string, object: JsonObject, entries: Map<string, RuntimeValue>): void {
  for (const [name, value] of Object.entries(object)) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (isPlainStruct(value)) addEntries(key, value, entries);
    else entries.set(key, runtimeValue(value));
  }
}

function isPlainStruct(value: JsonValue): value is JsonObject {
  return (
    value !== null && typeof value === "object" && !Array.isArray(value) && !("numerator" in value)
  );
}

export function runtimeValue(value: JsonValue): RuntimeValue {
  if (typeof value === "number") return fromText(String(value));
  if (typeof value === "boolean") return { ...fromText(String(value)), boolean: value };
  if (typeof value === "string") return fromText(value);
  const text = JSON.stringify(value);
  return { text, integer: null, double: null, boolean: null, fraction: toFraction(value) };
}

/** From a file of a disk layer or from /runtime_modify. */
export function fromText(text: string): RuntimeValue {
  const trimmed = text.trim();
  const integer = /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : null;
  const number = trimmed === "" ? Number.NaN : Number(trimmed);
  const double = Number.isFinite(number) ? number : null;
  const lower = trimmed.toLowerCase();
  const boolean = lower === "true" ? true : lower === "false" ? false : null;
  return { text: trimmed, integer, double, boolean, fraction: parseFraction(trimmed) };
}

/**
 * A disk value may be a FractionalPercent in YAML flow or JSON form, or two `name: value` lines.
 */
function parseFraction(text: string): RuntimeValue["fraction"] {
  const numerator = /"?numerator"?\s*:\s*(\d+)/.exec(text);
  if (numerator === null) return null;
  const denominator = /"?denominator"?\s*:\s*"?(HUNDRED|TEN_THOUSAND|MILLION)/.exec(text);
  return {
    numerator: Number(numerator[1]),
    denominator: DENOMINATORS[denominator?.[1] ?? "HUNDRED"] ?? 100,
  };
}

function toFraction(value: JsonValue): RuntimeValue["fraction"] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const { numerator, denominator } = value;
  if (typeof numerator !== "number") return null;
  return { numerator, denominator: DENOMINATORS[String(denominator ?? "HUNDRED")] ?? 100 };
}
