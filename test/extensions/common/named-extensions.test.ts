import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { compileNamed } from "../../../src/extensions/common/named-extensions.ts";

const TYPES = [
  { name: "first", messageType: "pkg.First", compile: (message: unknown) => ({ first: message }) },
  { name: "second", messageType: "pkg.Second", compile: () => null },
];

function compile(message: object): { made: object | null; problems: string[] } {
  const context = new CompileContext("at");
  const made = compileNamed<object>("kind of thing", TYPES, message, context);
  const problems = context.diagnostics.map((one) => `${one.path}: ${one.message}; ${one.remedy}`);
  return { made, problems };
}

describe("an extension of a message", () => {
  it("is found by the type of its configuration, whatever its name", () => {
    const typedConfig = { typeUrl: "type.googleapis.com/pkg.First", value: { a: 1 } };
    assert.deepEqual(compile({ name: "other", typedConfig }).made, { first: { a: 1 } });
  });

  it("is found by name when it has no configuration", () => {
    assert.deepEqual(compile({ name: "first" }).made, { first: {} });
  });

  it("that is unknown is reported with what it may have meant", () => {
    assert.deepEqual(compile({ name: "frist" }).problems, [
      "at: No kind of thing is called frist; use first",
    ]);
    const typedConfig = { typeUrl: "type.googleapis.com/pkg.Other" };
    assert.match(compile({ typedConfig }).problems[0]!, /No kind of thing is called pkg\.Other/);
    assert.match(compile({}).problems[0]!, /use one of first, second/);
  });
});
