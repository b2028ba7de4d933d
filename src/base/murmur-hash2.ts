/**
 * MurmurHash2 in its 64-bit form (MurmurHash64A, as libstdc++ hashes strings) over byte strings.
 * Envoy: `MurmurHash::murmurHash2`, one of the two functions of hash rings.
 */
const MULTIPLIER = 0xc6a4a7935bd1e995n;
/** Envoy: `STD_HASH_SEED`. */
const SEED = 0xc70f6907n;

/** Hashes the bytes of `text` (one character per byte) to an unsigned 64-bit integer. */
export function murmurHash2(text: string): bigint {
  const { length } = text;
  let hash = SEED ^ product(BigInt(length), MULTIPLIER);
  const aligned = length - (length % 8);
  for (let at = 0; at < aligned; at += 8) {
    hash = product(
      hash ^ product(mixed(product(littleEndian(text, at, 8), MULTIPLIER)), MULTIPLIER),
      MULTIPLIER,
    );
  }
  if (aligned < length) {
    hash = product(hash ^ littleEndian(text, aligned, length - aligned), MULTIPLIER);
  }
  return mixed(product(mixed(hash), MULTIPLIER));
}

function mixed(value: bigint): bigint {
  return value ^ (value >> 47n);
}

function product(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(64, a * b);
}

function littleEndian(text: string, at: number, bytes: number): bigint {
  let value = 0n;
  for (let index = bytes - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(text.charCodeAt(at + index) & 0xff);
  }
  return value;
}
