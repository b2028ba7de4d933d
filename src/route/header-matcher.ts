// hot: per request
/**
 * Header matchers of routes, virtual clusters and filters. Values of a header that is there several
 * times are joined with ",". A value matcher never matches an absent header, inverted or not,
 * unless treat_missing_header_as_empty is set. Envoy: source/common/http/header_utility.cc.
 */
import type { HeaderMap } from "../codec/header-map.ts";
import { type HeaderName, Headers, headerName } from "../codec/header-names.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileStringMatcher, type StringMatcher } from "../config/matcher/string-matcher.ts";
import type { HeaderMatcher as HeaderMatcherMessage } from "../proto/generated/envoy/config/route/v3.ts";
import type { StringMatcher as StringMatcherMessage } from "../proto/generated/envoy/type/matcher/v3.ts";

export interface HeaderMatcher {
  matches(headers: HeaderMap): boolean;
}

/** True when every matcher matches. */
export function matchHeaders(headers: HeaderMap, matchers: readonly HeaderMatcher[]): boolean {
  for (let index = 0; index < matchers.length; index++) {
    if (!matchers[index]!.matches(headers)) return false;
  }
  return true;
}

class PresentHeaderMatcher implements HeaderMatcher {
  private readonly name: HeaderName;
  private readonly expected: boolean;
  private readonly treatMissingAsEmpty: boolean;

  constructor(name: HeaderName, expected: boolean, treatMissingAsEmpty: boolean) {
    this.name = name;
    this.expected = expected;
    this.treatMissingAsEmpty = treatMissingAsEmpty;
  }

  matches(headers: HeaderMap): boolean {
    return (this.treatMissingAsEmpty || headers.has(this.name)) === this.expected;
  }
}

class ValueHeaderMatcher implements HeaderMatcher {
  private readonly name: HeaderName;
  private readonly value: StringMatcher;
  private readonly invert: boolean;
  private readonly treatMissingAsEmpty: boolean;

  constructor(
    name: HeaderName,
    value: StringMatcher,
    invert: boolean,
    treatMissingAsEmpty: boolean,
  ) {
    this.name = name;
    this.value = value;
    this.invert = invert;
    this.treatMissingAsEmpty = treatMissingAsEmpty;
  }

  matches(headers: HeaderMap): boolean {
    const value = headers.getJoined(this.name);
    if (value === undefined) {
      return this.treatMissingAsEmpty && this.value.matches("") !== this.invert;
    }
    return this.value.matches(value) !== this.invert;
  }
}

/** A base-10 integer in [start, end). */
class RangeValueMatcher implements StringMatcher {
  private readonly start: number | bigint;
  private readonly end: number | bigint;

  constructor(start: number | bigint, end: number | bigint) {
    this.start = start;
    this.end = end;
  }

  matches(value: string): boolean {
    const number = parseInteger(value);
    return number !== null && number >= this.start && number < this.end;
  }
}

const INTEGER = /^[ \t\r\n\v\f]*([+-]?[0-9]{1,20})[ \t\r\n\v\f]*$/;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** An int64 as absl::SimpleAtoi reads it; null for anything else. */
function parseInteger(text: string): number | bigint | null {
  const digits = INTEGER.exec(text)?.[1];
  if (digits === undefined) return null;
  if (digits.length <= 15) return Number(digits);
  const value = BigInt(digits.startsWith("+") ? digits.slice(1) : digits);
  return value > INT64_MAX || value < INT64_MIN ? null : value;
}

/** The name a request header matcher or mutation means: HTTP/1's `host` is the authority. */
export function requestHeaderName(text: string): HeaderName {
  const name = headerName(text);
  return name === Headers.Host ? Headers.Authority : name;
}

export function compileHeaderMatcher(
  message: HeaderMatcherMessage,
  context: CompileContext,
): HeaderMatcher | null {
  if ((message.name ?? "") === "")
    return context.at("name").error("A header matcher needs a name", "set name");
  const name = requestHeaderName(message.name!);
  const invert = message.invertMatch === true;
  const treatMissing = message.treatMissingHeaderAsEmpty === true;
  if (message.rangeMatch !== undefined) {
    const { start = 0, end = 0 } = message.rangeMatch;
    return new ValueHeaderMatcher(name, new RangeValueMatcher(start, end), invert, treatMissing);
  }
  const value = valueMessage(message);
  if (value === null) {
    const expected = (message.presentMatch ?? true) !== invert;
    return new PresentHeaderMatcher(name, expected, treatMissing);
  }
  const matcher = compileStringMatcher(value, context.at("string_match"));
  return matcher === null ? null : new ValueHeaderMatcher(name, matcher, invert, treatMissing);
}

/** The string matcher of a message, old or new style; null for a presence matcher. */
function valueMessage(message: HeaderMatcherMessage): StringMatcherMessage | null {
  if (message.stringMatch !== undefined) return message.stringMatch;
  if (message.exactMatch !== undefined) {
    // Envoy: an empty exact_match means "present".
    return message.exactMatch === "" ? null : { exact: message.exactMatch };
  }
  if (message.safeRegexMatch !== undefined) return { safeRegex: message.safeRegexMatch };
  if (message.prefixMatch !== undefined) return { prefix: message.prefixMatch };
  if (message.suffixMatch !== undefined) return { suffix: message.suffixMatch };
  if (message.containsMatch !== undefined) return { contains: message.containsMatch };
  return null;
}

/** Compiles a list; problems are in the context. */
export function compileHeaderMatchers(
  messages: readonly HeaderMatcherMessage[] | undefined,
  context: CompileContext,
  field: string = "headers",
): readonly HeaderMatcher[] {
  const matchers: HeaderMatcher[] = [];
  for (const [index, message] of (messages ?? []).entries()) {
    const matcher = compileHeaderMatcher(message, context.at(field, index));
    if (matcher !== null) matchers.push(matcher);
  }
  return matchers;
}
