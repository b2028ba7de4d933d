/**
 * The 32-bit Mersenne Twister (Matsumoto and Nishimura, 1998; `std::mt19937`): the same numbers for
 * the same seed everywhere. Only for choices that must be repeatable; it is no source of secrets.
 */
const SIZE = 624;
const MIDDLE = 397;
const MATRIX = 0x9908b0df;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;

export class MersenneTwister {
  private readonly state: Uint32Array = new Uint32Array(SIZE);
  private next = SIZE;

  /** Starts over with 32 bits of seed. */
  seed(value: number): void {
    const { state } = this;
    state[0] = value;
    for (let index = 1; index < SIZE; index++) {
      const before = state[index - 1] as number;
      state[index] = Math.imul(before ^ (before >>> 30), 1812433253) + index;
    }
    this.next = SIZE;
  }

  /** The next number, 0 … 2³²−1. */
  uint32(): number {
    if (this.next === SIZE) this.refill();
    let value = this.state[this.next++] as number;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    value ^= value >>> 18;
    return value >>> 0;
  }

  private refill(): void {
    const { state } = this;
    for (let index = 0; index < SIZE; index++) {
      const bits =
        ((state[index] as number) & UPPER) | ((state[(index + 1) % SIZE] as number) & LOWER);
      const odd = (bits & 1) === 0 ? 0 : MATRIX;
      state[index] = (state[(index + MIDDLE) % SIZE] as number) ^ (bits >>> 1) ^ odd;
    }
    this.next = 0;
  }
}
