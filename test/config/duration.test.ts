import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationMs } from "../../src/config/duration.ts";

describe("durationMs", () => {
  it("cuts off fractions of a millisecond and answers the default for an absent field", () => {
    assert.equal(durationMs({ seconds: 2, nanos: 1_999_999 }, 5), 2001);
    assert.equal(durationMs({ seconds: 0, nanos: 0 }, 5), 0);
    assert.equal(durationMs({ seconds: -1, nanos: -500_000_000 }, 5), -1500);
    assert.equal(durationMs(undefined, 5), 5);
  });
});
