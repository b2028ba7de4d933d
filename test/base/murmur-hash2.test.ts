import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { murmurHash2 } from "../../src/base/murmur-hash2.ts";

describe("murmurHash2", () => {
  // The values that libstdc++'s std::hash<std::string> gives for its default seed.
  it("agrees with Envoy's own test vectors", () => {
    assert.equal(murmurHash2("foo"), 9631199822919835226n);
    assert.equal(murmurHash2("bar"), 11474628671133349555n);
    assert.equal(murmurHash2(""), 6142509188972423790n);
  });

  it("reads whole words and what is left of one", () => {
    const texts = ["1234567", "12345678", "123456789", "1234567890123456"];
    const hashes = new Set(texts.map(murmurHash2));
    assert.equal(hashes.size, texts.length);
    for (const hash of hashes) assert.ok(hash >= 0n && hash < 1n << 64n);
  });
});
