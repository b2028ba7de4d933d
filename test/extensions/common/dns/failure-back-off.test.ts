import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import {
  compileFailureRefreshRate,
  FailureBackOff,
} from "../../../../src/extensions/common/dns/failure-back-off.ts";
import type { RandomGenerator } from "../../../../src/platform/random.ts";

/** Always the largest. */
const LARGEST: RandomGenerator = { uint32: () => 0xffffffff, uuid: () => "" };

describe("FailureBackOff", () => {
  it("doubles the interval up to its maximum, below which the wait is random", () => {
    const backOff = new FailureBackOff({ baseMs: 100, maxMs: 300 }, 5000, LARGEST);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => backOff.nextMs()),
      [99, 199, 299, 299],
    );
    backOff.reset();
    assert.equal(backOff.nextMs(), 99);
  });

  it("waits the same each time without a rate", () => {
    const backOff = new FailureBackOff(null, 5000, LARGEST);
    assert.deepEqual([backOff.nextMs(), backOff.nextMs()], [5000, 5000]);
  });

  it("has a maximum of ten times the base, and refuses one below it", () => {
    const context = new CompileContext();
    const second = { seconds: 1, nanos: 0 };
    assert.equal(compileFailureRefreshRate(undefined, context), null);
    assert.deepEqual(compileFailureRefreshRate({ baseInterval: second }, context), {
      baseMs: 1000,
      maxMs: 10_000,
    });
    compileFailureRefreshRate(
      { baseInterval: second, maxInterval: { seconds: 0, nanos: 1_000_000 } },
      context,
    );
    assert.match(context.diagnostics[0]!.message, /max_interval greater than or equal/);
  });
});
