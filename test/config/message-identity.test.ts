import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messageIdentity } from "../../src/config/message-identity.ts";

describe("messageIdentity", () => {
  it("is equal whatever the order of keys, and for absent and undefined fields", () => {
    const one = messageIdentity({ a: 1, b: { c: "x", d: [1, 2] } });
    const two = messageIdentity({ b: { d: [1, 2], c: "x", e: undefined }, a: 1 });
    assert.equal(one, two);
    assert.match(one, /^[0-9a-f]{32}$/);
  });

  it("tells values of other types, orders and places apart", () => {
    const values = [
      {},
      [],
      null,
      "",
      "1",
      1,
      1n,
      true,
      { a: 1 },
      { b: 1 },
      { a: "1" },
      { a: 1n },
      [1, 2],
      [2, 1],
      [[1], 2],
      { a: { b: 1 } },
      { a: {}, b: 1 },
      new Uint8Array([1, 2]),
      new Uint8Array([12]),
      "b1,2",
    ];
    assert.equal(new Set(values.map(messageIdentity)).size, values.length);
  });
});
