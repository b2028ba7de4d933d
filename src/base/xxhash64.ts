// hot: per request
/**
 * xxHash64 (Yann Collet, XXH64) over byte strings, in 32-bit halves: BigInt is several times
 * slower. Envoy: `HashUtil::xxHash64`, the hash of hash policies, rings and set-cookie values.
 */

const PRIME1_HIGH = 0x9e3779b1;
const PRIME1_LOW = 0x85ebca87;
const PRIME2_HIGH = 0xc2b2ae3d;
const PRIME2_LOW = 0x27d4eb4f;
const PRIME3_HIGH = 0x165667b1;
const PRIME3_LOW = 0x9e3779f9;
const PRIME4_HIGH = 0x85ebca77;
const PRIME4_LOW = 0xc2b2ae63;
const PRIME5_HIGH = 0x27d4eb2f;
const PRIME5_LOW = 0x165667c5;

/** Computes one hash at a time; the result stays in `high` and `low` until the next. */
export class XxHash64 {
  /** Upper and lower 32 bits of the hash, as signed integers. */
  high = 0;
  low = 0;
  /** High and low halves of the four lanes of long inputs. */
  private readonly lanes: Int32Array = new Int32Array(8);

  /** Hashes the bytes of `text` (one character per byte). The seed is in two halves. */
  hash(text: string, seedHigh: number = 0, seedLow: number = 0): void {
    const { length } = text;
    let at = 0;
    if (length >= 32) {
      at = this.stripes(text, seedHigh, seedLow);
    } else {
      this.high = seedHigh | 0;
      this.low = seedLow | 0;
      this.add(PRIME5_HIGH, PRIME5_LOW);
    }
    this.add(0, length);
    for (; at + 8 <= length; at += 8) this.word(text, at);
    if (at + 4 <= length) {
      const low = read32(text, at);
      this.xorProduct(0, low, PRIME1_HIGH, PRIME1_LOW);
      this.rotate(23);
      this.multiply(PRIME2_HIGH, PRIME2_LOW);
      this.add(PRIME3_HIGH, PRIME3_LOW);
      at += 4;
    }
    for (; at < length; at++) {
      this.xorProduct(0, text.charCodeAt(at) & 0xff, PRIME5_HIGH, PRIME5_LOW);
      this.rotate(11);
      this.multiply(PRIME1_HIGH, PRIME1_LOW);
    }
    this.avalanche();
  }

  /** The hash as an unsigned 64-bit integer. */
  toBigInt(): bigint {
    return (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0);
  }

  /** 16 hex digits, as `Hex::uint64ToHex`. */
  toHex(): string {
    const high = (this.high >>> 0).toString(16).padStart(8, "0");
    return high + (this.low >>> 0).toString(16).padStart(8, "0");
  }

  /** Consumes whole 32-byte stripes; returns where the rest begins. */
  private stripes(text: string, seedHigh: number, seedLow: number): number {
    const { lanes } = this;
    this.startLane(0, seedHigh, seedLow, PRIME1_HIGH, PRIME1_LOW);
    this.addLane(0, PRIME2_HIGH, PRIME2_LOW);
    this.startLane(2, seedHigh, seedLow, PRIME2_HIGH, PRIME2_LOW);
    this.startLane(4, seedHigh, seedLow, 0, 0);
    // Minus prime 1, by two's complement.
    this.startLane(6, seedHigh, seedLow, ~PRIME1_HIGH, -PRIME1_LOW);
    let at = 0;
    for (; at + 32 <= text.length; at += 32) {
      for (let lane = 0; lane < 8; lane += 2) {
        this.high = lanes[lane]!;
        this.low = lanes[lane + 1]!;
        this.round(read32(text, at + lane * 4 + 4), read32(text, at + lane * 4));
        lanes[lane] = this.high;
        lanes[lane + 1] = this.low;
      }
    }
    this.mergeLanes();
    return at;
  }

  private startLane(
    lane: number,
    seedHigh: number,
    seedLow: number,
    high: number,
    low: number,
  ): void {
    this.lanes[lane] = seedHigh;
    this.lanes[lane + 1] = seedLow;
    this.addLane(lane, high, low);
  }

  private addLane(lane: number, high: number, low: number): void {
    this.high = this.lanes[lane]!;
    this.low = this.lanes[lane + 1]!;
    this.add(high, low);
    this.lanes[lane] = this.high;
    this.lanes[lane + 1] = this.low;
  }

  private mergeLanes(): void {
    const { lanes } = this;
    let sumHigh = 0;
    let sumLow = 0;
    for (let lane = 0; lane < 8; lane += 2) {
      this.high = lanes[lane]!;
      this.low = lanes[lane + 1]!;
      this.rotate(LANE_ROTATIONS[lane >> 1]!);
      this.add(sumHigh, sumLow);
      sumHigh = this.high;
      sumLow = this.low;
    }
    for (let lane = 0; lane < 8; lane += 2) {
      const high = this.high;
      const low = this.low;
      this.high = 0;
      this.low = 0;
      this.round(lanes[lane]!, lanes[lane + 1]!);
      this.high ^= high;
      this.low ^= low;
      this.multiply(PRIME1_HIGH, PRIME1_LOW);
      this.add(PRIME4_HIGH, PRIME4_LOW);
    }
  }

  /** Eight bytes of the tail. */
  private word(text: string, at: number): void {
    const high = this.high;
    const low = this.low;
    this.high = 0;
    this.low = 0;
    this.round(read32(text, at + 4), read32(text, at));
    this.high ^= high;
    this.low ^= low;
    this.rotate(27);
    this.multiply(PRIME1_HIGH, PRIME1_LOW);
    this.add(PRIME4_HIGH, PRIME4_LOW);
  }

  /** state = rotl(state + input × prime 2, 31) × prime 1. */
  private round(inputHigh: number, inputLow: number): void {
    const high = this.high;
    const low = this.low;
    this.high = inputHigh;
    this.low = inputLow;
    this.multiply(PRIME2_HIGH, PRIME2_LOW);
    this.add(high, low);
    this.rotate(31);
    this.multiply(PRIME1_HIGH, PRIME1_LOW);
  }

  /** state ^= a × b. */
  private xorProduct(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
    const high = this.high;
    const low = this.low;
    this.high = aHigh;
    this.low = aLow;
    this.multiply(bHigh, bLow);
    this.high ^= high;
    this.low ^= low;
  }

  private avalanche(): void {
    this.xorShift(33);
    this.multiply(PRIME2_HIGH, PRIME2_LOW);
    this.xorShift(29);
    this.multiply(PRIME3_HIGH, PRIME3_LOW);
    this.low ^= this.high;
  }

  /** state ^= state >>> bits, for bits of 29 and 33. */
  private xorShift(bits: number): void {
    if (bits >= 32) {
      this.low ^= this.high >>> (bits - 32);
      return;
    }
    this.low ^= (this.low >>> bits) | (this.high << (32 - bits));
    this.high ^= this.high >>> bits;
  }

  private add(high: number, low: number): void {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.low = sum | 0;
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0;
  }

  /** Rotates left by 1 … 31 bits. */
  private rotate(bits: number): void {
    const high = (this.high << bits) | (this.low >>> (32 - bits));
    this.low = (this.low << bits) | (this.high >>> (32 - bits));
    this.high = high;
  }

  private multiply(high: number, low: number): void {
    const a0 = this.low & 0xffff;
    const a1 = this.low >>> 16;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    const p00 = Math.imul(a0, b0);
    const p01 = Math.imul(a0, b1);
    const p10 = Math.imul(a1, b0);
    const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff);
    const carry = (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16);
    const cross = Math.imul(this.low, high) + Math.imul(this.high, low);
    this.high = (Math.imul(a1, b1) + carry + cross) | 0;
    this.low = (middle << 16) | (p00 & 0xffff);
  }
}

const LANE_ROTATIONS: readonly number[] = [1, 7, 12, 18];

/** Four bytes, little-endian. */
function read32(text: string, at: number): number {
  return (
    (text.charCodeAt(at) & 0xff) |
    ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}
