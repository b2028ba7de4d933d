// hot: per request
/** A 64-bit hash in two halves: a BigInt would be allocated for every step of a search. */

/** Holds one hash at a time. */
export class Hash64 {
  /** Unsigned halves. */
  high = 0;
  low = 0;
  private readonly value: BigUint64Array<ArrayBuffer> = new BigUint64Array(1);
  private readonly view: DataView = new DataView(this.value.buffer);

  take(hash: bigint): void {
    this.value[0] = hash;
    const littleEndian = LITTLE_ENDIAN;
    this.high = this.view.getUint32(littleEndian ? 4 : 0, littleEndian);
    this.low = this.view.getUint32(littleEndian ? 0 : 4, littleEndian);
  }

  takeHalves(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  /** The remainder by a divisor of at most 2²⁰, or 5,000,011: all products stay exact. */
  remainder(divisor: number): number {
    return remainder64(this.high, this.low, divisor);
  }
}

/** `(high × 2³² + low) mod divisor` for unsigned halves and divisors below 2²³. */
export function remainder64(high: number, low: number, divisor: number): number {
  const shift = 4294967296 % divisor;
  return ((high % divisor) * shift + (low % divisor)) % divisor;
}

const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
