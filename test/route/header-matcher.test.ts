import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import type { HeaderMatcher as Message } from "../../src/proto/generated/envoy/config/route/v3.ts";
import { compileHeaderMatcher } from "../../src/route/header-matcher.ts";
import { TestRequest } from "../kit/route-request.ts";

function matches(message: Message, ...values: string[]): boolean {
  const context = new CompileContext();
  const matcher = compileHeaderMatcher({ name: "h", ...message }, context);
  assert.deepEqual(context.diagnostics, []);
  const headers = values.map((value) => ["h", value] as const);
  return matcher!.matches(new TestRequest("/p", { headers }).headers);
}

describe("header matcher truth table", () => {
  const exact = { stringMatch: { exact: "x" } };
  const invert = { invertMatch: true };
  const missing = { treatMissingHeaderAsEmpty: true };
  // Absent, "x", "y".
  const table: [string, Message, boolean, boolean, boolean][] = [
    ["exact x", exact, false, true, false],
    ["exact x, invert", { ...exact, ...invert }, false, false, true],
    ["exact x, treat_missing", { ...exact, ...missing }, false, true, false],
    ["exact x, invert, treat_missing", { ...exact, ...invert, ...missing }, true, false, true],
    ["present true", { presentMatch: true }, false, true, true],
    ["present true, invert", { presentMatch: true, ...invert }, true, false, false],
    ["present false", { presentMatch: false }, true, false, false],
    ["present false, invert", { presentMatch: false, ...invert }, false, true, true],
    ["present true, treat_missing", { presentMatch: true, ...missing }, true, true, true],
    ["present false, treat_missing", { presentMatch: false, ...missing }, false, false, false],
    [
      "present true, invert, treat_missing",
      { presentMatch: true, ...invert, ...missing },
      false,
      false,
      false,
    ],
    ["no specifier", {}, false, true, true],
    ["no specifier, invert", invert, true, false, false],
  ];
  for (const [name, message, absent, x, y] of table) {
    it(name, () => {
      assert.deepEqual(
        [matches(message), matches(message, "x"), matches(message, "y")],
        [absent, x, y],
      );
    });
  }
});

describe("header matcher kinds", () => {
  const kinds: [string, Message, string[], string[]][] = [
    ["prefix", { stringMatch: { prefix: "ab" } }, ["ab", "abc"], ["Ab", "xab"]],
    ["suffix", { stringMatch: { suffix: "ab" } }, ["ab", "xab"], ["abx"]],
    ["contains", { stringMatch: { contains: "ab" } }, ["xaby"], ["a b"]],
    ["ignore_case", { stringMatch: { exact: "aB", ignoreCase: true } }, ["AB", "ab"], ["a"]],
    ["regex", { stringMatch: { safeRegex: { regex: "a.*" } } }, ["ab"], ["ba", "Ab"]],
    [
      "regex ignores ignore_case",
      { stringMatch: { safeRegex: { regex: "a" }, ignoreCase: true } },
      ["a"],
      ["A"],
    ],
    ["range", { rangeMatch: { start: -5, end: 10 } }, ["-5", "+9", " 9 ", "0009"], ["10", "x", ""]],
    [
      "wide range",
      { rangeMatch: { start: 0, end: 2n ** 63n - 1n } },
      ["9223372036854775806"],
      ["9223372036854775807", "9223372036854775808"],
    ],
    ["legacy exact", { exactMatch: "a" }, ["a"], ["b"]],
    ["legacy empty exact is presence", { exactMatch: "" }, ["a", ""], []],
    ["legacy prefix", { prefixMatch: "a" }, ["ab"], ["b"]],
    ["legacy suffix", { suffixMatch: "b" }, ["ab"], ["ba"]],
    ["legacy contains", { containsMatch: "b" }, ["abc"], ["ac"]],
    ["legacy regex", { safeRegexMatch: { regex: "a+" } }, ["aa"], ["ab"]],
    ["not ASCII", { stringMatch: { exact: "é" } }, ["\xc3\xa9"], ["\xe9"]],
  ];
  for (const [name, message, good, bad] of kinds) {
    it(name, () => {
      for (const value of good) assert.equal(matches(message, value), true, value);
      for (const value of bad) assert.equal(matches(message, value), false, value);
    });
  }

  it("joins the values of a repeated header with a comma", () => {
    assert.equal(matches({ stringMatch: { exact: "a,b" } }, "a", "b"), true);
    assert.equal(matches({ stringMatch: { exact: "a" } }, "a", "b"), false);
  });

  it("reads pseudo headers, and the authority as host", () => {
    const request = new TestRequest("/p", { method: "PUT", host: "a.com" }).headers;
    const match = (name: string, exact: string): boolean =>
      compileHeaderMatcher({ name, stringMatch: { exact } }, new CompileContext())!.matches(
        request,
      );
    assert.equal(match(":method", "PUT"), true);
    assert.equal(match(":path", "/p"), true);
    assert.equal(match(":authority", "a.com"), true);
    assert.equal(match("Host", "a.com"), true);
    assert.equal(match(":scheme", "https"), false);
  });

  it("names what is wrong", () => {
    const context = new CompileContext();
    compileHeaderMatcher({ name: "h", stringMatch: {} }, context);
    compileHeaderMatcher({ name: "" }, context);
    compileHeaderMatcher({ name: "h", stringMatch: { safeRegex: { regex: "(" } } }, context);
    const typedConfig = { typeUrl: "type.googleapis.com/x.Lua", value: {} };
    compileHeaderMatcher({ name: "h", stringMatch: { custom: { typedConfig } } }, context);
    assert.deepEqual(
      context.diagnostics.map(({ path, message }) => `${path}: ${message.split(":")[0]}`),
      [
        "string_match: A string matcher needs a pattern",
        "name: A header matcher needs a name",
        "string_match.safe_regex.regex: The pattern is no valid RE2",
        "string_match.custom: String matcher extension type.googleapis.com/x.Lua is not supported",
      ],
    );
  });
});
