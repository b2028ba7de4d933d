/**
 * A `stats_tags.regex`: group 1 is cut out of the name, group 2 (or group 1) is the value. Envoy
 * runs these with std::regex; we run them with RE2, in linear time, and translate the one lookahead
 * that configurations carry along.
 */
import { compileRe2 } from "../base/re2.ts";
import type { TagPattern } from "./tags.ts";

/** The compiled pattern, or what RE2 says against it. */
export function compileTagPattern(source: string): TagPattern | string {
  const regex = compileRe2(withoutDotLookahead(source));
  if (typeof regex === "string") return regex;
  const groups = regex.groupCount();
  return {
    source,
    find(name) {
      const matcher = regex.matcher(name);
      if (groups === 0 || !matcher.find()) return null;
      const value = matcher.group(Math.min(groups, 2)) ?? "";
      const start = matcher.start(1);
      // A group without part in the match cuts nothing; the tag is there with an empty value.
      return start < 0 ? { start: 0, end: 0, value } : { start, end: matcher.end(1), value };
    },
  };
}

/**
 * `(?=\.).*?\.` comes from Envoy's old default tags, by way of Istio's bootstrap: "a dot follows,
 * then anything up to the next dot". RE2 has no lookahead, but can say the same.
 */
function withoutDotLookahead(source: string): string {
  return source.replaceAll(String.raw`(?=\.).*?\.`, String.raw`(?:\..*?)?\.`);
}
