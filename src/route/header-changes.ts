// hot: per request
/**
 * Changes of headers in the order written: append, remove, remove by match. Envoy:
 * `Http::HeaderMutations` (source/common/http/header_mutation.cc).
 */
import type { HeaderMap } from "../codec/header-map.ts";
import { type HeaderName, headerName } from "../codec/header-names.ts";
import type { HeaderDirection } from "../codec/inline-headers.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileStringMatcher, type StringMatcher } from "../config/matcher/string-matcher.ts";
import type { HeaderMutation as MutationMessage } from "../proto/generated/envoy/config/common/mutation_rules/v3.ts";
import type { FormatParser, FormatterContext } from "./formatter.ts";
import { compileHeaderAddition, HeaderMutations } from "./header-mutation.ts";

export interface Mutation {
  apply(headers: HeaderMap, context: FormatterContext): void;
}

/** Removes every header whose name matches. */
class MatchRemoval implements Mutation {
  private readonly matches: (name: HeaderName) => boolean;

  constructor(matcher: StringMatcher) {
    this.matches = (name): boolean => matcher.matches(name.text);
  }

  apply(headers: HeaderMap, _context: FormatterContext): void {
    headers.removeIf(this.matches);
  }
}

/** A list of changes that stands in `field`; problems are in the context. */
export function compileHeaderChanges(
  direction: HeaderDirection,
  messages: readonly MutationMessage[],
  formats: FormatParser,
  context: CompileContext,
  field: string,
): Mutation[] {
  return messages.flatMap((message, index) => {
    const mutation = compileMutation(direction, message, formats, context.at(field, index));
    return mutation === null ? [] : [mutation];
  });
}

function compileMutation(
  direction: HeaderDirection,
  message: MutationMessage,
  formats: FormatParser,
  context: CompileContext,
): Mutation | null {
  if (message.append !== undefined) {
    const addition = compileHeaderAddition(
      message.append,
      direction,
      formats,
      context.at("append"),
    );
    return addition === null ? null : new HeaderMutations([], [addition]);
  }
  if (message.removeOnMatch !== undefined) {
    const at = context.at("remove_on_match").at("key_matcher");
    const matcher = compileStringMatcher(message.removeOnMatch.keyMatcher ?? {}, at);
    return matcher === null ? null : new MatchRemoval(matcher);
  }
  if (message.remove === undefined)
    return context.error("The mutation is empty", "set append, remove or remove_on_match");
  const name = headerName(message.remove);
  if (!name.pseudo && name.text !== "host") return new HeaderMutations([name], []);
  return context
    .at("remove")
    .error(
      `Without ${message.remove} a message cannot be forwarded`,
      "use host and path rewrites of the route",
    );
}
