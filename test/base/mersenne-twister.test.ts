import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MersenneTwister } from "../../src/base/mersenne-twister.ts";

describe("MersenneTwister", () => {
  it("gives the numbers that the C++ standard promises", () => {
    const twister = new MersenneTwister();
    twister.seed(5489);
    assert.equal(twister.uint32(), 3499211612);
    for (let number = 2; number < 10_000; number++) twister.uint32();
    assert.equal(twister.uint32(), 4123659995, "the 10,000th of std::mt19937");
  });

  it("starts over with a seed", () => {
    const twister = new MersenneTwister();
    twister.seed(1);
    const first = [twister.uint32(), twister.uint32()];
    twister.seed(1);
    assert.deepEqual([twister.uint32(), twister.uint32()], first);
  });
});
