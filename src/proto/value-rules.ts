/**
 * Field rules of single values (`validate.rules`: string, numbers, enum, duration …) in plain
 * words. Each function gives the problem with a value, or null. A test checks that every rule of
 * the descriptor is one that is obeyed here.
 */
import type { EnumType } from "./message-type.ts";
import type { Duration } from "./plain.ts";
import { RULE_PATTERNS, wellKnownPattern } from "./rule-patterns.ts";
import type { Problem } from "./scalar-text.ts";
import { durationText } from "./time-text.ts";

export type Rules = Readonly<Record<string, unknown>>;

const utf8 = new TextEncoder();

const NO_RULES: Rules = {};

export function stringProblem(rules: Rules, value: string): Problem | null {
  return (
    lengthProblem(rules, [...value].length, "character") ??
    textProblem(rules, value) ??
    patternProblem(rules, value)
  );
}

export function bytesProblem(rules: Rules, value: Uint8Array): Problem | null {
  return lengthProblem(rules, value.length, "byte");
}

function lengthProblem(rules: Rules, length: number, unit: string): Problem | null {
  const min = rules["min_len"];
  const max = rules["max_len"];
  if (typeof min === "number" && length < min) {
    if (length === 0) return { message: "Must not be empty", remedy: "give it a value" };
    return tooShort(min, length, unit);
  }
  return typeof max === "number" && length > max ? tooLong(max, length, unit) : null;
}

function tooShort(min: number, length: number, unit: string): Problem {
  return {
    message: `Must have at least ${count(min, unit)}, has ${length}`,
    remedy: "write a longer value",
  };
}

function tooLong(max: number, length: number, unit: string): Problem {
  return {
    message: `Must have at most ${count(max, unit)}, has ${length}`,
    remedy: "write a shorter value",
  };
}

function textProblem(rules: Rules, value: string): Problem | null {
  const maxBytes = rules["max_bytes"];
  if (typeof maxBytes === "number" && value.length * 3 > maxBytes) {
    const length = utf8.encode(value).length;
    if (length > maxBytes) return tooLong(maxBytes, length, "byte");
  }
  // The packaged rules do not say `ignore_empty`; all that name a prefix or a suffix mean it.
  const { prefix, suffix } = value === "" ? NO_RULES : rules;
  if (typeof prefix === "string" && !value.startsWith(prefix)) {
    return { message: `Must begin with ${prefix}`, remedy: `write ${prefix}${value}` };
  }
  if (typeof suffix === "string" && !value.endsWith(suffix)) {
    return { message: `Must end with ${suffix}`, remedy: `write ${value}${suffix}` };
  }
  const allowed = rules["in"];
  if (Array.isArray(allowed) && !allowed.includes(value)) {
    const names = allowed.filter((item) => item !== "").join(", ");
    return { message: `Unknown value "${value}"`, remedy: `one of ${names}` };
  }
  return null;
}

function patternProblem(rules: Rules, value: string): Problem | null {
  const text = rules["pattern"];
  const pattern =
    typeof text === "string"
      ? RULE_PATTERNS[text]
      : wellKnownPattern(rules["well_known_regex"], rules["strict"] !== false);
  if (pattern === null || pattern === undefined || pattern.expression.test(value)) return null;
  return { message: `Must be ${pattern.what}`, remedy: "remove the other characters" };
}

export function numberProblem(rules: Rules, value: number | bigint): Problem | null {
  return boundsProblem(rules, {
    value,
    toNumber: (bound) => Number(bound ?? 0),
    toText: (bound) => String(bound),
  });
}

export function durationProblem(rules: Rules, value: Duration): Problem | null {
  return boundsProblem(rules, {
    value: durationNumber(value),
    toNumber: durationNumber,
    toText: (bound) => durationText(fullDuration(bound)),
    shown: durationText(value),
  });
}

/** Rule literals leave out zero parts. */
function fullDuration(value: unknown): Duration {
  const { seconds = 0, nanos = 0 } = (value ?? {}) as Partial<Duration>;
  return { seconds, nanos };
}

function durationNumber(value: unknown): number {
  const { seconds, nanos } = fullDuration(value);
  return seconds + nanos / 1e9;
}

interface Bounded {
  readonly value: number | bigint;
  readonly toNumber: (bound: unknown) => number;
  readonly toText: (bound: unknown) => string;
  readonly shown?: string;
}

const BOUNDS = [
  { rule: "gte", words: "at least", remedy: (text: string) => `use ${text} or more` },
  { rule: "gt", words: "more than", remedy: (text: string) => `use more than ${text}` },
  { rule: "lte", words: "at most", remedy: (text: string) => `use ${text} or less` },
  { rule: "lt", words: "less than", remedy: (text: string) => `use less than ${text}` },
] as const;

function boundsProblem(rules: Rules, bounded: Bounded): Problem | null {
  const { value, toNumber, toText } = bounded;
  const shown = bounded.shown ?? String(value);
  for (const { rule, words, remedy } of BOUNDS) {
    if (!Object.hasOwn(rules, rule) || holds(rule, value, toNumber(rules[rule]))) continue;
    const text = toText(rules[rule]);
    return { message: `Must be ${words} ${text}, is ${shown}`, remedy: remedy(text) };
  }
  return null;
}

/** Written so that NaN fails every bound. */
function holds(rule: "gte" | "gt" | "lte" | "lt", value: number | bigint, bound: number): boolean {
  if (rule === "gte") return value >= bound;
  if (rule === "gt") return value > bound;
  return rule === "lte" ? value <= bound : value < bound;
}

export function boolProblem(rules: Rules, value: boolean): Problem | null {
  if (!Object.hasOwn(rules, "const") || rules["const"] === value) return null;
  return {
    message: `Must be ${String(rules["const"])}`,
    remedy: `write ${String(rules["const"])}`,
  };
}

export function enumProblem(rules: Rules, value: unknown, type: EnumType): Problem | null {
  if (rules["defined_only"] === true && typeof value === "number") {
    const names = type.valueNames.slice(0, 12).join(", ");
    return { message: `Unknown value ${value}`, remedy: `one of ${names}` };
  }
  const refused = rules["not_in"];
  const number = typeof value === "string" ? type.numberOf(value) : value;
  if (!Array.isArray(refused) || !refused.includes(number)) return null;
  const allowed = type.valueNames.filter((name) => !refused.includes(type.numberOf(name)));
  const remedy = `one of ${allowed.slice(0, 12).join(", ")}`;
  return { message: `${String(value)} is not allowed here`, remedy };
}

export function count(amount: number, unit: string): string {
  return amount === 1 ? `1 ${unit}` : `${amount} ${unit}s`;
}
