import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import {
  compileMatchTree,
  type MatchTreeKinds,
} from "../../../src/config/matcher/compile-match-tree.ts";
import type {
  Matcher,
  Matcher_MatcherList_Predicate,
  Matcher_OnMatch,
} from "../../../src/proto/generated/xds/type/matcher/v3.ts";

type Facts = Record<string, string>;

const KINDS: MatchTreeKinds<Facts, string> = {
  inputs: {
    "test.Fact": (message) => {
      const { key } = message as { key: string };
      return { get: (facts) => facts[key] ?? null };
    },
  },
  compileAction: (extension, context) =>
    extension.name === "bad" ? context.error("Bad action", "do otherwise") : (extension.name ?? ""),
};

function fact(key: string): { typedConfig: { typeUrl: string; value: object } } {
  return { typedConfig: { typeUrl: "type.googleapis.com/test.Fact", value: { key } } };
}

function action(name: string, keepMatching = false): Matcher_OnMatch {
  return { action: { name }, keepMatching };
}

function equals(key: string, exact: string): Matcher_MatcherList_Predicate {
  return { singlePredicate: { input: fact(key), valueMatch: { exact } } };
}

function list(
  ...matchers: [Matcher_MatcherList_Predicate, Matcher_OnMatch][]
): Pick<Matcher, "matcherList"> {
  return {
    matcherList: { matchers: matchers.map(([predicate, onMatch]) => ({ predicate, onMatch })) },
  };
}

function resolve(message: Matcher, facts: Facts): string | null {
  const context = new CompileContext();
  const tree = compileMatchTree(message, KINDS, context);
  assert.deepEqual(context.diagnostics, []);
  return tree!.match(facts);
}

function problems(message: Matcher): string[] {
  const context = new CompileContext();
  assert.equal(compileMatchTree(message, KINDS, context), null);
  return context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`);
}

describe("matcher list", () => {
  it("takes the first entry whose predicate holds", () => {
    const message = list([equals("a", "1"), action("one")], [equals("b", "2"), action("two")]);
    assert.equal(resolve(message, { a: "1", b: "2" }), "one");
    assert.equal(resolve(message, { b: "2" }), "two");
    assert.equal(resolve(message, {}), null);
  });

  it("combines predicates; a missing value is false, and its negation true", () => {
    const both = { andMatcher: { predicate: [equals("a", "1"), equals("b", "2")] } };
    const either = { orMatcher: { predicate: [equals("a", "1"), equals("b", "2")] } };
    const not = { notMatcher: equals("a", "1") };
    assert.equal(resolve(list([both, action("x")]), { a: "1", b: "2" }), "x");
    assert.equal(resolve(list([both, action("x")]), { a: "1" }), null);
    assert.equal(resolve(list([either, action("x")]), { b: "2" }), "x");
    assert.equal(resolve(list([either, action("x")]), {}), null);
    assert.equal(resolve(list([not, action("x")]), {}), "x");
    assert.equal(resolve(list([not, action("x")]), { a: "1" }), null);
  });

  it("goes on when a nested matcher resolves nothing, and only then to on_no_match", () => {
    const nested: Matcher_OnMatch = { matcher: list([equals("b", "2"), action("inner")]) };
    const message: Matcher = {
      ...list([equals("a", "1"), nested], [equals("a", "1"), action("later")]),
      onNoMatch: action("none"),
    };
    assert.equal(resolve(message, { a: "1", b: "2" }), "inner");
    assert.equal(resolve(message, { a: "1" }), "later");
    assert.equal(resolve(message, { a: "0" }), "none");
  });

  it("passes over keep_matching entries", () => {
    const message = list([equals("a", "1"), action("kept", true)], [equals("a", "1"), action("x")]);
    assert.equal(resolve(message, { a: "1" }), "x");
  });

  it("uses on_no_match of a matcher without entries", () => {
    assert.equal(resolve({ onNoMatch: action("always") }, {}), "always");
  });
});

describe("matcher tree", () => {
  it("looks exact values up", () => {
    const message: Matcher = {
      matcherTree: { input: fact("a"), exactMatchMap: { map: { x: action("X"), "": action("") } } },
      onNoMatch: action("none"),
    };
    assert.equal(resolve(message, { a: "x" }), "X");
    assert.equal(resolve(message, { a: "xx" }), "none");
    assert.equal(resolve(message, {}), "none");
  });

  it("takes the longest prefix that resolves", () => {
    const nested: Matcher_OnMatch = { matcher: list([equals("b", "2"), action("deep")]) };
    const map = { "/": action("root"), "/a/": action("a"), "/a/b": nested };
    const message: Matcher = { matcherTree: { input: fact("p"), prefixMatchMap: { map } } };
    assert.equal(resolve(message, { p: "/a/bc", b: "2" }), "deep");
    assert.equal(resolve(message, { p: "/a/bc" }), "a");
    assert.equal(resolve(message, { p: "/x" }), "root");
    assert.equal(resolve(message, { p: "x" }), null);
  });

  function ranges(...entries: [string, number, Matcher_OnMatch, boolean?][]): Matcher {
    const rangeMatchers = entries.map(([addressPrefix, prefixLen, onMatch, exclusive = false]) => ({
      ranges: [{ addressPrefix, prefixLen }],
      onMatch,
      exclusive,
    }));
    const typedConfig = {
      typeUrl: "type.googleapis.com/xds.type.matcher.v3.IPMatcher",
      value: { rangeMatchers },
    };
    return {
      matcherTree: { input: fact("ip"), customMatch: { name: "ip", typedConfig } },
      onNoMatch: action("none"),
    };
  }

  it("takes the longest range, whatever the order", () => {
    const message = ranges(
      ["0.0.0.0", 0, action("any")],
      ["10.0.0.0", 8, action("ten")],
      ["10.1.0.0", 16, action("ten-one")],
      ["fd00::", 8, action("local")],
    );
    assert.equal(resolve(message, { ip: "10.1.2.3" }), "ten-one");
    assert.equal(resolve(message, { ip: "10.2.2.3" }), "ten");
    assert.equal(resolve(message, { ip: "9.2.2.3" }), "any");
    assert.equal(resolve(message, { ip: "fd12::1" }), "local");
    assert.equal(resolve(message, { ip: "2001:db8::1" }), "none");
    assert.equal(resolve(message, { ip: "pipe" }), "none");
    assert.equal(resolve(message, {}), "none");
  });

  it("falls back to wider ranges, except to exclusive ones", () => {
    const miss: Matcher_OnMatch = { matcher: list([equals("b", "2"), action("deep")]) };
    const open = ranges(["10.1.0.0", 16, miss], ["10.0.0.0", 8, action("ten")]);
    const closed = ranges(["10.1.0.0", 16, miss], ["10.0.0.0", 8, action("ten"), true]);
    assert.equal(resolve(open, { ip: "10.1.2.3" }), "ten");
    assert.equal(resolve(closed, { ip: "10.1.2.3" }), "none");
    assert.equal(resolve(closed, { ip: "10.2.2.3" }), "ten");
  });

  function domains(value: object): Matcher {
    const typedConfig = {
      typeUrl: "type.googleapis.com/xds.type.matcher.v3.ServerNameMatcher",
      value,
    };
    return {
      matcherTree: { input: fact("sni"), customMatch: { name: "names", typedConfig } },
      onNoMatch: action("none"),
    };
  }

  it("matches names: exact, then the longest wildcard, then the star", () => {
    const message = domains({
      domainMatchers: [
        { domains: ["*"], onMatch: action("star") },
        { domains: ["*.com", "*.example.com"], onMatch: action("wild") },
        { domains: ["*.a.example.com"], onMatch: action("deep") },
        { domains: ["www.example.com"], onMatch: action("exact") },
      ],
    });
    assert.equal(resolve(message, { sni: "www.example.com" }), "exact");
    assert.equal(resolve(message, { sni: "b.a.example.com" }), "deep");
    assert.equal(resolve(message, { sni: "a.example.com" }), "wild");
    assert.equal(resolve(message, { sni: "com" }), "star");
    assert.equal(resolve(message, { sni: "" }), "none");
  });

  it("refuses a name that is there twice and a star in the middle", () => {
    const twice = { domainMatchers: [{ domains: ["a", "a"], onMatch: action("x") }] };
    const middle = { domainMatchers: [{ domains: ["a.*.b"], onMatch: action("x") }] };
    const path = "matcher_tree.custom_match.typed_config.domain_matchers[0].domains";
    assert.deepEqual(problems(domains(twice)), [`${path}[1]: Domain "a" is there twice`]);
    assert.deepEqual(problems(domains(middle)), [
      `${path}[0]: Domain "a.*.b" is no wildcard: only * and *.suffix are`,
    ]);
  });
});

describe("IP matcher of a predicate", () => {
  it("matches addresses inside its ranges, and says that it does not count", () => {
    const typedConfig = {
      typeUrl: "type.googleapis.com/envoy.extensions.matching.input_matchers.ip.v3.Ip",
      value: { cidrRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }], statPrefix: "s" },
    };
    const predicate = { singlePredicate: { input: fact("ip"), customMatch: { typedConfig } } };
    const context = new CompileContext();
    const tree = compileMatchTree(list([predicate, action("in")]), KINDS, context)!;
    assert.equal(tree.match({ ip: "10.1.1.1" }), "in");
    assert.equal(tree.match({ ip: "11.1.1.1" }), null);
    assert.equal(tree.match({ ip: "pipe" }), null);
    assert.deepEqual(
      context.diagnostics.map(({ severity, path }) => `${severity} ${path.split(".").pop()}`),
      ["warning stat_prefix"],
    );
  });
});

describe("problems of a matcher", () => {
  it("names an input, a matcher or an action that is not supported", () => {
    const typedConfig = { typeUrl: "type.googleapis.com/other.Input", value: {} };
    const predicate = { singlePredicate: { input: { typedConfig }, valueMatch: { exact: "x" } } };
    assert.deepEqual(problems(list([predicate, action("x")])), [
      "matcher_list.matchers[0].predicate.single_predicate.input.typed_config: " +
        "Matching input other.Input is not supported here",
    ]);
    const custom = { singlePredicate: { input: fact("a"), customMatch: { typedConfig } } };
    assert.deepEqual(problems(list([custom, action("x")])), [
      "matcher_list.matchers[0].predicate.single_predicate.custom_match.typed_config: " +
        "Matcher extension other.Input is not supported",
    ]);
    assert.deepEqual(problems(list([equals("a", "1"), action("bad")])), [
      "matcher_list.matchers[0].on_match.action: Bad action",
    ]);
  });
});
