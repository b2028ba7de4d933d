import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRe2 } from "../../src/base/re2.ts";
import { compileRegex, parseSubstitution, type Regex } from "../../src/base/regex.ts";
import { RegexAutomaton } from "../../src/base/regex-automaton.ts";
import { parseRegexSyntax } from "../../src/base/regex-syntax.ts";
import { SeededRandom } from "../kit/seeded-random.ts";

function regex(pattern: string): Regex {
  const compiled = compileRegex(pattern);
  if ("error" in compiled) throw new Error(compiled.error);
  return compiled;
}

function replace(pattern: string, substitution: string, text: string): string {
  const compiled = regex(pattern);
  return compiled.replaceAll(text, parseSubstitution(substitution, compiled.groups));
}

describe("regex", () => {
  it("matches the whole text", () => {
    assert.equal(regex("/foo/.*").matchesFully("/foo/bar"), true);
    assert.equal(regex("foo").matchesFully("/foo"), false);
    assert.equal(regex("^/a/[^/]+$").matchesFully("/a/b"), true);
    assert.equal(regex("^/a/[^/]+$").matchesFully("/a/b/c"), false);
    assert.equal(regex("a|ab").matchesFully("ab"), true);
    assert.equal(regex("(?i)canary").matchesFully("CaNaRy"), true);
  });

  it("matches a part", () => {
    assert.equal(regex("b+").matchesPart("abbc"), true);
    assert.equal(regex("^b").matchesPart("ab"), false);
  });

  it("sees UTF-8 characters in byte strings", () => {
    const bytes = Buffer.from("/é", "utf8").toString("latin1");
    assert.equal(regex("/.").matchesFully(bytes), true);
    assert.equal(regex("/..").matchesFully(bytes), false);
    assert.equal(regex("/é").matchesFully(bytes), true);
    assert.equal(regex("/[^a]").matchesFully(bytes), true);
  });

  it("knows syntax beyond the common subset", () => {
    assert.equal(regex("\\bfoo\\b.*").matchesFully("foo bar"), true);
    assert.equal(regex("[[:alpha:]]+").matchesFully("abc"), true);
    assert.equal(regex("a\\z").matchesFully("a"), true);
    assert.equal(regex("\\pL+").matchesFully("abc"), true);
  });

  it("says what is wrong with a pattern", () => {
    for (const pattern of ["(", "a**", "[b-a]", "(?=x)", "\\8", "a{2,1}", "(?<=a)b", "x{1001}"]) {
      assert.ok("error" in compileRegex(pattern), pattern);
    }
  });

  it("replaces every match", () => {
    assert.equal(replace("^/s/([^/]+)(/.*)$", "\\2/i/\\1", "/s/foo/v1/api"), "/v1/api/i/foo");
    assert.equal(replace("one", "two", "/xxx/one/yyy/one/zzz"), "/xxx/two/yyy/two/zzz");
    assert.equal(replace("b", "[\\0]", "abcb"), "a[b]c[b]");
    assert.equal(replace("x", "y", "abc"), "abc");
    assert.equal(replace("(a)|(b)", "<\\1\\2>", "ab"), "<a><b>");
    assert.equal(replace("a", "\\\\", "bab"), "b\\b");
    assert.equal(replace("a*", "-", "baac"), "-b-c-");
  });

  it("returns groups of a full match", () => {
    assert.deepEqual(regex("/(a+)/(b)?").captures("/aa/"), ["/aa/", "aa", ""]);
    assert.equal(regex("/(a+)/").captures("/b/"), null);
  });

  it("treats wrong substitutions as RE2 does", () => {
    assert.equal(replace("a", "<\\1>", "/bab"), "/bab");
    assert.equal(replace("a", "<\\x>", "/bab"), "/b<b");
    assert.notEqual(parseSubstitution("\\2", 1).problem, "");
    assert.notEqual(parseSubstitution("a\\", 1).problem, "");
    assert.deepEqual(parseSubstitution("a\\1b", 1), {
      literals: ["a", "b"],
      groups: [1],
      problem: "",
    });
  });

  it("takes linear time where backtracking does not", () => {
    const text = `${"a".repeat(5000)}!`;
    assert.equal(regex("(a*)*b").matchesFully(text), false);
    assert.equal(regex("(a|aa)+").matchesFully(text), false);
    assert.equal(regex("(\\w+\\b)+x").matchesFully(text), false);
  });
});

describe("regex automaton", () => {
  const ATOMS = [
    "a",
    "b",
    "/",
    ".",
    "\\d",
    "\\w",
    "[ab]",
    "[^a]",
    "[a-c/]",
    "\\.",
    "(?:ab)",
    "1",
    "\\s",
  ];
  const QUANTIFIERS = ["", "", "", "*", "+", "?", "{1,3}", "*?"];
  const CHARACTERS = ["a", "b", "c", "/", ".", "1", "-", " ", "\n", "A", "ab"];

  function randomPattern(random: SeededRandom, depth: number): string {
    let pattern = "";
    for (let count = pick(random, 4); count >= 0; count--) {
      const atom =
        depth > 0 && pick(random, 4) === 0
          ? randomGroup(random, depth - 1)
          : ATOMS[pick(random, ATOMS.length)]!;
      pattern += atom + QUANTIFIERS[pick(random, QUANTIFIERS.length)]!;
    }
    return pattern;
  }

  function randomGroup(random: SeededRandom, depth: number): string {
    const first = randomPattern(random, depth);
    return pick(random, 2) === 0 ? `(${first})` : `(${first}|${randomPattern(random, depth)})`;
  }

  function pick(random: SeededRandom, bound: number): number {
    return random.uint32() % bound;
  }

  it("agrees with re2js on random patterns and texts", () => {
    const random = new SeededRandom(20261120);
    for (let round = 0; round < 300; round++) {
      const pattern = randomPattern(random, 2);
      const automaton = RegexAutomaton.build(parseRegexSyntax(pattern)!)!;
      const re2 = compileRe2(pattern);
      assert.ok(typeof re2 !== "string", pattern);
      for (let sample = 0; sample < 10; sample++) {
        let text = "";
        for (let count = pick(random, 7); count > 0; count--) {
          text += CHARACTERS[pick(random, CHARACTERS.length)]!;
        }
        const expected: number = re2.matches(text) ? 1 : 0;
        assert.equal(automaton.run(text), expected, `/${pattern}/ on ${JSON.stringify(text)}`);
      }
    }
  });

  it("stays right when it has more states than it keeps", () => {
    const pattern = "[ab]*a[ab]{12}";
    const automaton = RegexAutomaton.build(parseRegexSyntax(pattern)!)!;
    const random = new SeededRandom(7);
    for (let round = 0; round < 50; round++) {
      let text = "";
      for (let at = 0; at < 60; at++) text += pick(random, 2) === 0 ? "a" : "b";
      assert.equal(automaton.run(text), text[text.length - 13] === "a" ? 1 : 0);
    }
  });

  it("leaves to re2js what it does not know", () => {
    const outside = [
      "(?m)a",
      "\\bx",
      "a^b",
      "a$b",
      "(^a)",
      "\\pL",
      "[[:digit:]]",
      "a**",
      "(",
      "{1}",
    ];
    for (const pattern of outside) assert.equal(parseRegexSyntax(pattern), null, pattern);
    assert.equal(RegexAutomaton.build(parseRegexSyntax("((a{50}){50})")!), null);
  });
});
