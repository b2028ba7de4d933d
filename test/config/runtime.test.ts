import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRuntimeFraction, DEFAULT_RUNTIME } from "../../src/config/runtime.ts";

describe("runtime fraction", () => {
  it("has the message's defaults", () => {
    assert.deepEqual(compileRuntimeFraction({}), { key: "", numerator: 0, denominator: 100 });
    assert.deepEqual(
      compileRuntimeFraction({
        runtimeKey: "k",
        defaultValue: { numerator: 7, denominator: "TEN_THOUSAND" },
      }),
      { key: "k", numerator: 7, denominator: 10_000 },
    );
  });

  it("is drawn modulo its denominator", () => {
    assert.equal(DEFAULT_RUNTIME.featureEnabled("k", 1, 100, 200), true);
    assert.equal(DEFAULT_RUNTIME.featureEnabled("k", 1, 100, 201), false);
    assert.equal(DEFAULT_RUNTIME.featureEnabled("k", 0, 100, 0), false);
    assert.equal(DEFAULT_RUNTIME.getInteger("k", 5), 5);
  });
});
