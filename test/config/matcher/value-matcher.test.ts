import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import {
  compileMetadataMatcher,
  compileValueMatcher,
} from "../../../src/config/matcher/value-matcher.ts";
import type { ValueMatcher } from "../../../src/proto/generated/envoy/type/matcher/v3.ts";

function matches(message: ValueMatcher, value: unknown): boolean {
  return compileValueMatcher(message, new CompileContext())!.matches(value);
}

describe("value matcher", () => {
  const cases: [string, ValueMatcher, unknown[], unknown[]][] = [
    ["null", { nullMatch: {} }, [null], [undefined, 0, ""]],
    ["bool", { boolMatch: false }, [false], [true, null, undefined]],
    ["present", { presentMatch: true }, [null, 0, {}], [undefined]],
    ["absent", { presentMatch: false }, [undefined], [null]],
    ["number", { doubleMatch: { exact: 1.5 } }, [1.5], [1, "1.5"]],
    ["range", { doubleMatch: { range: { start: 1, end: 2 } } }, [1, 1.9], [2, "1"]],
    ["text", { stringMatch: { prefix: "é" } }, ["é", "éa"], ["a", 1, null]],
    [
      "list",
      { listMatch: { oneOf: { stringMatch: { exact: "a" } } } },
      [["b", "a"]],
      [["b"], "a", {}],
    ],
    [
      "or",
      { orMatch: { valueMatchers: [{ boolMatch: true }, { nullMatch: {} }] } },
      [true, null],
      [false],
    ],
  ];
  for (const [name, message, good, bad] of cases) {
    it(name, () => {
      for (const value of good) assert.equal(matches(message, value), true, String(value));
      for (const value of bad) assert.equal(matches(message, value), false, String(value));
    });
  }

  it("refuses an empty matcher, deep inside as well", () => {
    const context = new CompileContext();
    assert.equal(compileValueMatcher({ orMatch: { valueMatchers: [{}] } }, context), null);
    assert.equal(context.diagnostics[0]?.path, "or_match.value_matchers[0]");
  });
});

describe("metadata matcher", () => {
  const message = {
    filter: "ns",
    path: [{ key: "a" }, { key: "b" }],
    value: { stringMatch: { exact: "x" } },
  };

  it("follows the path, and inverts the answer", () => {
    const plain = compileMetadataMatcher(message, new CompileContext())!;
    const inverted = compileMetadataMatcher({ ...message, invert: true }, new CompileContext())!;
    assert.equal(plain.namespace, "ns");
    assert.equal(plain.matches({ a: { b: "x" } }), true);
    assert.equal(plain.matches({ a: { b: "y" } }), false);
    assert.equal(plain.matches({ a: "x" }), false);
    assert.equal(plain.matches(undefined), false);
    assert.equal(inverted.matches(undefined), true);
  });
});
