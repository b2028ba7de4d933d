/**
 * Regular expressions of configuration: RegexMatcher and RegexMatchAndSubstitute.
 * Envoy: source/common/common/regex.cc.
 */
import { toByteString } from "../../base/byte-string.ts";
import {
  compileRegex,
  parseSubstitution,
  type Regex,
  type Substitution,
} from "../../base/regex.ts";
import type {
  RegexMatchAndSubstitute,
  RegexMatcher,
} from "../../proto/generated/envoy/type/matcher/v3.ts";
import type { CompileContext } from "../compile-context.ts";

export function compileRegexMatcher(message: RegexMatcher, context: CompileContext): Regex | null {
  const pattern = message.regex ?? "";
  if (pattern === "")
    return context.at("regex").error("The pattern is empty", "write an RE2 pattern");
  const regex = compileRegex(pattern);
  if ("error" in regex) {
    return context
      .at("regex")
      .error(`The pattern is no valid RE2: ${regex.error}`, "see the RE2 syntax page");
  }
  const limit = message.googleRe2?.maxProgramSize;
  if (limit !== undefined && regex.programSize > limit) {
    return context
      .at("google_re2")
      .at("max_program_size")
      .error(
        `The pattern has program size ${regex.programSize}, more than ${limit}`,
        "raise max_program_size or simplify the pattern",
      );
  }
  return regex;
}

/** A pattern and what to put in place of its matches. */
export class RegexRewrite {
  private readonly regex: Regex;
  private readonly substitution: Substitution;

  constructor(regex: Regex, substitution: Substitution) {
    this.regex = regex;
    this.substitution = substitution;
  }

  /** Replaces every match in the text. */
  apply(text: string): string {
    return this.regex.replaceAll(text, this.substitution);
  }
}

export function compileRegexRewrite(
  message: RegexMatchAndSubstitute,
  context: CompileContext,
): RegexRewrite | null {
  if (message.pattern === undefined) {
    return context.at("pattern").error("A rewrite needs a pattern", "set pattern.regex");
  }
  const regex = compileRegexMatcher(message.pattern, context.at("pattern"));
  if (regex === null) return null;
  const substitution = parseSubstitution(toByteString(message.substitution ?? ""), regex.groups);
  if (substitution.problem !== "") {
    // Envoy accepts it, and then rewrites nothing or half.
    context
      .at("substitution")
      .warn(`The substitution is wrong: ${substitution.problem}`, "write groups as \\1 … \\9");
  }
  return new RegexRewrite(regex, substitution);
}
