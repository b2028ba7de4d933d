// hot: per request
/**
 * Query parameter matchers: the first value of the key, not decoded. Envoy:
 * `ConfigUtility::QueryParameterMatcher`.
 */
import { toByteString } from "../base/byte-string.ts";
import { queryParameter } from "../codec/query-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileStringMatcher, type StringMatcher } from "../config/matcher/string-matcher.ts";
import type { QueryParameterMatcher as QueryParameterMatcherMessage } from "../proto/generated/envoy/config/route/v3.ts";

export class QueryParameterMatcher {
  private readonly name: string;
  private readonly value: StringMatcher | null;
  /** Without a value matcher: whether the parameter must be there or must not. */
  private readonly present: boolean;

  constructor(name: string, value: StringMatcher | null, present: boolean) {
    this.name = name;
    this.value = value;
    this.present = present;
  }

  /** `path` with its query. */
  matches(path: string): boolean {
    const value = queryParameter(path, this.name);
    if (this.value === null) return (value !== null) === this.present;
    return value !== null && this.value.matches(value);
  }
}

export function compileQueryParameterMatcher(
  message: QueryParameterMatcherMessage,
  context: CompileContext,
): QueryParameterMatcher | null {
  const name = toByteString(message.name ?? "");
  if (name === "")
    return context.at("name").error("A query parameter matcher needs a name", "set name");
  if (message.stringMatch === undefined) {
    return new QueryParameterMatcher(name, null, message.presentMatch ?? true);
  }
  const value = compileStringMatcher(message.stringMatch, context.at("string_match"));
  return value === null ? null : new QueryParameterMatcher(name, value, true);
}
