// hot: per request
/**
 * Regular expressions from configuration: RE2 syntax, linear time, over byte strings (one character
 * per byte). Patterns of the common subset run on our own automaton (regex-automaton.ts); re2js
 * does the rest: other syntax, bytes above 127 (so that `.` sees UTF-8 characters), and captures.
 * Never a bare RegExp on traffic.
 */
import { isAscii } from "./ascii.ts";
import { compileRe2, utf8Input } from "./re2.ts";
import { RegexAutomaton } from "./regex-automaton.ts";
import { parseRegexSyntax } from "./regex-syntax.ts";

type Re2 = Exclude<ReturnType<typeof compileRe2>, string>;
type Re2Matcher = ReturnType<Re2["matcher"]>;

/** A compiled pattern. */
export class Regex {
  readonly pattern: string;
  private readonly automaton: RegexAutomaton | null;
  private re2: Re2 | null;

  /** One of the engines may be null. */
  constructor(pattern: string, automaton: RegexAutomaton | null, re2: Re2 | null) {
    this.pattern = pattern;
    this.automaton = automaton;
    this.re2 = re2;
  }

  /** True when the whole text matches (RE2::FullMatch). */
  matchesFully(text: string): boolean {
    if (this.automaton !== null) {
      const answer = this.automaton.run(text);
      if (answer >= 0) return answer === 1;
    }
    return this.matcher(text).matches();
  }

  /** True when some part of the text matches (RE2::PartialMatch). */
  matchesPart(text: string): boolean {
    return this.matcher(text).find();
  }

  /** Replaces every match, leftmost first, with the substitution (RE2::GlobalReplace). */
  replaceAll(text: string, substitution: Substitution): string {
    const matcher = this.matcher(text);
    const { groups } = substitution;
    for (let index = 0; index < groups.length; index++) {
      if (groups[index]! > matcher.groupCount()) return text;
    }
    let result = "";
    let copied = 0;
    // RE2 accepts an empty match only where the previous match did not end.
    let lastEnd = -1;
    while (matcher.find()) {
      const start = matcher.start();
      const end = matcher.end();
      if (start !== end || start !== lastEnd) {
        result += text.slice(copied, start) + expand(substitution, matcher, text);
        copied = end;
      }
      lastEnd = end;
    }
    return lastEnd < 0 ? text : result + text.slice(copied);
  }

  /**
   * The groups of a full match by their number, "" for those without part in it; null without a
   * match.
   */
  captures(text: string): string[] | null {
    const matcher = this.matcher(text);
    if (!matcher.matches()) return null;
    const groups: string[] = [];
    for (let group = 0; group <= matcher.groupCount(); group++) {
      const start = matcher.start(group);
      groups.push(start < 0 ? "" : text.slice(start, matcher.end(group)));
    }
    return groups;
  }

  /** Number of capturing groups. */
  get groups(): number {
    return this.engine().groupCount();
  }

  /** RE2's rough measure of the cost of a pattern. */
  get programSize(): number {
    return this.engine().programSize();
  }

  private matcher(text: string): Re2Matcher {
    const re2 = this.engine();
    if (isAscii(text)) return re2.matcher(text);
    return re2.matcher(utf8Input(Buffer.from(text, "latin1")));
  }

  private engine(): Re2 {
    // The pattern has compiled before, so it is no error text.
    this.re2 ??= compileRe2(this.pattern) as Re2;
    return this.re2;
  }
}

/** A rewrite such as `\2/i/\1`: literal texts around group numbers. */
export interface Substitution {
  /** One more than `groups`. Byte strings. */
  readonly literals: readonly string[];
  readonly groups: readonly number[];
  /**
   * What is wrong with it, or "". RE2 then uses what stands before a wrong escape, and replaces
   * nothing when a group is missing.
   */
  readonly problem: string;
}

/** Compiles a pattern, or returns what is wrong with it. */
export function compileRegex(pattern: string): Regex | { readonly error: string } {
  const tree = parseRegexSyntax(pattern);
  const automaton = tree === null ? null : RegexAutomaton.build(tree);
  if (automaton !== null) return new Regex(pattern, automaton, null);
  const re2 = compileRe2(pattern);
  return typeof re2 === "string" ? { error: re2 } : new Regex(pattern, null, re2);
}

/** Parses `\0` … `\9` and `\\`. */
export function parseSubstitution(text: string, groupCount: number): Substitution {
  const literals: string[] = [];
  const groups: number[] = [];
  let problem = "";
  let literal = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char !== "\\") {
      literal += char;
      continue;
    }
    const next = text[++at] ?? "";
    if (next === "\\") literal += next;
    else if (/^[0-9]$/.test(next)) {
      const group = Number(next);
      if (group > groupCount)
        problem = `\\${next} refers to a group that the pattern does not have`;
      literals.push(literal);
      groups.push(group);
      literal = "";
    } else {
      problem = "a backslash must be followed by a digit or a backslash";
      break;
    }
  }
  literals.push(literal);
  return { literals, groups, problem };
}

function expand(substitution: Substitution, matcher: Re2Matcher, text: string): string {
  let result = substitution.literals[0]!;
  for (let index = 0; index < substitution.groups.length; index++) {
    const group = substitution.groups[index]!;
    const start = matcher.start(group);
    if (start >= 0) result += text.slice(start, matcher.end(group));
    result += substitution.literals[index + 1]!;
  }
  return result;
}
