import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sameJson } from "../../src/base/same-json.ts";

describe("sameJson", () => {
  it("finds equal values equal, in any order of keys", () => {
    assert.ok(sameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }));
    for (const value of [0, "", null, true, [], {}]) assert.ok(sameJson(value, value));
  });

  it("tells apart everything else", () => {
    const pairs: readonly [unknown, unknown][] = [
      [1, "1"],
      [null, {}],
      [null, undefined],
      [[], {}],
      [{}, []],
      [[1], [1, 2]],
      [
        [1, 2],
        [2, 1],
      ],
      [{ a: 1 }, { a: 2 }],
      [{ a: 1 }, { b: 1 }],
      [{ a: 1 }, { a: 1, b: 2 }],
      [{ a: 1, b: 2 }, { a: 1 }],
      [{ a: undefined }, { b: undefined }],
    ];
    for (const [a, b] of pairs) assert.equal(sameJson(a, b), false, JSON.stringify([a, b]));
  });
});
