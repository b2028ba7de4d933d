// hot: per request
/**
 * One change of headers. Envoy: `Http::HeaderMutations` (source/common/http/header_mutation.cc).
 */
import type { HeaderMap } from "../../../codec/header-map.ts";
import type { HeaderName } from "../../../codec/header-names.ts";
import type { StringMatcher } from "../../../config/matcher/string-matcher.ts";
import type { FormatterContext } from "../../../route/formatter.ts";

export interface Mutation {
  apply(headers: HeaderMap, context: FormatterContext): void;
}

/** Removes every header whose name matches. */
export class MatchRemoval implements Mutation {
  private readonly matches: (name: HeaderName) => boolean;

  constructor(matcher: StringMatcher) {
    this.matches = (name): boolean => matcher.matches(name.text);
  }

  apply(headers: HeaderMap, _context: FormatterContext): void {
    headers.removeIf(this.matches);
  }
}
