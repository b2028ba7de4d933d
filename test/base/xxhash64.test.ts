import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { XxHash64 } from "../../src/base/xxhash64.ts";

/** The algorithm as specified, in BigInt: slow and plain. */
function reference(text: string, seed: bigint): bigint {
  const P1 = 0x9e3779b185ebca87n;
  const P2 = 0xc2b2ae3d27d4eb4fn;
  const P3 = 0x165667b19e3779f9n;
  const P4 = 0x85ebca77c2b2ae63n;
  const P5 = 0x27d4eb2f165667c5n;
  const bytes = Buffer.from(text, "latin1");
  const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
  const rotate = (value: bigint, bits: bigint): bigint =>
    u64((value << bits) | (value >> (64n - bits)));
  const round = (state: bigint, input: bigint): bigint =>
    u64(rotate(u64(state + input * P2), 31n) * P1);
  let at = 0;
  let hash = u64(seed + P5);
  if (bytes.length >= 32) {
    const lanes = [seed + P1 + P2, seed + P2, seed, seed - P1].map(u64);
    for (; at + 32 <= bytes.length; at += 32) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = round(lanes[lane]!, bytes.readBigUInt64LE(at + lane * 8));
      }
    }
    hash = u64(
      rotate(lanes[0]!, 1n) +
        rotate(lanes[1]!, 7n) +
        rotate(lanes[2]!, 12n) +
        rotate(lanes[3]!, 18n),
    );
    for (const lane of lanes) hash = u64((hash ^ round(0n, lane)) * P1 + P4);
  }
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    hash = u64(rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4);
  }
  if (at + 4 <= bytes.length) {
    hash = u64(rotate(hash ^ u64(BigInt(bytes.readUInt32LE(at)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = u64(rotate(hash ^ u64(BigInt(bytes[at]!) * P5), 11n) * P1);
  hash = u64((hash ^ (hash >> 33n)) * P2);
  hash = u64((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}

describe("xxHash64", () => {
  const hasher = new XxHash64();

  it("gives the published values", () => {
    hasher.hash("");
    assert.equal(hasher.toHex(), "ef46db3751d8e999");
    hasher.hash("a");
    assert.equal(hasher.toHex(), "d24ec4f1a98c6e5b");
    hasher.hash("Call me Ishmael. Some years ago--never mind how long precisely-");
    assert.equal(hasher.toHex(), "02a2e85470d6fd96");
  });

  it("agrees with the specification for every length and with seeds", () => {
    let text = "";
    for (let length = 0; length < 150; length++) {
      for (const seed of [0n, 1n, 0xffffffffffffffffn, 0x123456789abcdef0n]) {
        hasher.hash(text, Number(seed >> 32n), Number(seed & 0xffffffffn));
        assert.equal(hasher.toBigInt(), reference(text, seed), `length ${length}, seed ${seed}`);
      }
      text += String.fromCharCode((length * 37 + 128) & 255);
    }
  });
});
