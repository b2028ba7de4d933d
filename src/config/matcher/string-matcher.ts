// hot: per request
/**
 * String matchers: exact, prefix, suffix, contains, safe_regex, with ignore_case. Values are byte
 * strings. Envoy: `envoy.type.matcher.v3.StringMatcher` and its xds twin; ignore_case folds ASCII
 * only and does not apply to safe_regex.
 */
import { lowerAscii } from "../../base/ascii.ts";
import { toByteString } from "../../base/byte-string.ts";
import type { Regex } from "../../base/regex.ts";
import type { StringMatcher as StringMatcherMessage } from "../../proto/generated/envoy/type/matcher/v3.ts";
import type { CompileContext } from "../compile-context.ts";
import { compileRegexMatcher } from "./regex-matcher.ts";

export interface StringMatcher {
  matches(value: string): boolean;
}

export class ExactStringMatcher implements StringMatcher {
  /** Byte string. */
  readonly expected: string;

  constructor(expected: string) {
    this.expected = expected;
  }

  matches(value: string): boolean {
    return value === this.expected;
  }
}

class PrefixStringMatcher implements StringMatcher {
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  matches(value: string): boolean {
    return value.startsWith(this.prefix);
  }
}

class SuffixStringMatcher implements StringMatcher {
  private readonly suffix: string;

  constructor(suffix: string) {
    this.suffix = suffix;
  }

  matches(value: string): boolean {
    return value.endsWith(this.suffix);
  }
}

class ContainsStringMatcher implements StringMatcher {
  private readonly part: string;

  constructor(part: string) {
    this.part = part;
  }

  matches(value: string): boolean {
    return value.includes(this.part);
  }
}

class RegexStringMatcher implements StringMatcher {
  private readonly regex: Regex;

  constructor(regex: Regex) {
    this.regex = regex;
  }

  matches(value: string): boolean {
    return this.regex.matchesFully(value);
  }
}

/** Wraps a matcher whose pattern is lower case already. */
class IgnoreCaseStringMatcher implements StringMatcher {
  private readonly inner: StringMatcher;

  constructor(inner: StringMatcher) {
    this.inner = inner;
  }

  matches(value: string): boolean {
    return this.inner.matches(lowerAscii(value));
  }
}

/** Compiles either StringMatcher message. */
export function compileStringMatcher(
  message: StringMatcherMessage,
  context: CompileContext,
): StringMatcher | null {
  if (message.safeRegex !== undefined) {
    const regex = compileRegexMatcher(message.safeRegex, context.at("safe_regex"));
    return regex === null ? null : new RegexStringMatcher(regex);
  }
  if (message.custom !== undefined) {
    const name = message.custom.typedConfig?.typeUrl ?? message.custom.name ?? "";
    return context
      .at("custom")
      .error(
        `String matcher extension ${name} is not supported`,
        "use exact, prefix, suffix, contains or safe_regex",
      );
  }
  const inner = compilePlain(message, message.ignoreCase === true);
  if (inner === null) {
    return context.error(
      "A string matcher needs a pattern",
      "set one of exact, prefix, suffix, contains, safe_regex",
    );
  }
  return message.ignoreCase === true ? new IgnoreCaseStringMatcher(inner) : inner;
}

function compilePlain(message: StringMatcherMessage, ignoreCase: boolean): StringMatcher | null {
  const fold = (text: string): string => {
    const bytes = toByteString(text);
    return ignoreCase ? lowerAscii(bytes) : bytes;
  };
  if (message.exact !== undefined) return new ExactStringMatcher(fold(message.exact));
  if (message.prefix !== undefined) return new PrefixStringMatcher(fold(message.prefix));
  if (message.suffix !== undefined) return new SuffixStringMatcher(fold(message.suffix));
  if (message.contains !== undefined) return new ContainsStringMatcher(fold(message.contains));
  return null;
}
