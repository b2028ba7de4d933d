import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../../src/config/runtime.ts";
import { compileRuntimeFlag, isEnabled } from "../../../src/extensions/common/runtime-flag.ts";

describe("RuntimeFlag", () => {
  it("is on without a message, and off when the message has no default", () => {
    assert.equal(isEnabled(compileRuntimeFlag(undefined), DEFAULT_RUNTIME), true);
    assert.equal(isEnabled(compileRuntimeFlag({ runtimeKey: "k" }), DEFAULT_RUNTIME), false);
    assert.equal(isEnabled(compileRuntimeFlag({ defaultValue: true }), DEFAULT_RUNTIME), true);
  });

  it("obeys the runtime under its key", () => {
    const runtime: RuntimeSnapshot = {
      ...DEFAULT_RUNTIME,
      getBoolean: (key, fallback) => (key === "k" ? !fallback : fallback),
    };
    const flag = (runtimeKey: string) => compileRuntimeFlag({ runtimeKey, defaultValue: true });
    assert.equal(isEnabled(flag("k"), runtime), false);
    assert.equal(isEnabled(flag("other"), runtime), true);
  });
});
