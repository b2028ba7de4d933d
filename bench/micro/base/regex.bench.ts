// Regular expressions on traffic: our automaton, and re2js where it must serve.

import { compileRe2 } from "../../../src/base/re2.ts";
import { compileRegex, parseSubstitution, type Regex } from "../../../src/base/regex.ts";
import { RegexAutomaton } from "../../../src/base/regex-automaton.ts";
import { parseRegexSyntax } from "../../../src/base/regex-syntax.ts";
import { bench } from "../../kit/micro.ts";

function regex(pattern: string): Regex {
  const compiled = compileRegex(pattern);
  if ("error" in compiled) throw new Error(compiled.error);
  return compiled;
}

const path = "/api/v1/users/123456/orders";
const cookie = "session=abcdef0123456789; theme=dark; group=canary; lang=en";
const PATH = "^/api/v[0-9]+/users/[^/]+/orders$";
const COOKIE = "^(.*?;)?( )*(group=canary)(;.*)?$";

const onPath = RegexAutomaton.build(parseRegexSyntax(PATH)!)!;
const onCookie = RegexAutomaton.build(parseRegexSyntax(COOKIE)!)!;
const paths = [path, "/other", `${path}/x`];
bench("automaton, path of 27", (i) => onPath.run(paths[i % 3]!), { allocatedBytesMax: 0 });
bench("automaton, cookie of 58", () => onCookie.run(cookie), { allocatedBytesMax: 0 });

const whole = regex(PATH);
bench("Regex.matchesFully, path", (i) => whole.matchesFully(paths[i % 3]!), {
  allocatedBytesMax: 0,
});
const boundary = regex("\\b.*orders\\b");
bench("Regex.matchesFully by re2js", () => boundary.matchesFully(path));
const re2 = compileRe2(COOKIE);
bench("re2js alone, cookie", () => typeof re2 !== "string" && re2.matches(cookie));

const rewrite = regex("^/api/([^/]+)/users(/.*)$");
const substitution = parseSubstitution("/\\1/people\\2", rewrite.groups);
bench("Regex.replaceAll, two groups", () => rewrite.replaceAll(path, substitution));
