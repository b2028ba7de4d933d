import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenBucket } from "../../../src/extensions/common/token-bucket.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";

function bucket(maxTokens: number, tokensPerFill: number, fillIntervalMs: number) {
  const time = new SimulatedTime();
  const made = new TokenBucket({ maxTokens, tokensPerFill, fillIntervalMs }, time);
  const take = (count: number): number =>
    Array.from({ length: count }, () => made.tryConsume()).filter(Boolean).length;
  return { time, take };
}

describe("TokenBucket", () => {
  it("starts full and refills continuously, as semantics §10.17 says", () => {
    const { time, take } = bucket(10, 10, 60_000);
    assert.equal(take(11), 10);
    time.run(5_999);
    assert.equal(take(1), 0);
    time.run(1);
    assert.equal(take(2), 1);
    time.run(12_000);
    assert.equal(take(3), 2);
  });

  it("never holds more than its maximum", () => {
    const { time, take } = bucket(3, 100, 50);
    time.run(1_000_000);
    assert.equal(take(10), 3);
  });

  it("adds up fractions of a token over many looks", () => {
    const { time, take } = bucket(1, 1, 1000);
    assert.equal(take(1), 1);
    let taken = 0;
    for (let step = 0; step < 10_000; step++) {
      time.run(1);
      taken += take(1);
    }
    assert.ok(taken >= 9 && taken <= 10, `${taken} tokens in 10 s`);
  });
});
