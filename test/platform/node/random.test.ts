import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SystemRandom } from "../../../src/platform/node/random.ts";
import { randomBelow } from "../../../src/platform/random.ts";

describe("SystemRandom", () => {
  it("gives version 4 UUIDs, none twice, across pools", () => {
    const random = new SystemRandom();
    const uuids = Array.from({ length: 1000 }, () => random.uuid());
    for (const uuid of uuids) {
      assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    assert.equal(new Set(uuids).size, uuids.length);
  });

  it("gives integers over the whole range of 32 bits, across pools", () => {
    const random = new SystemRandom();
    const numbers = Array.from({ length: 5000 }, () => random.uint32());
    assert.ok(numbers.every((number) => Number.isInteger(number) && number >= 0));
    assert.ok(Math.max(...numbers) > 0xff000000);
    assert.ok(Math.min(...numbers) < 0x00ffffff);
  });
});

describe("randomBelow", () => {
  it("stays below its bound at both ends of the range", () => {
    const fixed = (value: number): number =>
      randomBelow({ uint32: () => value, uuid: () => "" }, 10);
    assert.equal(fixed(0), 0);
    assert.equal(fixed(0xffffffff), 9);
    assert.equal(fixed(0x80000000), 5);
  });
});
