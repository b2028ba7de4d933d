/**
 * Matchers of JSON-like values and of metadata. Envoy: `ValueMatcher`, `MetadataMatcher`
 * (source/common/common/matchers.cc).
 */
import { toByteString } from "../../base/byte-string.ts";
import type {
  DoubleMatcher,
  MetadataMatcher as MetadataMatcherMessage,
  ValueMatcher as ValueMatcherMessage,
} from "../../proto/generated/envoy/type/matcher/v3.ts";
import type { CompileContext } from "../compile-context.ts";
import { compileStringMatcher, type StringMatcher } from "./string-matcher.ts";

/** `value` is undefined when the path leads nowhere. */
export interface ValueMatcher {
  matches(value: unknown): boolean;
}

class NullValueMatcher implements ValueMatcher {
  matches(value: unknown): boolean {
    return value === null;
  }
}

class EqualValueMatcher implements ValueMatcher {
  private readonly expected: unknown;

  constructor(expected: unknown) {
    this.expected = expected;
  }

  matches(value: unknown): boolean {
    return value === this.expected;
  }
}

class RangeValueMatcher implements ValueMatcher {
  private readonly start: number;
  private readonly end: number;

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }

  matches(value: unknown): boolean {
    return typeof value === "number" && value >= this.start && value < this.end;
  }
}

class TextValueMatcher implements ValueMatcher {
  private readonly matcher: StringMatcher;

  constructor(matcher: StringMatcher) {
    this.matcher = matcher;
  }

  matches(value: unknown): boolean {
    return typeof value === "string" && this.matcher.matches(toByteString(value));
  }
}

class PresentValueMatcher implements ValueMatcher {
  private readonly expected: boolean;

  constructor(expected: boolean) {
    this.expected = expected;
  }

  matches(value: unknown): boolean {
    return (value !== undefined) === this.expected;
  }
}

class OneOfValueMatcher implements ValueMatcher {
  private readonly element: ValueMatcher;

  constructor(element: ValueMatcher) {
    this.element = element;
  }

  matches(value: unknown): boolean {
    return Array.isArray(value) && value.some((element) => this.element.matches(element));
  }
}

class AnyValueMatcher implements ValueMatcher {
  private readonly alternatives: readonly ValueMatcher[];

  constructor(alternatives: readonly ValueMatcher[]) {
    this.alternatives = alternatives;
  }

  matches(value: unknown): boolean {
    return this.alternatives.some((alternative) => alternative.matches(value));
  }
}

export function compileValueMatcher(
  message: ValueMatcherMessage,
  context: CompileContext,
): ValueMatcher | null {
  if (message.nullMatch !== undefined) return new NullValueMatcher();
  if (message.boolMatch !== undefined) return new EqualValueMatcher(message.boolMatch);
  if (message.presentMatch !== undefined) return new PresentValueMatcher(message.presentMatch);
  if (message.doubleMatch !== undefined) return compileDouble(message.doubleMatch);
  if (message.stringMatch !== undefined) {
    const matcher = compileStringMatcher(message.stringMatch, context.at("string_match"));
    return matcher === null ? null : new TextValueMatcher(matcher);
  }
  if (message.listMatch?.oneOf !== undefined) {
    const at = context.at("list_match").at("one_of");
    const element = compileValueMatcher(message.listMatch.oneOf, at);
    return element === null ? null : new OneOfValueMatcher(element);
  }
  if (message.orMatch === undefined)
    return context.error("A value matcher is empty", "set one of its kinds, such as string_match");
  const alternatives: ValueMatcher[] = [];
  for (const [index, alternative] of (message.orMatch.valueMatchers ?? []).entries()) {
    const at = context.at("or_match").at("value_matchers", index);
    const matcher = compileValueMatcher(alternative, at);
    if (matcher === null) return null;
    alternatives.push(matcher);
  }
  return new AnyValueMatcher(alternatives);
}

function compileDouble(message: DoubleMatcher): ValueMatcher {
  if (message.range === undefined) return new EqualValueMatcher(message.exact ?? 0);
  return new RangeValueMatcher(message.range.start ?? 0, message.range.end ?? 0);
}

/** Looks a value up by namespace and path, and matches it. */
export class MetadataMatcher {
  readonly namespace: string;
  private readonly path: readonly string[];
  private readonly value: ValueMatcher;
  private readonly invert: boolean;

  constructor(namespace: string, path: readonly string[], value: ValueMatcher, invert: boolean) {
    this.namespace = namespace;
    this.path = path;
    this.value = value;
    this.invert = invert;
  }

  /** `fields` is the metadata of `namespace`, undefined when there is none. */
  matches(fields: Readonly<Record<string, unknown>> | undefined): boolean {
    return this.value.matches(valueAt(fields, this.path)) !== this.invert;
  }
}

/** The value a path of keys leads to; undefined when it leads nowhere. */
export function valueAt(fields: unknown, path: readonly string[]): unknown {
  let value = fields;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

export function compileMetadataMatcher(
  message: MetadataMatcherMessage,
  context: CompileContext,
): MetadataMatcher | null {
  if (message.value === undefined)
    return context
      .at("value")
      .error("A value matcher is missing", "set value, such as { present_match: true }");
  const value = compileValueMatcher(message.value, context.at("value"));
  if (value === null) return null;
  const path = (message.path ?? []).map((segment) => segment.key ?? "");
  return new MetadataMatcher(message.filter ?? "", path, value, message.invert === true);
}
